//! THREATS 2: the router has the documented routes, a fixed few besides, and no others.

use crate::isolation::is_golden;
use crate::operations::{Called, objects, operations};
use chancery_testkit::{Engine, TestServer, routes, run};
use std::collections::BTreeSet;

#[tokio::test]
async fn nothing_is_routed_past_the_document() {
    run(Engine::Sqlite, async |server: &TestServer| {
        let document = server.anonymous().get("/openapi.json").await.ok(200);
        let documented: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
        let routed = server.node().addresses();
        assert!(documented.is_subset(&routed), "documented and not routed: {:?}", documented.difference(&routed));
        for path in routed.difference(&documented) {
            is_golden(&format!("- `GET {path}`\n"));
        }
        // The listener without TLS has the public addresses and no others.
        let public = routes::addresses(&chancery_http::public_router(server.node().service));
        assert_eq!(public.into_iter().collect::<Vec<_>>(), ["/pki/{public}/{file}"]);
    })
    .await;
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
fn posts_that_keep_no_record_of_a_key_are_these() {
    let document = serde_json::to_value(chancery_http::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let keyed =
        |post: &serde_json::Value| post["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"));
    let posts = paths.iter().filter(|(_, path)| path.get("post").is_some_and(|post| !keyed(post)));
    let unkeyed = posts.map(|(path, _)| path.rsplit('/').next().unwrap()).collect::<Vec<_>>();
    assert_eq!(unkeyed, ["enrol", "pkcs12", "dry-run"]);
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
