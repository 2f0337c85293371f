//! What the state of something refuses, or that there is too much of it, where no other guard would refuse it as well.

use chancery_domain::IssuerId;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn says(problem: &Value, reason: &str) {
    assert!(text(&problem["detail"]).contains(reason), "{problem}");
}

async fn a_token_has_no_successor_after_its_end_or_its_accounts(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let (account, _) = server.account(&server.acme, "viewer").await;
    let path = server.acme.path(&format!("/accounts/{account}"));
    let standing = text(&admin.get(&path).await.ok(200)["tokens"][0]["id"]).to_owned();
    let minted = admin.post(&format!("{path}/tokens"), json!({"expires_in_seconds": 60})).await.ok(201);
    let rotate = async |token: &str| admin.post(&format!("{path}/tokens/{token}/rotate"), json!({})).await;
    server.pass(Duration::from_secs(60)).await;
    says(&rotate(text(&minted["id"])).await.problem(409, "conflict"), "has expired");
    admin.post(&format!("{path}/disable"), json!({})).await.ok(200);
    says(&rotate(&standing).await.problem(409, "conflict"), "account is disabled");
    assert_eq!(admin.get(&path).await.ok(200)["tokens"].as_array().unwrap().len(), 2);
}

async fn nobody_is_invited_into_a_suspended_tenant(server: &TestServer) {
    let operator = server.as_(&server.operator);
    let created = operator.post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.ok(201);
    let turn = |verb: &str| format!("/v1/platform/tenants/{}/{verb}", text(&created["tenant"]["id"]));
    operator.post(&turn("suspend"), json!({})).await.ok(200);
    says(&operator.post(&turn("invite"), json!({})).await.problem(409, "conflict"), "the tenant is suspended");
    operator.post(&turn("resume"), json!({})).await.ok(200);
    operator.post(&turn("invite"), json!({})).await.ok(201);
}

async fn profiles_have_a_bound_of_each_tenants_own(server: &TestServer) {
    let (admin, path) = (server.as_(&server.acme.admin), server.acme.path("/profiles"));
    let mut own = admin.get(&server.acme.path("/profiles/device")).await.ok(200)["profile"].clone();
    let standing = admin.get(&path).await.ok(200)["items"].as_array().unwrap().len();
    for number in standing..200 {
        own["name"] = format!("own-{number}").into();
        admin.post(&path, own.clone()).await.ok(201);
    }
    own["name"] = "one-more".into();
    admin.post(&path, own.clone()).await.problem(403, "quota");
    assert_eq!(admin.get(&path).await.ok(200)["items"].as_array().unwrap().len(), 200);
    server.as_(&server.in_brava().admin).post(&server.brava.path("/profiles"), own).await.ok(201);
}

async fn a_root_that_retired_signs_no_successor(server: &TestServer) {
    // Nothing retires a root while something below it is active, so it is done from below.
    let root: IssuerId = server.acme.root.parse().unwrap();
    let retire = "UPDATE authority SET state = 'retired' WHERE id = ?1";
    assert_eq!(server.below(async |raw| raw.change(&server.acme.id, retire, &[root.as_bytes()]).await).await, 1);
    let (admin, roll) = (server.as_(&server.acme.admin), server.acme.path(&format!("/issuers/{}/successor", server.acme.issuer)));
    says(&admin.post(&roll, json!({})).await.problem(409, "conflict"), "its root is retired");
    let successor = admin.post(&roll, json!({"new_root": true})).await.ok(201);
    assert_ne!(successor["root"], json!(server.acme.root));
}

on_both_engines!(
    a_token_has_no_successor_after_its_end_or_its_accounts,
    nobody_is_invited_into_a_suspended_tenant,
    profiles_have_a_bound_of_each_tenants_own,
    a_root_that_retired_signs_no_successor,
);
