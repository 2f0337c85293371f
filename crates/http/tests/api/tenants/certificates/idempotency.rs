//! `Idempotency-Key`: once is once (THREATS 8).

use super::text;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn counts(server: &TestServer) -> (Value, usize, usize) {
    let admin = server.as_(&server.acme.admin);
    let issued = admin.get(&server.acme.path("")).await.ok(200)["certificates_issued"].clone();
    let orders = admin.get(&server.acme.path("/orders?limit=200")).await.ok(200)["items"].as_array().unwrap().len();
    let events = server.events(&server.acme).await.into_iter().filter(|entry| entry["event"]["act"] == "certificate.issue").count();
    (issued, orders, events)
}

async fn a_hundred_at_once_are_one(server: &TestServer) {
    // Over two nodes, as a client's retries reach any of them.
    let nodes = [server.node(), server.second_node().await];
    let body = json!({"profile": "tls-server", "names": [server.acme.host("www")]});
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let client = nodes[number % 2].as_(&server.acme.admin).once("issue www");
            let (path, body) = (server.acme.path("/certificates"), body.clone());
            tokio::spawn(async move { client.post(&path, body).await.ok(201) })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "all hear the same");
    assert_eq!(counts(server).await, (json!(1), 1, 1));
    let listed = server.as_(&server.acme.admin).get(&server.acme.path("/certificates")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

async fn a_key_stands_for_one_request_of_one_principal_in_one_tenant(server: &TestServer) {
    let body = |tenant: &chancery_testkit::TestTenant, label: &str| json!({"profile": "tls-server", "names": [tenant.host(label)]});
    let path = server.acme.path("/certificates");
    let admin = server.as_(&server.acme.admin).once("k");
    let first = admin.post(&path, body(&server.acme, "www")).await.ok(201);
    admin.post(&path, body(&server.acme, "api")).await.problem(422, "idempotency-key-reused");
    // Another operation with the same body.
    admin.post(&server.acme.path("/accounts"), body(&server.acme, "www")).await.problem(400, "malformed");
    let revoke = format!("{path}/{}/revoke", text(&first["id"]));
    admin.post(&revoke, json!({})).await.problem(422, "idempotency-key-reused");

    let (_, issuer) = server.account(&server.acme, "issuer").await;
    let by_another = server.as_(&issuer).once("k").post(&path, body(&server.acme, "www")).await.ok(201);
    assert_ne!(by_another["id"], first["id"]);
    let other = server.in_brava();
    let there = server.as_(&other.admin).once("k").post(&other.path("/certificates"), body(other, "www")).await.ok(201);
    assert_ne!(there["id"], first["id"]);
    let again = server.as_(&other.admin).once("k").post(&other.path("/certificates"), body(other, "www")).await.ok(201);
    assert_eq!(again, there);
    assert_eq!(counts(server).await, (json!(2), 2, 2));
}

async fn a_refused_request_may_be_repeated(server: &TestServer) {
    let path = server.acme.path("/certificates");
    let client = server.as_(&server.acme.admin).once("k");
    client.post(&path, json!({"profile": "tls-server", "names": [server.brava.host("www")]})).await.problem(422, "refused");
    client.post(&path, json!({"profile": "tls-server", "names": [server.acme.host("www")]})).await.ok(201);
}

async fn a_key_is_remembered_for_two_days(server: &TestServer) {
    let (path, body) = (server.acme.path("/certificates"), json!({"profile": "tls-server", "names": [server.acme.host("www")]}));
    let client = server.as_(&server.acme.admin).once("k");
    let first = client.post(&path, body.clone()).await.ok(201);
    server.pass(std::time::Duration::from_secs(2 * 86_400 - 60)).await;
    assert_eq!(client.post(&path, body.clone()).await.ok(201)["id"], first["id"]);
    server.pass(std::time::Duration::from_secs(2 * 86_400)).await;
    assert_ne!(client.post(&path, body).await.ok(201)["id"], first["id"]);
}

on_both_engines!(
    a_hundred_at_once_are_one,
    a_key_stands_for_one_request_of_one_principal_in_one_tenant,
    a_refused_request_may_be_repeated,
    a_key_is_remembered_for_two_days,
);
