//! Killed at each durable step: what is left says so, and the command run again does the rest.

use crate::installation::{Installation, text};
use crate::on_both;
use crate::world;
use chancery_domain::signature::DigestAlgorithm;
use chancery_testkit::Engine;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

on_both!(
    a_killed_backup_leaves_nothing_that_looks_whole,
    a_killed_restore_is_not_served_and_runs_again,
    a_killed_reconciliation_goes_on,
    a_killed_export_puts_the_same_there_again,
);

const LISTED: &str = include_str!("../../../../docs/kill-points.md");

/// The points of a command on this engine.
fn points(start: &str, engine: Engine) -> Vec<&'static str> {
    let names = LISTED.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let of_database = |name: &str| name.contains("database");
    let fits = |name: &&str| name.starts_with(start) && (start != "restore." || of_database(name) == (engine == Engine::Postgres));
    let found: Vec<_> = names.filter(fits).collect();
    assert!(found.len() >= 3, "{found:?}");
    found
}

async fn a_killed_backup_leaves_nothing_that_looks_whole(engine: Engine) {
    let place = Installation::new(engine).await;
    place.done(&["init"]).await;
    for point in points("backup.", engine) {
        let copy = place.text(&format!("{point}/data"));
        let ended = place.run_killed(&["backup", &copy], Some(point)).await;
        assert_eq!(ended.code, None, "{point} was not passed: {}", ended.said);
        let other = Installation::new(engine).await;
        if std::path::Path::new(&copy).exists() {
            // It has its name: it is whole.
            other.done(&["restore", &copy]).await;
        } else {
            // Whole but for its name it is from the last point before that on.
            let unfinished = other.run(&["restore", &format!("{copy}.unfinished")]).await.code;
            assert_eq!(unfinished == Some(0), point == "backup.rename.before", "{point}");
            place.done(&["backup", &copy]).await;
            Installation::new(engine).await.done(&["restore", &copy]).await;
        }
    }
}

async fn a_killed_restore_is_not_served_and_runs_again(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    let [data, keys] = world::backed_up(&place).await;
    server.stop().await;
    let mut killed = Vec::new();
    for point in points("restore.", engine) {
        let other = Installation::new(engine).await;
        other.take_root_key(&place);
        let of_keyring = point.contains("keyring");
        if of_keyring {
            assert_eq!(other.run_killed(&["restore", "--keyring", &keys], Some(point)).await.code, None, "{point} was not passed");
            let again = other.run(&["restore", "--keyring", &keys]).await;
            assert!(again.code == Some(0) || (again.code == Some(5) && point.ends_with(".after")), "{point}: {}", again.said);
        } else {
            other.done(&["restore", "--keyring", &keys]).await;
            assert_eq!(other.run_killed(&["restore", &data], Some(point)).await.code, None, "{point} was not passed");
            if !point.ends_with(".after") {
                let served = tokio::time::timeout(std::time::Duration::from_secs(20), other.run(&["serve"])).await;
                let ended = served.unwrap_or_else(|_| panic!("{point}: it is served"));
                assert!(ended.code != Some(0) && ended.code.is_some(), "{point}: served");
                assert_ne!(other.run(&["init"]).await.code, Some(0), "{point}: initialised");
            }
        }
        let again = other.run(&["restore", &data]).await;
        assert!(again.code == Some(0) || (again.code == Some(5) && point.ends_with(".after")), "{point}: {}", again.said);
        let server = other.serve().await;
        assert!(server.public("/readyz").await.1.starts_with(b"ready to be read"), "{point}: it is not marked");
        assert!(!tenants[1].events(&server).await.is_empty());
        server.stop().await;
        killed.push(point);
    }
    println!("{engine:?}: killed at {killed:?}");
}

async fn a_killed_reconciliation_goes_on(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, operator, tenants) = world::begin(&place).await;
    let mut later = Vec::new();
    for tenant in &tenants {
        later.push(tenant.issue(&server, "later").await);
    }
    let [data, keys] = world::backed_up(&place).await;
    let published = place.path("published");
    for (tenant, later) in tenants.iter().zip(&later) {
        tenant.revoke(&server, later, "superseded").await;
        tenant.list_with(&server, later).await;
        tenant.save_lists(&server, &published).await;
    }
    server.stop().await;
    let published = published.display().to_string();
    for point in points("reconcile.", engine) {
        let other = crate::restored::restored(&place, &data, &keys).await;
        let words = ["reconcile", "--lists", &published];
        assert_eq!(other.run_killed(&words, Some(point)).await.code, None, "{point} was not passed");
        if point == "reconcile.begun.after" {
            let none = place.path("none");
            std::fs::create_dir_all(&none).unwrap();
            let refused = other.run(&["reconcile", "--lists", &none.display().to_string(), "--incomplete"]).await;
            assert!(refused.code == Some(5) && refused.said.contains("begun with other lists"), "{}", refused.said);
        }
        let again = other.run(&words).await;
        assert_eq!(again.code, Some(if point == "reconcile.unmark.after" { 2 } else { 0 }), "{point}: {}", again.said);
        let server = other.serve().await;
        for (tenant, later) in tenants.iter().zip(&later) {
            let events = tenant.events(&server).await;
            let count = |act: &str| events.iter().filter(|event| event["act"] == act).count();
            assert_eq!((count("store.reconcile"), count("certificate.revoke")), (1, 1), "{point}");
            assert!(tenant.list(&server).await.unwrap().entries().iter().any(|entry| entry.serial.to_string() == later.serial), "{point}");
        }
        let platform = world::log(&server, &operator, "00000000-0000-0000-0000-000000000000").await;
        assert_eq!(platform.iter().filter(|event| event["act"] == "store.reconcile").count(), 1, "{point}");
        server.stop().await;
    }
}

async fn a_killed_export_puts_the_same_there_again(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, [tenant, _]) = world::begin(&place).await;
    server.stop().await;
    for point in points("archive.", engine) {
        let base = place.path(point);
        std::fs::create_dir(&base).unwrap();
        let serve = async |kill: Option<&str>| {
            let mut command = place.command(&["serve"]);
            command.env("CHANCERY_ARCHIVE_DIR", &base);
            kill.map(|kill| command.env("CHANCERY_KILL", format!("{kill}:1")));
            Installation::serve_as(command).await
        };
        let mut killed = serve(Some(point)).await;
        let set = killed.http.post(format!("{}{}", killed.url, tenant.path("/archive"))).bearer_auth(&tenant.token);
        // It may end before it answers.
        let _ = set.json(&json!({"destination": "folder"})).send().await;
        let ended = tokio::time::timeout(Duration::from_secs(30), killed.child.wait()).await;
        assert_eq!(ended.unwrap_or_else(|_| panic!("{point} was not passed")).unwrap().code(), None, "{point} was not passed");
        // Begun anew it does not wait for the killed one's lease, and meets what that one left.
        let server = serve(None).await;
        server.post(&tenant.token, &tenant.path("/archive/end"), json!({})).await;
        let (status, set) = server.post(&tenant.token, &tenant.path("/archive"), json!({"destination": "folder"})).await;
        assert_eq!(status, 200, "{point}: {set}");
        server
            .until("a whole archive", async || {
                let (_, shown) = server.get(&tenant.token, &tenant.path("/archive")).await;
                shown.get("exported_at").map(|_| ())
            })
            .await;
        server.stop().await;
        let files = files_below(&base.join(&tenant.id));
        // The log grew meanwhile: its last tile has another name by now, and what was begun under the old one stays beside it.
        let begun = files.iter().filter(|path| path.extension() == Some("part".as_ref())).count();
        assert!(begun <= usize::from(point == "archive.file.written"), "{point}: {files:?}");
        let manifests: Vec<_> = files.iter().filter(|path| path.starts_with(base.join(&tenant.id).join("manifest"))).collect();
        assert!(!manifests.is_empty(), "{point}: {files:?}");
        for path in manifests {
            let manifest: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            for object in manifest["objects"].as_array().unwrap() {
                let content = std::fs::read(base.join(&tenant.id).join(text(&object["key"]))).unwrap();
                let digest = chancery_x509::hash::digest(DigestAlgorithm::Sha256, &content).to_string();
                assert_eq!(digest, format!("sha-256:{}", text(&object["sha256"])), "{point}: {object}");
            }
        }
        let server = place.serve().await;
        server.post(&tenant.token, &tenant.path("/archive/end"), json!({})).await;
        server.stop().await;
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
