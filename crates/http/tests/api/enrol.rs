//! `POST /v1/enrol`.

use chancery_testkit::{TestServer, on_both_engines};
use serde_json::json;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

async fn invitation(server: &TestServer, slug: &str) -> String {
    let created = server.as_(&server.operator).post("/v1/platform/tenants", json!({"slug": slug})).await.ok(201);
    created["enrolment_token"].as_str().unwrap().to_owned()
}

async fn an_invitation_works_once(server: &TestServer) {
    let token = invitation(server, "carol-ltd").await;
    let enrolled = server.as_(&token).post("/v1/enrol", json!({"name": "Carol", "expires_in_seconds": 60})).await.ok(201);
    assert_eq!(enrolled["account"]["roles"], json!(["tenant-admin"]));
    server.as_(&token).post("/v1/enrol", json!({"name": "Carol"})).await.problem(401, "unauthenticated");

    let (tenant, bearer) = (enrolled["tenant"].as_str().unwrap(), enrolled["token"]["token"].as_str().unwrap());
    let log = server.log(bearer, tenant).await;
    let event = log.iter().find(|entry| entry["event"]["act"] == "account.enrol").unwrap();
    assert_eq!(event["id"], enrolled["token"]["event"]["id"]);
    assert_eq!(event["leaf"], enrolled["token"]["event"]["leaf"]);
    assert_eq!(event["event"]["actor"], json!({"kind": "account", "id": enrolled["account"]["id"], "name": "Carol"}));
    assert_eq!(log.iter().filter(|entry| entry["event"]["act"] == "account.enrol").count(), 1);
}

async fn of_a_hundred_at_once_one_enrols(server: &TestServer) {
    let token = invitation(server, "carol-ltd").await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let client = server.as_(&token);
            tokio::spawn(async move { client.post("/v1/enrol", json!({"name": "Carol"})).await })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap().status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 401), "{statuses:?}");
}

/// To the millisecond: one passes before a request is sent.
async fn an_invitation_ends_after_seven_days(server: &TestServer) {
    for (slug, time, status) in
        [("carol-ltd", DAY * 7 - Duration::from_millis(2), 201), ("dora-inc", DAY * 7 - Duration::from_millis(1), 401)]
    {
        let token = invitation(server, slug).await;
        server.clock.advance(time);
        assert_eq!(server.as_(&token).post("/v1/enrol", json!({"name": "Carol"})).await.status, status, "{slug}");
    }
}

async fn a_lost_invitation_is_made_anew_until_somebody_enrolled(server: &TestServer) {
    let operator = server.as_(&server.operator);
    let created = operator.post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.ok(201);
    let path = format!("/v1/platform/tenants/{}/invite", created["tenant"]["id"].as_str().unwrap());
    let invited = operator.post(&path, json!({})).await.ok(201);
    server.enrol(invited["enrolment_token"].as_str().unwrap(), "Carol").await;
    operator.post(&path, json!({})).await.problem(409, "conflict");
}

async fn tokens_of_one_kind_are_no_tokens_of_the_other(server: &TestServer) {
    let token = invitation(server, "carol-ltd").await;
    server.as_(&token).get(&server.acme.path("")).await.problem(401, "unauthenticated");
    server.as_(&server.acme.admin).post("/v1/enrol", json!({"name": "Carol"})).await.problem(401, "unauthenticated");
    // What a bearer token is made of, under the other's name.
    let forged = server.acme.admin.replacen("chyt_", "chye_", 1);
    server.as_(&forged).post("/v1/enrol", json!({"name": "Carol"})).await.problem(401, "unauthenticated");
    for wrong in ["", "chye_", "x", &token[..token.len() - 1], &token.to_uppercase(), &format!("{token}A")] {
        server.as_(wrong).post("/v1/enrol", json!({"name": "Carol"})).await.problem(401, "unauthenticated");
    }
    server.as_(&token).post("/v1/enrol", json!({"name": "Carol"})).await.ok(201);
}

async fn a_wrong_body_uses_nothing_up(server: &TestServer) {
    let token = invitation(server, "carol-ltd").await;
    let client = server.as_(&token);
    client.post("/v1/enrol", json!({"name": " Carol"})).await.problem(422, "invalid");
    client.post("/v1/enrol", json!({"name": "Carol", "expires_in_seconds": 0})).await.problem(422, "invalid");
    client.post("/v1/enrol", json!({"name": "Carol", "expires_in_seconds": 367 * 86_400})).await.problem(422, "invalid");
    client.post("/v1/enrol", json!({"name": "Carol", "role": "operator"})).await.problem(400, "malformed");
    client.post("/v1/enrol", json!({"name": "Carol"})).await.ok(201);
}

on_both_engines!(
    an_invitation_works_once,
    of_a_hundred_at_once_one_enrols,
    an_invitation_ends_after_seven_days,
    a_lost_invitation_is_made_anew_until_somebody_enrolled,
    tokens_of_one_kind_are_no_tokens_of_the_other,
    a_wrong_body_uses_nothing_up,
);

/// The bootstrap token: 15 minutes, to the millisecond.
async fn bootstrap(engine: chancery_testkit::Engine) {
    for (time, status) in [(MINUTE * 15 - Duration::from_millis(2), 201), (MINUTE * 15 - Duration::from_millis(1), 401)] {
        let server = TestServer::bare(engine).await;
        server.anonymous().get("/readyz").await.ok_text(503);
        let token = server.node().service.initialise().await.unwrap().expose().to_string();
        server.clock.advance(time);
        assert_eq!(server.as_(&token).post("/v1/enrol", json!({"name": "Olga"})).await.status, status);
        server.anonymous().get("/readyz").await.ok_text(200);
        // Asked for again while nobody belongs to the platform, and never after.
        assert_eq!(server.node().service.initialise().await.is_ok(), status == 401);
        server.finish().await;
    }
}

#[tokio::test]
async fn the_bootstrap_token_ends_after_fifteen_minutes_on_sqlite() {
    bootstrap(chancery_testkit::Engine::Sqlite).await;
}

#[tokio::test]
async fn the_bootstrap_token_ends_after_fifteen_minutes_on_postgres() {
    bootstrap(chancery_testkit::Engine::Postgres).await;
}
