//! Which crate may depend on which, from what `cargo metadata` says.

use serde_json::Value;

/// A crate's package, and which packages of the workspace it may see.
struct Room {
    package: &'static str,
    sees: &'static [&'static str],
}

const PURE: &[&str] = &["chancery-domain", "chancery-x509", "chancery-evidence"];
const VERIFY: &[&str] = &["chancery-domain", "chancery-x509", "chancery-evidence", "chancery-formats"];
const APP: &[&str] =
    &["chancery-domain", "chancery-x509", "chancery-evidence", "chancery-formats", "chancery-policy", "chancery-store", "chancery-keys"];
const CLI: &[&str] = &[
    "chancery-domain",
    "chancery-x509",
    "chancery-evidence",
    "chancery-formats",
    "chancery-policy",
    "chancery-verify",
    "chancery-store",
    "chancery-keys",
    "chancery-app",
    "chancery-http",
];
const TESTKIT: &[&str] = &[
    "chancery-domain",
    "chancery-x509",
    "chancery-evidence",
    "chancery-formats",
    "chancery-policy",
    "chancery-verify",
    "chancery-store",
    "chancery-keys",
    "chancery-app",
    "chancery-http",
    "chancery",
];

const ROOMS: &[Room] = &[
    Room { package: "chancery-domain", sees: &[] },
    Room { package: "chancery-x509", sees: &["chancery-domain"] },
    Room { package: "chancery-evidence", sees: &["chancery-domain"] },
    Room { package: "chancery-formats", sees: PURE },
    Room { package: "chancery-policy", sees: &["chancery-domain"] },
    Room { package: "chancery-verify", sees: VERIFY },
    Room { package: "chancery-store", sees: PURE },
    Room { package: "chancery-keys", sees: PURE },
    Room { package: "chancery-app", sees: APP },
    Room { package: "chancery-http", sees: &["chancery-domain", "chancery-app"] },
    Room { package: "chancery", sees: CLI },
    Room { package: "chancery-testkit", sees: TESTKIT },
    Room { package: "xtask", sees: &[] },
];

/// Libraries that are a storage backend, and the packages that may depend on them.
const BACKENDS: &[&str] = &["rusqlite", "tokio-postgres", "deadpool-postgres"];
const BACKEND_ROOMS: &[&str] = &["chancery-store", "chancery", "chancery-testkit"];

/// Every dependency that points the wrong way, in words.
pub(super) fn violations(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let members: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut found = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(room) = ROOMS.iter().find(|room| room.package == name) else {
            found.push(format!("{name}: a new crate; say in xtask/src/layers/direction.rs whom it may see"));
            continue;
        };
        for dependency in package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let to = dependency["name"].as_str().unwrap_or_default();
            // Tests may reach anywhere, except those of the domain: its values need no house around them.
            if dependency["kind"] == "dev" && name != "chancery-domain" {
                continue;
            }
            if members.contains(&to) && !room.sees.contains(&to) {
                found.push(format!("{name} depends on {to}; it may see only {:?}", room.sees));
            }
            if BACKENDS.contains(&to) && !BACKEND_ROOMS.contains(&name) {
                found.push(format!("{name} depends on the backend {to}; only {BACKEND_ROOMS:?} may"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(package: &str, dependency: &str, kind: Value) -> usize {
        let metadata = json!({"packages": [
            {"name": package, "dependencies": [{"name": dependency, "kind": kind}]},
            {"name": dependency, "dependencies": []},
        ]});
        let unknown_dependency = !ROOMS.iter().any(|room| room.package == dependency);
        violations(&metadata).len() - usize::from(unknown_dependency)
    }

    #[test]
    fn a_dependency_that_points_the_wrong_way_is_found() {
        for (from, to) in [
            ("chancery-domain", "chancery-x509"),
            ("chancery-x509", "chancery-evidence"),
            ("chancery-store", "chancery-keys"),
            ("chancery-keys", "chancery-store"),
            ("chancery-app", "chancery-http"),
            ("chancery-http", "chancery-store"),
            ("chancery", "chancery-testkit"),
            ("xtask", "chancery-domain"),
        ] {
            assert_eq!(found(from, to, Value::Null), 1, "{from} -> {to}");
            assert_eq!(found(from, to, json!("build")), 1, "{from} -> {to} for its build script");
        }
    }

    #[test]
    fn the_right_way_is_left_alone() {
        for (from, to) in [("chancery-x509", "chancery-domain"), ("chancery-app", "chancery-store"), ("chancery-testkit", "chancery")] {
            assert_eq!(found(from, to, Value::Null), 0, "{from} -> {to}");
        }
    }

    #[test]
    fn tests_reach_anywhere_but_those_of_the_domain() {
        assert_eq!(found("chancery-app", "chancery-testkit", json!("dev")), 0);
        assert_eq!(found("chancery-domain", "chancery-testkit", json!("dev")), 1);
    }

    #[test]
    fn only_the_listed_rooms_depend_on_a_backend() {
        let metadata = |name| json!({"packages": [{"name": name, "dependencies": [{"name": "rusqlite", "kind": null}]}]});
        assert_eq!(violations(&metadata("chancery-app")).len(), 1);
        assert!(violations(&metadata("chancery-store")).is_empty());
    }

    #[test]
    fn a_crate_without_a_room_is_found() {
        assert_eq!(violations(&json!({"packages": [{"name": "chancery-misc", "dependencies": []}]})).len(), 1);
    }
}
