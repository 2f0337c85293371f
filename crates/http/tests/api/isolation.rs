//! I7: foreign is missing. Every documented operation, with every kind of foreign, missing and malformed id.

use crate::operations::{Ids, Operation, objects, operations};
use chancery_domain::port::Entropy;
use chancery_keys::Token;
use chancery_testkit::{Answer, TestServer, on_both_engines};
use serde_json::{Value, json};

const MISSING: &str = "0190a000-0000-7000-8000-000000000001";
const MALFORMED: [&str; 6] = ["x", "..", "%2e%2e", "0190A000-0000-7000-8000-000000000001", "0190a00000007000800000000000000a", "%00"];

/// Status, headers and body of an answer without what names the request.
fn shape(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut body = answer.json();
    let id = body.as_object_mut().unwrap().remove("request_id").expect("an answer names its request");
    assert_eq!(id, answer.header("x-request-id"));
    let headers = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let headers = headers.filter(|(name, _)| name != "x-request-id").collect();
    (answer.status.as_u16(), headers, body)
}

/// An address that no router normalises away: a malformed id in the middle of a path stays there.
fn reaches_a_handler(id: &str) -> bool {
    id != ".."
}

async fn the_path_of_another_tenant_is_missing(server: &TestServer) {
    let theirs = objects(server, server.in_brava()).await;
    let before = server.acts_in_brava().await.len();
    let acme = || server.as_(&server.acme.admin);
    let mut seen = 0;
    for operation in operations(server).await.iter().filter(|operation| operation.parameters.iter().any(|name| name == "tenant")) {
        let with = |tenant: &str| Ids::from_iter(theirs.clone().into_iter().chain([("tenant", tenant.to_owned())]));
        let missing = shape(&operation.call(acme(), &with(MISSING)).await);
        assert_eq!(missing.0, 404, "{}", operation.name());
        // Somebody else's, and the platform's.
        for tenant in [&server.brava.id, "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(shape(&operation.call(acme(), &with(tenant)).await), missing, "{} in {tenant}", operation.name());
        }
        for malformed in MALFORMED.into_iter().filter(|id| reaches_a_handler(id)) {
            assert_eq!(shape(&operation.call(acme(), &with(malformed)).await), missing, "{} in {malformed}", operation.name());
        }
        // An operator is nobody in a tenant.
        assert_eq!(shape(&operation.call(server.as_(&server.operator), &with(&server.brava.id)).await), missing, "{}", operation.name());
        seen += 1;
    }
    assert!(seen > 20);
    assert_eq!(server.acts_in_brava().await.len(), before, "the target's log tells of it");
    let denied = |entry: &&Value| entry["event"]["act"] == "denied" && entry["event"]["detail"]["cause"] == "foreign-tenant";
    assert_eq!(server.events(&server.acme).await.iter().filter(denied).count(), 20, "the caller's log has the first of them");
}

async fn objects_of_another_tenant_are_missing(server: &TestServer) {
    let theirs = objects(server, server.in_brava()).await;
    let ours = objects(server, &server.acme).await;
    let before = server.acts_in_brava().await.len();
    let mut seen = 0;
    for operation in operations(server).await {
        for parameter in operation.parameters.iter().filter(|name| !["tenant", "registered"].contains(&name.as_str())) {
            let (&parameter, theirs) = theirs.get_key_value(parameter.as_str()).expect("a kind of id");
            let with = |id: &str| Ids::from_iter(ours.clone().into_iter().chain([(parameter, id.to_owned())]));
            // A shard is a number within an issuer, a profile is named by its tenant: what is foreign there is missing.
            let (missing, foreign) = match parameter {
                "shard" => ("7", "8"),
                "profile" => ("no-such-profile", "another-profile"),
                _ => (MISSING, theirs.as_str()),
            };
            // The body names the profile of the address.
            let ids = |id: &str| match parameter {
                "profile" => Ids::from_iter(with(id).into_iter().chain([("profile-body", renamed(&ours["profile-body"], id))])),
                _ => with(id),
            };
            let call = async |id: &str| shape(&operation.call(server.as_(&server.acme.admin), &ids(id)).await);
            let missing = call(missing).await;
            assert_eq!(missing.0, 404, "{} with a missing {parameter}", operation.name());
            assert_eq!(call(foreign).await, missing, "{} with a foreign {parameter}", operation.name());
            for malformed in MALFORMED.into_iter().filter(|id| reaches_a_handler(id)) {
                if parameter != "profile" {
                    assert_eq!(call(malformed).await, missing, "{} with {parameter} {malformed}", operation.name());
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 15);
    assert_eq!(server.acts_in_brava().await.len(), before, "the target's log tells of it");
}

fn renamed(profile: &str, name: &str) -> String {
    let mut profile: Value = serde_json::from_str(profile).unwrap();
    profile["name"] = name.into();
    profile.to_string()
}

async fn a_foreign_id_in_a_body_is_missing(server: &TestServer) {
    let issue = async |issuer: &str| {
        let body = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": issuer});
        shape(&server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await)
    };
    let missing = issue(MISSING).await;
    assert_eq!(missing.0, 422);
    assert_eq!(issue(&server.brava.issuer).await, missing);
}

async fn a_foreign_cursor_is_a_place_and_nothing_more(server: &TestServer) {
    let theirs = objects(server, server.in_brava()).await;
    server.certificate(&server.acme, "www").await;
    let path = server.acme.path(&format!("/certificates?cursor={}", theirs["certificate"]));
    let page = server.as_(&server.acme.admin).get(&path).await.ok(200);
    assert!(page["items"].as_array().unwrap().iter().all(|item| item["names"][0] == server.acme.host("www")));
}

async fn the_register_is_missing_for_tenants(server: &TestServer) {
    for operation in operations(server).await.iter().filter(|operation| operation.path.starts_with("/v1/platform")) {
        let ids = |id: &str| Ids::from([("registered", id.to_owned()), ("account", MISSING.to_owned())]);
        let missing = shape(&operation.call(server.as_(&server.acme.admin), &ids(MISSING)).await);
        assert_eq!(missing.0, 404, "{}", operation.name());
        for id in [&server.acme.id, &server.brava.id, "x"] {
            assert_eq!(shape(&operation.call(server.as_(&server.acme.admin), &ids(id)).await), missing, "{}", operation.name());
        }
        // And for an operator a tenant that never was is missing, too.
        if !operation.parameters.is_empty() {
            assert_eq!(shape(&operation.call(server.as_(&server.operator), &ids(MISSING)).await), missing, "{}", operation.name());
            assert_eq!(shape(&operation.call(server.as_(&server.operator), &ids("x")).await), missing, "{}", operation.name());
        }
    }
}

async fn without_a_credential_nothing_answers(server: &TestServer) {
    let ids = objects(server, &server.acme).await;
    let gone = revoked(server).await;
    for operation in operations(server).await {
        operation.call(server.anonymous(), &ids).await.problem(401, "unauthenticated");
        // Whether the tenant exists is not to be seen either.
        let nowhere = Ids::from_iter(ids.clone().into_iter().chain([("tenant", MISSING.to_owned()), ("registered", MISSING.to_owned())]));
        operation.call(server.anonymous(), &nowhere).await.problem(401, "unauthenticated");
        for token in ["x", "", &gone, &server.acme.admin[..40], &of_nobody(&server.acme.admin)] {
            let answer = operation.call(server.as_(token), &ids).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            answer.problem(401, "unauthenticated");
        }
    }
}

async fn revoked(server: &TestServer) -> String {
    let (account, token) = server.account(&server.acme, "viewer").await;
    let path = server.acme.path(&format!("/accounts/{account}"));
    let tokens = server.as_(&server.acme.admin).get(&path).await.ok(200)["tokens"].clone();
    let revoke = format!("{path}/tokens/{}/revoke", tokens[0]["id"].as_str().unwrap());
    server.as_(&server.acme.admin).post(&revoke, json!({})).await.ok(200);
    token
}

/// A well-formed token that nobody was ever given: another secret, and the checksum that goes with it.
fn of_nobody(token: &str) -> String {
    let real = Token::parse(token).unwrap();
    Token::generate(real.kind(), real.tenant(), real.id(), &Fixed).expose().to_string()
}

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

// THREATS 3: one verb further.
async fn other_verbs_answer_the_same_everywhere(server: &TestServer) {
    let theirs = objects(server, server.in_brava()).await;
    let all = operations(server).await;
    for operation in &all {
        for verb in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"] {
            if all.iter().any(|other| other.path == operation.path && other.method == verb) {
                continue;
            }
            let other = Operation { method: verb.to_owned(), ..operation.clone() };
            for client in [server.anonymous(), server.as_(&server.acme.admin)] {
                other.call(client, &theirs).await.problem(405, "method");
            }
        }
    }
}

on_both_engines!(
    the_path_of_another_tenant_is_missing,
    objects_of_another_tenant_are_missing,
    a_foreign_id_in_a_body_is_missing,
    a_foreign_cursor_is_a_place_and_nothing_more,
    the_register_is_missing_for_tenants,
    without_a_credential_nothing_answers,
    other_verbs_answer_the_same_everywhere,
);
