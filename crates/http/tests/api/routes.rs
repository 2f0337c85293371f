//! THREATS 2: the router has the documented routes, a fixed few besides, and no others.

use crate::operations::{objects, operations};
use chancery_testkit::{Engine, TestServer, run};
use std::fs;
use std::path::Path;

/// What is not in the document: for operators, and the public PKI addresses.
const UNDOCUMENTED: [&str; 4] = ["/healthz", "/openapi.json", "/pki/{public}/{file}", "/readyz"];

/// Every source file of the crate.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn nothing_is_routed_past_the_document() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut undocumented = Vec::new();
    for (file, source) in &files {
        // The ways to route with axum. What goes through `routes!` is in the document, for both come of one attribute.
        for way in [".nest(", ".nest_service(", ".route_service(", ".fallback_service(", ".nest_axum("] {
            assert!(!source.contains(way), "{file}: {way} adds routes that the document does not have");
        }
        undocumented.extend(source.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap_or("").to_owned()));
    }
    undocumented.sort();
    assert_eq!(undocumented, UNDOCUMENTED);
}

#[tokio::test]
async fn what_is_documented_is_routed_and_the_rest_is_missing() {
    run(Engine::Sqlite, async |server: &TestServer| {
        let ids = objects(server, &server.acme).await;
        for operation in operations(server).await {
            // Without a credential a route says 401, and what is no route 404.
            operation.call(server.anonymous(), &ids).await.problem(401, "unauthenticated");
        }
        for path in ["/", "/v1", "/v1/", "/v1/tenants", "/v2/enrol", "/metrics", "/debug", "/admin", "/v1/enrol/", "//v1/enrol", "/.env"] {
            for token in [None, Some(&server.operator)] {
                let client = token.map_or(server.anonymous(), |token| server.as_(token));
                client.get(path).await.problem(404, "not-found");
            }
        }
        assert_eq!(server.anonymous().get("/healthz").await.ok_text(200), "alive\n");
        assert_eq!(server.anonymous().get("/readyz").await.ok_text(200), "ready\n");
    })
    .await;
}

#[test]
fn operations_have_names_of_their_own() {
    let document = serde_json::to_value(chancery_http::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut names: Vec<_> = paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert_eq!(document["openapi"], "3.1.0");
}
