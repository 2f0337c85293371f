//! `/v1/tenants/{tenant}/accounts…`: accounts and their tokens.

use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

/// What is cached of a tenant is used no longer than this.
const LEASE: Duration = Duration::from_secs(4);

async fn an_account_is_made_shown_and_listed(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let body = json!({"name": "Müller & Söhne 🚀", "roles": ["issuer", "auditor"]});
    let made = admin.post(&server.acme.path("/accounts"), body.clone()).await.ok(201);
    assert_eq!((&made["name"], &made["roles"], &made["enabled"]), (&body["name"], &body["roles"], &json!(true)));
    let shown = admin.get(&server.acme.path(&format!("/accounts/{}", text(&made["id"])))).await.ok(200);
    assert_eq!((&shown["name"], &shown["tokens"]), (&body["name"], &json!([])));
    let listed = admin.get(&server.acme.path("/accounts")).await.ok(200);
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, [&body["name"], &json!("admin")]);
    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == made["event"]["id"]).unwrap();
    assert_eq!((&event["leaf"], &event["event"]["detail"]["name"]), (&made["event"]["leaf"], &body["name"]));

    for bad in [json!(""), json!(" x"), json!("x\u{7}"), json!("x".repeat(101))] {
        let problem = admin.post(&server.acme.path("/accounts"), json!({"name": bad, "roles": ["viewer"]})).await.problem(422, "invalid");
        assert_eq!(problem["field"], "name");
    }
    // Without a role it may do nothing until it is bound to one.
    let none = server.account_of(&server.acme, json!({"name": "x", "roles": []})).await;
    server.as_(&none.1).get(&server.acme.path("/profiles")).await.problem(403, "forbidden");
}

async fn a_token_is_shown_once_and_ends_on_the_millisecond(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let (account, _) = server.account(&server.acme, "viewer").await;
    let path = server.acme.path(&format!("/accounts/{account}"));
    let minted = admin.post(&format!("{path}/tokens"), json!({"expires_in_seconds": 600})).await.ok(201);
    let token = server.as_(text(&minted["token"]));
    assert!(!admin.get(&path).await.text().contains(text(&minted["token"])));

    server.clock.advance(Duration::from_millis(600_000 - 3));
    token.get(&server.acme.path("/profiles")).await.ok(200);
    token.get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
    for bad in [0, 367 * 86_400] {
        admin.post(&format!("{path}/tokens"), json!({"expires_in_seconds": bad})).await.problem(422, "invalid");
    }
}

async fn a_repeated_mint_makes_one_token_and_answers_without_its_secret(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "viewer").await;
    let path = server.acme.path(&format!("/accounts/{account}/tokens"));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (client, path) = (server.as_(&server.acme.admin).once("mint"), path.clone());
            tokio::spawn(async move { client.post(&path, json!({})).await.ok(201) })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| answer.get("token").is_some()).count(), 1);
    assert!(answers.iter().all(|answer| answer["id"] == answers[0]["id"] && answer["event"] == answers[0]["event"]));
    let shown = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/accounts/{account}"))).await.ok(200);
    assert_eq!(shown["tokens"].as_array().unwrap().len(), 2);
}

async fn a_revoked_token_stops_here_at_once_and_everywhere_within_the_lease(server: &TestServer) {
    let (account, token) = server.account(&server.acme, "viewer").await;
    let tokens = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/accounts/{account}"))).await.ok(200)["tokens"].clone();
    let path = server.acme.path(&format!("/accounts/{account}/tokens/{}/revoke", text(&tokens[0]["id"])));
    stops(server, &token, &path).await;
    server.as_(&server.acme.admin).post(&path, json!({})).await.problem(409, "conflict");
}

async fn a_disabled_account_stops_here_at_once_and_everywhere_within_the_lease(server: &TestServer) {
    let (account, token) = server.account(&server.acme, "viewer").await;
    let path = server.acme.path(&format!("/accounts/{account}"));
    stops(server, &token, &format!("{path}/disable")).await;
    let admin = server.as_(&server.acme.admin);
    admin.post(&format!("{path}/disable"), json!({})).await.problem(409, "conflict");
    admin.post(&format!("{path}/tokens"), json!({})).await.problem(409, "conflict");
    assert_eq!(admin.get(&path).await.ok(200)["enabled"], false);
}

async fn stops(server: &TestServer, token: &str, by: &str) {
    let second = server.second_node().await;
    let path = server.acme.path("/profiles");
    server.as_(token).get(&path).await.ok(200);
    second.as_(token).get(&path).await.ok(200);
    let done = server.as_(&server.acme.admin).post(by, json!({})).await.ok(200);
    server.as_(token).get(&path).await.problem(401, "unauthenticated");
    server.clock.advance(LEASE);
    second.as_(token).get(&path).await.problem(401, "unauthenticated");
    // Another's token goes on.
    second.as_(&server.acme.admin).get(&path).await.ok(200);
    let log = server.events(&server.acme).await;
    assert!(log.iter().any(|entry| entry["id"] == done["event"]["id"] && entry["leaf"] == done["event"]["leaf"]));
}

async fn a_write_is_decided_on_what_holds_now_not_on_what_is_cached(server: &TestServer) {
    let second = server.second_node().await;
    let (account, token) = server.account(&server.acme, "issuer").await;
    second.as_(&token).get(&server.acme.path("/profiles")).await.ok(200);
    server.as_(&server.acme.admin).post(&server.acme.path(&format!("/accounts/{account}/disable")), json!({})).await.ok(200);
    // No time passes: the second node still has its lease, and the write-set's guard stops it all the same.
    let body = json!({"profile": "tls-server", "names": [server.acme.host("www")]});
    second.as_(&token).post(&server.acme.path("/certificates"), body).await.problem(401, "unauthenticated");
    let issued = server.as_(&server.acme.admin).get(&server.acme.path("")).await.ok(200);
    assert_eq!(issued["certificates_issued"], 0);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

on_both_engines!(
    an_account_is_made_shown_and_listed,
    a_token_is_shown_once_and_ends_on_the_millisecond,
    a_repeated_mint_makes_one_token_and_answers_without_its_secret,
    a_revoked_token_stops_here_at_once_and_everywhere_within_the_lease,
    a_disabled_account_stops_here_at_once_and_everywhere_within_the_lease,
    a_write_is_decided_on_what_holds_now_not_on_what_is_cached,
);
