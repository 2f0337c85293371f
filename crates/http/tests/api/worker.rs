//! The worker as a server runs it, in the background.

use chancery_testkit::{TestServer, on_both_engines};
use serde_json::json;
use std::time::Duration;

async fn within_seconds(what: &str, happened: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if happened().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not happen");
}

/// Ends the worker between two jobs.
async fn stop(server: &TestServer, worker: tokio::task::JoinHandle<()>) {
    within_seconds("the end of its work", async || server.unfinished().await.is_empty()).await;
    worker.abort();
    let _ = worker.await;
}

async fn a_revocation_is_published_by_itself(server: &TestServer) {
    let service = server.node().service.clone();
    let worker = tokio::spawn(async move { service.work().await });
    let certificate = server.certificate(&server.acme, "www").await;
    let path = server.acme.path(&format!("/certificates/{}/revoke", certificate["id"].as_str().unwrap()));
    let crl = async || server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}/crl/0", server.acme.issuer))).await;
    within_seconds("the first CRL", async || crl().await.status == 200).await;
    let before = crl().await.body;
    server.as_(&server.acme.admin).post(&path, json!({})).await.ok(200);
    within_seconds("the next CRL", async || crl().await.body != before).await;
    // What comes due later is found by its lane, without anybody's commit.
    let numbers = async || server.events(&server.acme).await.iter().filter(|entry| entry["event"]["act"] == "crl.publish").count();
    let published = numbers().await;
    server.clock.advance(Duration::from_secs(86_400));
    within_seconds("the daily CRL", async || numbers().await > published).await;
    stop(server, worker).await;
}

// THREATS 30: a flood of denials is counted, and the count recorded.
async fn a_flood_of_denials_becomes_a_summary(server: &TestServer) {
    let (account, token) = server.account(&server.acme, "viewer").await;
    for _ in 0..50 {
        server.as_(&token).post(&server.acme.path("/accounts"), json!({"name": "x", "roles": ["viewer"]})).await.problem(403, "forbidden");
    }
    let denials = async |act: &str| {
        let log = server.events(&server.acme).await;
        log.into_iter().filter(|entry| entry["event"]["act"] == act).collect::<Vec<_>>()
    };
    assert_eq!(denials("denied").await.len(), 20);
    server.clock.advance(Duration::from_secs(60));
    let service = server.node().service.clone();
    let worker = tokio::spawn(async move { service.work().await });
    within_seconds("the summary", async || !denials("denied.summary").await.is_empty()).await;
    stop(server, worker).await;
    let summaries = denials("denied.summary").await;
    assert_eq!(summaries.len(), 1);
    assert_eq!(summaries[0]["event"]["detail"], json!({"account": account, "counted": 30}));
}

async fn requests_without_a_valid_credential_are_counted_for_the_platform(server: &TestServer) {
    for _ in 0..3 {
        server.as_("chyt_x").get(&server.acme.path("")).await.problem(401, "unauthenticated");
    }
    server.clock.advance(Duration::from_secs(60));
    let service = server.node().service.clone();
    let worker = tokio::spawn(async move { service.work().await });
    let platform = chancery_domain::TenantId::PLATFORM.to_string();
    let summaries = async || {
        let log = server.log(&server.operator, &platform).await;
        log.into_iter().filter(|entry| entry["event"]["act"] == "unauthenticated.summary").collect::<Vec<_>>()
    };
    within_seconds("the summary", async || !summaries().await.is_empty()).await;
    stop(server, worker).await;
    assert_eq!(summaries().await[0]["event"]["detail"], json!({"counted": 3}));
}

on_both_engines!(
    a_revocation_is_published_by_itself,
    a_flood_of_denials_becomes_a_summary,
    requests_without_a_valid_credential_are_counted_for_the_platform,
);
