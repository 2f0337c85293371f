//! What somebody may try who wants to cost others something: memory, disk, a place in the log.

use chancery_domain::port::Entropy;
use chancery_domain::{TenantId, TokenId};
use chancery_keys::{Token, TokenKind};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::json;

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

async fn a_made_up_token_opens_no_realm(server: &TestServer) {
    let before = server.events(&server.acme).await.len();
    // A node that has opened no realm yet: opening one would be told in its log.
    let node = server.second_node().await;
    for tenant in [server.acme.id.parse().unwrap(), TenantId::PLATFORM] {
        for kind in [TokenKind::Bearer, TokenKind::Enrolment] {
            let forged = Token::generate(kind, tenant, TokenId::from_bytes([7; 16]), &Sevens).expose().to_string();
            node.as_(&forged).get(&server.acme.path("/certificates")).await.problem(401, "unauthenticated");
            node.as_(&forged).post("/v1/enrol", json!({"name": "Mallory"})).await.problem(401, "unauthenticated");
        }
    }
    assert_eq!(server.events(&server.acme).await.len(), before);
    // A token that holds opens it, and that is told.
    node.as_(&server.acme.admin).get(&server.acme.path("/certificates")).await.ok(200);
    let after = server.events(&server.acme).await;
    assert_eq!((after.len(), &after[0]["event"]["act"]), (before + 1, &json!("keys.unwrap")));
}

async fn a_request_of_many_names_makes_a_short_answer(server: &TestServer) {
    let names: Vec<_> = (0..5000).map(|n| format!("h{n}.other.example")).collect();
    let body = json!({"profile": "tls-server", "names": names});
    let problem = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await.problem(422, "refused");
    assert_eq!(problem["reasons"].as_array().unwrap().len(), 1);
    assert_eq!(problem["reasons"][0]["code"], "too-many-names");
}

async fn a_repeated_invitation_mints_no_second_token(server: &TestServer) {
    let operator = server.as_(&server.operator);
    let created = operator.post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.ok(201);
    let invite = format!("/v1/platform/tenants/{}/invite", created["tenant"]["id"].as_str().unwrap());
    let first = operator.clone().once("invite").post(&invite, json!({})).await.ok(201);
    let again = operator.clone().once("invite").post(&invite, json!({})).await.ok(201);
    assert_eq!((&again["event"], &again["enrolment_token"]), (&first["event"], &json!(null)));
    // The newest counts: the one of the creation was ended by it.
    let enrol = async |token: &serde_json::Value| {
        server.as_(token.as_str().unwrap()).post("/v1/enrol", json!({"name": "Carol"})).await.status.as_u16()
    };
    assert_eq!(enrol(&created["enrolment_token"]).await, 401);
    assert_eq!(enrol(&first["enrolment_token"]).await, 201);
}

on_both_engines!(a_made_up_token_opens_no_realm, a_request_of_many_names_makes_a_short_answer, a_repeated_invitation_mints_no_second_token,);
