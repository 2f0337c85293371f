//! How many signatures a signer makes: in all and a day, never one more.

use super::{digest, raw, shown, sign};
use chancery_testkit::signer::{signing_profile, with};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

/// How many of so many requests at once over two nodes were signed.
async fn signed_at_once(server: &TestServer, count: usize) -> usize {
    let nodes = [server.node(), server.second_node().await];
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let client = nodes[number % 2].as_(&server.acme.admin);
            let path = server.acme.path("/signers/release/signatures");
            tokio::spawn(async move { client.post(&path, raw(&digest(number))).await })
        })
        .collect();
    let mut signed = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status.as_u16() {
            201 => signed += 1,
            _ => drop(answer.problem(403, "quota")),
        }
    }
    signed
}

async fn change(server: &TestServer, fields: Value) {
    let read = server.as_(&server.acme.admin).get(&server.acme.path("/signers/release")).await;
    let path = server.acme.path("/signers/release/signing-profile");
    server.as_(&server.acme.admin).with("if-match", read.header("etag")).put(&path, with(signing_profile(), fields)).await.ok(200);
}

async fn not_one_more_in_all_under_sixty_four_at_once(server: &TestServer) {
    server.signer(&server.acme, "release", json!({"max_signatures": 40})).await;
    assert_eq!(signed_at_once(server, 64).await, 40);
    let listed = server.as_(&server.acme.admin).get(&server.acme.path("/signatures?limit=200")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 40, "what was refused left nothing");
    change(server, json!({"max_signatures": 42})).await;
    assert_eq!(signed_at_once(server, 4).await, 2);
    change(server, json!({})).await;
    assert_eq!(signed_at_once(server, 4).await, 4);
    change(server, json!({"max_signatures": 10})).await;
    assert_eq!(signed_at_once(server, 4).await, 0);
    assert_eq!(shown(server, "release").await["signatures"], 46);
    // Another signer counts by itself.
    server.signer(&server.acme, "other", json!({"max_signatures": 1})).await;
    sign(&server.as_(&server.acme.admin), server, "other", raw(&digest(1))).await.ok(201);
}

async fn each_day_begins_anew_at_midnight(server: &TestServer) {
    server.signer(&server.acme, "release", json!({"max_signatures_a_day": 10})).await;
    assert_eq!(signed_at_once(server, 32).await, 10);
    change(server, json!({"max_signatures_a_day": 12})).await;
    assert_eq!(signed_at_once(server, 4).await, 2);
    // The tests' clock begins on 2027-01-15 at 08:00 UTC.
    server.pass(Duration::from_secs(15 * 3600 + 3500)).await;
    assert_eq!(signed_at_once(server, 4).await, 0, "still before midnight");
    server.pass(Duration::from_secs(600)).await;
    assert_eq!(signed_at_once(server, 32).await, 12);
    server.pass(Duration::from_secs(86_400)).await;
    assert_eq!(signed_at_once(server, 3).await, 3);
    assert_eq!(shown(server, "release").await["signatures"], 27);
}

on_both_engines!(not_one_more_in_all_under_sixty_four_at_once, each_day_begins_anew_at_midnight);
