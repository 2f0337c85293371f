//! The quota of live certificates: reached, freed, and never overshot by a race.

use super::{at, text};
use chancery_testkit::{CERTIFICATE_LIMIT, TestServer, on_both_engines};
use serde_json::{Value, json};

async fn tenant(server: &TestServer) -> Value {
    server.as_(&server.acme.admin).get(&server.acme.path("")).await.ok(200)
}

/// Issues so many at once; the answers.
async fn issue(server: &TestServer, count: usize) -> Vec<chancery_testkit::Answer> {
    let body = json!({"profile": "tls-server", "names": [server.acme.host("www")]});
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (client, path, body) = (server.as_(&server.acme.admin), server.acme.path("/certificates"), body.clone());
            tokio::spawn(async move { client.post(&path, body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

async fn not_one_more_under_sixty_four_at_once(server: &TestServer) {
    let limit = usize::try_from(CERTIFICATE_LIMIT).unwrap();
    for answer in issue(server, limit - 10).await {
        answer.ok(201);
    }
    let answers = issue(server, 64).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 10);
    for answer in &refused {
        answer.problem(403, "quota");
    }
    let own = tenant(server).await;
    assert_eq!((&own["certificates_live"], &own["certificates_issued"]), (&json!(CERTIFICATE_LIMIT), &json!(CERTIFICATE_LIMIT)));
    let orders = server.as_(&server.acme.admin).get(&server.acme.path("/orders?limit=200")).await.ok(200);
    assert_eq!(orders["items"].as_array().unwrap().len(), limit, "what was refused left nothing");

    // A revocation frees one place, and one only.
    server.as_(&server.acme.admin).post(&at(server, &made[0].json(), "/revoke"), json!({})).await.ok(200);
    assert_eq!(issue(server, 2).await.iter().filter(|answer| answer.status == 201).count(), 1);
    // The other tenant's quota is its own.
    let other = server.in_brava();
    assert_eq!(text(&server.certificate(other, "www").await["status"]), "issued");
}

on_both_engines!(not_one_more_under_sixty_four_at_once);
