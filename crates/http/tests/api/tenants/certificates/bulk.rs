//! `POST …/certificates/bulk-revoke` and `bulk-renew`: many at once, each an act of its own.

use super::{at, text};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn three(server: &TestServer) -> Vec<Value> {
    let mut made = Vec::new();
    for label in ["a", "b", "c"] {
        made.push(server.certificate(&server.acme, label).await);
    }
    made
}

async fn each_has_its_own_result_and_event(server: &TestServer) {
    let made = three(server).await;
    let theirs = server.certificate(server.in_brava(), "x").await;
    let admin = server.as_(&server.acme.admin);
    admin.post(&at(server, &made[1], "/revoke"), json!({})).await.ok(200);
    let missing = "0190a000-0000-7000-8000-000000000001";
    let ids = json!([made[0]["id"], made[1]["id"], theirs["id"], missing, "x", made[2]["id"]]);
    let before = server.events(&server.acme).await.len();
    let path = server.acme.path("/certificates/bulk-revoke");
    let answer = admin.post(&path, json!({"certificates": ids, "reason": "superseded"})).await.ok(200);
    let items = answer["items"].as_array().unwrap();
    assert_eq!((&answer["done"], &answer["failed"]), (&json!(2), &json!(4)));
    assert!(items.iter().zip(ids.as_array().unwrap()).all(|(item, id)| item["certificate"] == *id));
    assert_eq!((&items[0]["result"]["status"], &items[5]["result"]["status"]), (&json!("revoked"), &json!("revoked")));
    assert_eq!(items[1]["problem"]["status"], 409);
    // Somebody else's, a missing and a malformed one are told apart by nothing (I7).
    assert_eq!(items[2]["problem"]["status"], 404);
    assert_eq!((&items[2]["problem"], &items[2]["problem"]), (&items[3]["problem"], &items[4]["problem"]));
    let log = server.events(&server.acme).await;
    assert_eq!(log.len(), before + 2);
    for item in [&items[0], &items[5]] {
        let event = log.iter().find(|entry| entry["id"] == item["result"]["event"]["id"]).unwrap();
        assert_eq!((&event["leaf"], &event["event"]["detail"]["certificate"]), (&item["result"]["event"]["leaf"], &item["certificate"]));
    }
    let shown = server.as_(&server.brava.admin).get(&server.brava.path(&format!("/certificates/{}", text(&theirs["id"])))).await.ok(200);
    assert_eq!(shown["status"], "issued");
}

async fn repeated_it_renews_nothing_twice(server: &TestServer) {
    let made = three(server).await;
    let body = json!({"certificates": made.iter().map(|one| &one["id"]).collect::<Vec<_>>()});
    let path = server.acme.path("/certificates/bulk-renew");
    let admin = server.as_(&server.acme.admin).once("bulk");
    let first = admin.post(&path, body.clone()).await.ok(200);
    let again = admin.post(&path, body).await.ok(200);
    assert_eq!(first["done"], 3);
    assert_eq!(first["items"], again["items"]);
    let listed = server.as_(&server.acme.admin).get(&server.acme.path("/certificates")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 6);
    for (old, item) in made.iter().zip(first["items"].as_array().unwrap()) {
        assert_eq!((&item["certificate"], &item["result"]["names"]), (&old["id"], &old["names"]));
    }
    // The same key with another list is another request.
    let other = admin.post(&path, json!({"certificates": [made[0]["id"]]})).await.ok(200);
    assert_eq!(other["items"][0]["problem"]["type"], "urn:chancery:problem:idempotency-key-reused");
}

async fn many_means_a_hundred_and_each_once(server: &TestServer) {
    let one = server.certificate(&server.acme, "a").await;
    let admin = server.as_(&server.acme.admin);
    for (ids, rest) in [
        (json!([]), "bulk-renew"),
        (json!(vec!["x"; 101]), "bulk-renew"),
        (json!([one["id"], one["id"]]), "bulk-renew"),
        (json!(vec!["x"; 101]), "bulk-revoke"),
    ] {
        let body = if rest == "bulk-renew" { json!({"certificates": ids}) } else { json!({"certificates": ids, "reason": "superseded"}) };
        let problem = admin.post(&server.acme.path(&format!("/certificates/{rest}")), body).await.problem(422, "invalid");
        assert_eq!(problem["field"], "certificates");
    }
    assert_eq!(admin.get(&at(server, &one, "")).await.ok(200)["status"], "issued");
}

on_both_engines!(each_has_its_own_result_and_event, repeated_it_renews_nothing_twice, many_means_a_hundred_and_each_once);
