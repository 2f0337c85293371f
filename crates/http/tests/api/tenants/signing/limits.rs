//! How many signatures a signer makes: in all and a day, never one more.

use super::{digest, raw, shown, sign};
use chancery_domain::TenantId;
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

// The node that read the old profile begins the day.
async fn a_day_begins_under_the_limit_in_force(server: &TestServer) {
    server.signer(&server.acme, "release", json!({"formats": ["raw", "cms"], "max_signatures_a_day": 500})).await;
    let (node, path) = (server.second_node().await, server.acme.path("/signers/release/signatures"));
    let behind = node.as_(&server.acme.admin);
    // Refused: it knows the signer from now on, and has counted nothing.
    behind.post(&path, with(raw(&digest(1)), json!({"format": "jws"}))).await.problem(422, "refused");
    change(server, json!({"max_signatures_a_day": 2})).await;
    for number in 0..2 {
        behind.post(&path, raw(&digest(number))).await.ok(201);
    }
    behind.post(&path, raw(&digest(3))).await.problem(403, "quota");
    // A day ahead by a node's clock, the limit moves as well.
    server.clock.advance(Duration::from_secs(86_400));
    behind.post(&path, raw(&digest(1))).await.ok(201);
    server.clock.jump(-86_400_000);
    change(server, json!({"max_signatures_a_day": 1})).await;
    server.clock.advance(Duration::from_secs(86_400));
    behind.post(&path, raw(&digest(2))).await.problem(403, "quota");
}

async fn a_clock_that_is_ahead_gives_no_day_twice(server: &TestServer) {
    server.signer(&server.acme, "release", json!({"max_signatures_a_day": 3})).await;
    assert_eq!(signed_at_once(server, 4).await, 3);
    server.clock.jump(5 * 86_400_000);
    assert_eq!(signed_at_once(server, 4).await, 3);
    server.clock.jump(-5 * 86_400_000);
    assert_eq!(signed_at_once(server, 4).await, 0);
}

async fn counters_of_days_go_after_thirty(server: &TestServer) {
    server.signer(&server.acme, "release", json!({"max_signatures_a_day": 3})).await;
    let tenant: TenantId = server.acme.id.parse().unwrap();
    let days = async || {
        let sql = "SELECT count(*) FROM counter WHERE tenant_id = ?1 AND name LIKE 'signatures:%:20%'";
        server.below(async |raw| raw.count(&server.acme.id, sql, tenant.as_bytes()).await).await
    };
    assert_eq!(signed_at_once(server, 1).await, 1);
    server.pass(Duration::from_secs(29 * 86_400)).await;
    assert_eq!((signed_at_once(server, 1).await, days().await), (1, 2));
    server.pass(Duration::from_secs(3 * 86_400)).await;
    assert_eq!(days().await, 1);
    assert_eq!(shown(server, "release").await["signatures"], 2, "all of them are counted for good");
}

on_both_engines!(
    a_day_begins_under_the_limit_in_force,
    a_clock_that_is_ahead_gives_no_day_twice,
    counters_of_days_go_after_thirty,
    not_one_more_in_all_under_sixty_four_at_once,
    each_day_begins_anew_at_midnight,
);
