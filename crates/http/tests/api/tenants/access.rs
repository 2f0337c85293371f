//! `GET /v1/tenants/{tenant}/access`: who can do what here.

use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn access(server: &TestServer, token: &str) -> Vec<Value> {
    server.as_(token).get(&server.acme.path("/access")).await.ok(200)["items"].as_array().unwrap().clone()
}

async fn accounts_with_rights_and_live_tokens(server: &TestServer) {
    let (viewer, token) = server.account(&server.acme, "viewer").await;
    let (auditor, auditors) = server.account(&server.acme, "auditor").await;
    let (disabled, _) = server.account(&server.acme, "issuer").await;
    server.as_(&token).get(&server.acme.path("/profiles")).await.ok(200);
    let admin = server.as_(&server.acme.admin);
    admin.post(&server.acme.path(&format!("/accounts/{disabled}/disable")), json!({})).await.ok(200);
    let revoked = admin.post(&server.acme.path(&format!("/accounts/{viewer}/tokens")), json!({})).await.ok(201);
    let path = server.acme.path(&format!("/accounts/{viewer}/tokens/{}/revoke", revoked["id"].as_str().unwrap()));
    admin.post(&path, json!({})).await.ok(200);
    server.run_jobs().await;

    // For admins and auditors alike; nobody of the other tenant is in it.
    let listed = access(server, &server.acme.admin).await;
    assert_eq!(listed, access(server, &auditors).await);
    let ids: Vec<_> = listed.iter().map(|item| item["account"].as_str().unwrap()).collect();
    assert_eq!(ids, [&auditor, &viewer, &server.acme.account]);
    let of_viewer = &listed[1];
    assert_eq!(
        of_viewer["actions"],
        json!(["tenant:read", "issuer:read", "profile:read", "certificate:read", "order:read", "signer:read", "signature:read"])
    );
    let tokens = of_viewer["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 1, "the revoked one is worth nothing");
    assert_eq!(tokens[0]["last_used_at"], "2027-01-15T08:00:00Z");
    assert_eq!(tokens[0].get("token"), None);
    assert!(listed[2]["actions"].as_array().unwrap().contains(&json!("account:write")));
    server.as_(&token).get(&server.acme.path("/access")).await.problem(403, "forbidden");

    let first = server.as_(&auditors).get(&server.acme.path("/access?limit=1")).await.ok(200);
    let cursor = first["next"].as_str().unwrap();
    let second = server.as_(&auditors).get(&server.acme.path(&format!("/access?limit=1&cursor={cursor}"))).await.ok(200);
    assert_eq!((&first["items"][0], &second["items"][0]), (&listed[0], &listed[1]));
}

on_both_engines!(accounts_with_rights_and_live_tokens);
