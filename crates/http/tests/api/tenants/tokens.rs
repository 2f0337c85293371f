//! `/v1/tenants/{tenant}/accounts/{account}/tokens…`: rotated, used, near their end.

use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const LEASE: Duration = Duration::from_secs(4);

/// The tokens of acme's account, newest first.
async fn tokens(server: &TestServer, account: &str) -> Vec<Value> {
    let shown = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/accounts/{account}"))).await.ok(200);
    shown["tokens"].as_array().unwrap().clone()
}

async fn rotate(server: &TestServer, account: &str) -> String {
    let id = text(&tokens(server, account).await[0]["id"]).to_owned();
    server.acme.path(&format!("/accounts/{account}/tokens/{id}/rotate"))
}

async fn a_rotated_token_and_its_successor_overlap(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "viewer").await;
    let ten_days = json!({"expires_in_seconds": 864_000});
    let minted = server.as_(&server.acme.admin).post(&server.acme.path(&format!("/accounts/{account}/tokens")), ten_days).await.ok(201);
    let old = text(&minted["token"]).to_owned();
    let path = rotate(server, &account).await;
    let second = server.second_node().await;
    second.as_(&old).get(&server.acme.path("/profiles")).await.ok(200);
    let admin = server.as_(&server.acme.admin).once("rotate");
    let body = json!({"overlap_seconds": 3600});
    let rotated = admin.post(&path, body.clone()).await.ok(201);
    let (new, successor) = (text(&rotated["successor"]["token"]).to_owned(), &rotated["successor"]["id"]);
    // Repeated it makes no other, and tells the secret to nobody again.
    let again = admin.post(&path, body).await.ok(201);
    assert_eq!((&again["successor"]["id"], &again["event"]), (successor, &rotated["event"]));
    assert_eq!(again["successor"].get("token"), None);

    let shown = tokens(server, &account).await;
    assert_eq!(shown.len(), 3);
    assert_eq!((&shown[1]["successor"], &shown[1]["expires_at"]), (successor, &rotated["replaced"]["expires_at"]));
    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == rotated["event"]["id"]).unwrap();
    assert_eq!((&event["event"]["act"], &event["event"]["detail"]["successor"]), (&json!("token.rotate"), successor));

    // Both hold within the overlap; after it the old one ends on every node, whatever it had read before.
    for token in [&old, &new] {
        server.as_(token).get(&server.acme.path("/profiles")).await.ok(200);
        second.as_(token).get(&server.acme.path("/profiles")).await.ok(200);
    }
    server.clock.advance(Duration::from_secs(3600));
    server.as_(&old).get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
    second.as_(&old).get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
    // The successor has the whole lifetime of the first: 10 days.
    server.clock.advance(10 * DAY - Duration::from_secs(3601));
    server.as_(&new).get(&server.acme.path("/profiles")).await.ok(200);
    server.clock.advance(DAY);
    server.as_(&new).get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
}

async fn without_overlap_the_old_token_ends_at_once_here_and_within_the_lease_elsewhere(server: &TestServer) {
    let (account, old) = server.account(&server.acme, "viewer").await;
    let path = rotate(server, &account).await;
    let second = server.second_node().await;
    second.as_(&old).get(&server.acme.path("/profiles")).await.ok(200);
    let rotated = server.as_(&server.acme.admin).post(&path, json!({"overlap_seconds": 0})).await.ok(201);
    server.as_(&old).get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
    server.clock.advance(LEASE);
    second.as_(&old).get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
    second.as_(text(&rotated["successor"]["token"])).get(&server.acme.path("/profiles")).await.ok(200);
}

async fn a_token_is_rotated_once_and_only_while_it_lives(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "viewer").await;
    let admin = server.as_(&server.acme.admin);
    let path = rotate(server, &account).await;
    admin.post(&path, json!({"overlap_seconds": 30 * 86_400 + 1})).await.problem(422, "invalid");
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (admin, path) = (admin.clone(), path.clone());
            tokio::spawn(async move { admin.post(&path, json!({})).await.status.as_u16() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [[201].as_slice(), &[409; 9]].concat());
    assert_eq!(tokens(server, &account).await.len(), 2);

    let newer = rotate(server, &account).await;
    admin.post(&newer.replace("/rotate", "/revoke"), json!({})).await.ok(200);
    admin.post(&newer, json!({})).await.problem(409, "conflict");
    // Nobody gets, by rotating, a token with more rights than their own.
    let (_, lead) = server.account(&server.acme, "security-lead").await;
    let own = rotate(server, &server.acme.account).await;
    server.as_(&lead).post(&own, json!({})).await.problem(403, "escalation");
}

async fn last_use_is_the_hour_and_is_written_by_the_worker(server: &TestServer) {
    let (account, token) = server.account(&server.acme, "viewer").await;
    let used = async || tokens(server, &account).await[0]["last_used_at"].clone();
    server.run_jobs().await;
    assert_eq!(used().await, Value::Null, "never used");
    server.as_(&token).get(&server.acme.path("/profiles")).await.ok(200);
    assert_eq!(used().await, Value::Null, "not written within the request");
    server.run_jobs().await;
    assert_eq!(used().await, "2027-01-15T08:00:00Z");
    server.clock.advance(Duration::from_secs(7000));
    server.as_(&token).get(&server.acme.path("/profiles")).await.ok(200);
    server.as_("chb_not-a-token").get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
    server.run_jobs().await;
    assert_eq!(used().await, "2027-01-15T09:00:00Z");
}

async fn tokens_near_their_end_are_listed_and_told_of_once(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "viewer").await;
    let (rotated, _) = server.account(&server.acme, "viewer").await;
    let admin = server.as_(&server.acme.admin);
    let listed = async || {
        let items = admin.get(&server.acme.path("/accounts")).await.ok(200)["items"].clone();
        let of = |id: &str| items.as_array().unwrap().iter().find(|item| item["id"] == id).unwrap()["tokens"].clone();
        (of(&account).as_array().unwrap().len(), of(&rotated).as_array().unwrap().len())
    };
    let told = async || {
        let log = server.events(&server.acme).await;
        let told: Vec<_> = log.iter().filter(|entry| entry["event"]["act"] == "token.expiring").collect();
        told.iter().map(|entry| text(&entry["event"]["detail"]["account"]).to_owned()).collect::<Vec<_>>()
    };
    admin.post(&rotate(server, &rotated).await, json!({})).await.ok(201);
    // The replaced one ends within a day, which somebody wanted.
    assert_eq!(listed().await, (0, 0));
    server.pass(75 * DAY).await;
    assert_eq!((listed().await, told().await), ((0, 0), vec![]));
    server.pass(DAY + Duration::from_secs(60)).await;
    assert_eq!(listed().await, (1, 1));
    let mut accounts = told().await;
    accounts.sort();
    let mut expected = vec![server.acme.account.clone(), account.clone(), rotated.clone()];
    expected.sort();
    assert_eq!(accounts, expected);
    server.pass(DAY).await;
    assert_eq!(told().await.len(), 3, "once");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

on_both_engines!(
    a_rotated_token_and_its_successor_overlap,
    without_overlap_the_old_token_ends_at_once_here_and_within_the_lease_elsewhere,
    a_token_is_rotated_once_and_only_while_it_lives,
    last_use_is_the_hour_and_is_written_by_the_worker,
    tokens_near_their_end_are_listed_and_told_of_once,
);
