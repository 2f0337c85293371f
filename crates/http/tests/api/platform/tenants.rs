//! `/v1/platform/tenants…`: created, listed, suspended, resumed.

use crate::operations::{Called, objects, operations};
use chancery_domain::TenantId;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

async fn a_tenant_is_made_with_its_own_admin_and_profiles(server: &TestServer) {
    let operator = server.as_(&server.operator);
    let created = operator.post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.ok(201);
    assert_eq!((&created["tenant"]["slug"], &created["tenant"]["status"]), (&json!("carol-ltd"), &json!("active")));
    let id = created["tenant"]["id"].as_str().unwrap();
    assert_eq!(operator.get(&format!("/v1/platform/tenants/{id}")).await.ok(200), created["tenant"]);

    let (tenant, _, admin) = server.enrol(created["enrolment_token"].as_str().unwrap(), "Carol").await;
    assert_eq!(tenant, id);
    let own = server.as_(&admin).get(&format!("/v1/tenants/{id}")).await.ok(200);
    assert_eq!((&own["certificates_live"], &own["certificates_limit"]), (&json!(0), &json!(chancery_testkit::CERTIFICATE_LIMIT)));
    let profiles = server.as_(&admin).get(&format!("/v1/tenants/{id}/profiles")).await.ok(200)["items"].as_array().unwrap().clone();
    assert_eq!(profiles.len(), chancery_domain::profile::Profile::presets().len());

    // The platform's log says who; the tenant's says that it was the platform.
    let platform = server.log(&server.operator, &TenantId::PLATFORM.to_string()).await;
    let event = platform.iter().find(|entry| entry["id"] == created["event"]["id"]).unwrap();
    assert_eq!(event["leaf"], created["event"]["leaf"]);
    assert_eq!((&event["event"]["act"], &event["event"]["actor"]["id"]), (&json!("tenant.create"), &json!(server.operator_account)));
    let own = server.log(&admin, id).await;
    let mut acts: Vec<_> = own.iter().filter(|entry| entry["event"]["actor"]["kind"] == "platform").collect();
    acts.sort_by_key(|entry| entry["event"]["act"].to_string());
    assert_eq!(acts.iter().map(|entry| &entry["event"]["act"]).collect::<Vec<_>>(), ["enrolment.mint", "tenant.create"]);
}

// THREATS 4
async fn names_that_confuse_are_refused(server: &TestServer) {
    let operator = server.as_(&server.operator);
    for slug in ["", "..", "%2e%2e", "ab", "-acme", "acme-", "a--b", "Acme", "аcme", "ac me", "root", "platform", "acme\u{0}", "1acme"] {
        let problem = operator.post("/v1/platform/tenants", json!({"slug": slug})).await.problem(422, "invalid");
        assert_eq!(problem["field"], "slug");
    }
    assert_eq!(register(server).await.len(), 2);
}

async fn a_slug_is_given_out_once(server: &TestServer) {
    server.as_(&server.operator).post("/v1/platform/tenants", json!({"slug": "acme-bank"})).await.problem(409, "conflict");
    // A suspended tenant keeps its own.
    turn(server, "suspend").await.ok(200);
    server.as_(&server.operator).post("/v1/platform/tenants", json!({"slug": "acme-bank"})).await.problem(409, "conflict");

    let at_once: Vec<_> = (0..20)
        .map(|_| {
            let operator = server.as_(&server.operator);
            tokio::spawn(async move { operator.post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for one in at_once {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    assert_eq!(register(server).await.len(), 3);
}

async fn a_repeated_request_makes_one_tenant_and_keeps_no_secret(server: &TestServer) {
    let operator = server.as_(&server.operator).once("create carol");
    let first = operator.post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.ok(201);
    let again = operator.post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.ok(201);
    assert_eq!((&again["tenant"]["id"], &again["event"]), (&first["tenant"]["id"], &first["event"]));
    assert!(first["enrolment_token"].is_string() && again.get("enrolment_token").is_none());
    operator.post("/v1/platform/tenants", json!({"slug": "dora-inc"})).await.problem(422, "idempotency-key-reused");
}

async fn while_suspended_nobody_acts_and_revocation_goes_on(server: &TestServer) {
    let ids = objects(server, &server.acme).await;
    let path = server.acme.path(&format!("/certificates/{}", ids["certificate"]));
    server.as_(&server.acme.admin).post(&format!("{path}/revoke"), json!({})).await.ok(200);
    let issuer = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}", ids["issuer"]))).await.ok(200);
    let public = format!("/pki/{}", issuer["public_id"].as_str().unwrap());

    let suspended = turn(server, "suspend").await.ok(200);
    assert_eq!(suspended["tenant"]["status"], "suspended");
    for operation in operations(server).await.iter().filter(|operation| operation.path.starts_with("/v1/tenants")) {
        operation.call(server.as_(&server.acme.admin), &ids).await.problem(403, "suspended");
    }
    server.as_("chyt_x").get(&server.acme.path("")).await.problem(401, "unauthenticated");
    turn(server, "suspend").await.problem(409, "conflict");

    // What was revoked before is published after, and again every day.
    server.run_jobs().await;
    let first = server.anonymous().get(&format!("{public}/0.crl")).await;
    server.pass(Duration::from_secs(86_400)).await;
    let second = server.anonymous().get(&format!("{public}/0.crl")).await;
    assert_eq!((first.status, second.status), (200.try_into().unwrap(), 200.try_into().unwrap()));
    assert_ne!(first.body, second.body);
    let judge = chancery_testkit::openssl::Openssl::new();
    assert!(judge.must("crl -inform DER -noout -text", &second.body).contains("Serial Number"));
    assert_eq!(server.anonymous().get(&format!("{public}/ca.cer")).await.status, 200);

    turn(server, "resume").await.ok(200);
    turn(server, "resume").await.problem(409, "conflict");
    server.as_(&server.acme.admin).get(&path).await.ok(200);
    server.certificate(&server.acme, "after").await;
    let log = server.events(&server.acme).await;
    for act in ["tenant.suspend", "tenant.resume"] {
        let told: Vec<_> = log.iter().filter(|entry| entry["event"]["act"] == act).collect();
        assert_eq!(told.len(), 1, "{act}");
        assert_eq!(told[0]["event"]["actor"], json!({"kind": "platform"}));
    }
}

async fn every_node_obeys_a_suspension_within_the_lease(server: &TestServer) {
    let second = server.second_node().await;
    let ask = async || second.as_(&server.acme.admin).get(&server.acme.path("/profiles")).await;
    ask().await.ok(200);
    turn(server, "suspend").await.ok(200);
    server.as_(&server.acme.admin).get(&server.acme.path("/profiles")).await.problem(403, "suspended");
    server.clock.advance(Duration::from_secs(4));
    ask().await.problem(403, "suspended");
    turn(server, "resume").await.ok(200);
    server.clock.advance(Duration::from_secs(4));
    ask().await.ok(200);
}

async fn the_register_is_paged_newest_first(server: &TestServer) {
    for slug in ["carol-ltd", "dora-inc", "emil-ag"] {
        server.as_(&server.operator).post("/v1/platform/tenants", json!({"slug": slug})).await.ok(201);
    }
    let first = server.as_(&server.operator).get("/v1/platform/tenants?limit=2").await.ok(200);
    let next = format!("/v1/platform/tenants?limit=3&cursor={}", first["next"].as_str().unwrap());
    let second = server.as_(&server.operator).get(&next).await.ok(200);
    let slugs = |page: &Value| page["items"].as_array().unwrap().iter().map(|item| item["slug"].clone()).collect::<Vec<_>>();
    assert_eq!([slugs(&first), slugs(&second)].concat(), ["emil-ag", "dora-inc", "carol-ltd", "brava-labs", "acme-bank"]);
    for bad in ["limit=0", "limit=201", "cursor=x"] {
        server.as_(&server.operator).get(&format!("/v1/platform/tenants?{bad}")).await.problem(422, "invalid");
    }
    server.as_(&server.operator).get("/v1/platform/tenants?colour=red").await.problem(400, "malformed");
}

async fn turn(server: &TestServer, verb: &str) -> chancery_testkit::Answer {
    server.as_(&server.operator).post(&format!("/v1/platform/tenants/{}/{verb}", server.acme.id), json!({})).await
}

async fn register(server: &TestServer) -> Vec<Value> {
    server.as_(&server.operator).get("/v1/platform/tenants").await.ok(200)["items"].as_array().unwrap().clone()
}

on_both_engines!(
    a_tenant_is_made_with_its_own_admin_and_profiles,
    names_that_confuse_are_refused,
    a_slug_is_given_out_once,
    a_repeated_request_makes_one_tenant_and_keeps_no_secret,
    while_suspended_nobody_acts_and_revocation_goes_on,
    every_node_obeys_a_suspension_within_the_lease,
    the_register_is_paged_newest_first,
);
