//! A tenant's checkpoints in the platform's log: blinded, once each, and without an end of publishing what publishing left (I14).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::port::Clock;
use chancery_domain::{EventId, JobId, TenantId};
use chancery_evidence::{Checkpoint, VerifierKey, verify_consistency};
use chancery_store::{JobRow, OutboxRow};
use chancery_testkit::{TestServer, TestTenant, on_both_engines};
use chancery_verify::{Known, Report, Verdict, verify_bundle};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// What the platform's log has of checkpoints.
async fn published(server: &TestServer) -> Vec<Value> {
    let log = server.log(&server.operator, &TenantId::PLATFORM.to_string()).await;
    log.into_iter().filter(|entry| entry["event"]["act"] == "checkpoint.publish").collect()
}

async fn size(server: &TestServer, tenant: &TestTenant) -> u64 {
    server.view(&tenant.id).log().await.unwrap().unwrap().size
}

async fn act(server: &TestServer, tenant: &TestTenant) {
    let body = json!({"name": "Somebody", "roles": ["viewer"]});
    server.as_(&tenant.admin).post(&tenant.path("/accounts"), body).await.ok(201);
    server.run_jobs().await;
}

async fn a_checkpoint_is_published_blinded_and_once(server: &TestServer) {
    server.pass(MINUTE).await;
    let (before, sizes) = (published(server).await, (size(server, &server.acme).await, size(server, &server.brava).await));
    assert_eq!(before.len(), 2, "what the tenants began with");
    // Neither publishing nor what it left in the platform's log is published.
    for _ in 0..3 {
        server.pass(MINUTE).await;
    }
    assert_eq!(published(server).await.len(), 2);
    assert_eq!((size(server, &server.acme).await, size(server, &server.brava).await), sizes, "nothing of it is in the tenants' logs");

    act(server, &server.acme).await;
    act(server, &server.acme).await;
    assert_eq!(published(server).await.len(), 2, "the minute is not over");
    server.pass(MINUTE).await;
    let after = published(server).await;
    assert_eq!(after.len(), 3, "one for both acts");
    let new = after.iter().find(|entry| !before.contains(entry)).unwrap();
    let detail = new["event"]["detail"].as_object().unwrap();
    assert_eq!(detail.keys().collect::<Vec<_>>(), ["blinded"], "{new}");
    assert_eq!(hex::decode(detail["blinded"].as_str().unwrap()).unwrap().len(), 32);
    assert_eq!(new["event"]["actor"], json!({"kind": "system"}));
    let row = server.view(&server.acme.id).newest_publication(1).await.unwrap().unwrap();
    assert_eq!((row.size, row.event.to_string()), (size(server, &server.acme).await, new["id"].as_str().unwrap().to_owned()));
    let origin = String::from_utf8(row.note.clone()).unwrap().lines().next().unwrap().to_owned();
    for telling in [&server.acme.id, &server.acme.slug, &origin] {
        assert!(!new.to_string().contains(telling), "{new} tells {telling}");
    }
    // A guess of the note shows nothing without the salt.
    let unsalted = hex::encode(chancery_evidence::blinded(&[0; 32], &row.note));
    assert_ne!(detail["blinded"], json!(unsalted));
}

async fn a_suspended_tenants_log_is_published(server: &TestServer) {
    server.pass(MINUTE).await;
    let before = published(server).await.len();
    server.as_(&server.operator).post(&format!("/v1/platform/tenants/{}/suspend", server.acme.id), json!({})).await.ok(200);
    server.run_jobs().await;
    server.pass(MINUTE).await;
    assert_eq!(published(server).await.len(), before + 1);
}

/// A crash between a delivery and its end delivers again.
async fn what_is_delivered_twice_stands_once(server: &TestServer) {
    server.pass(MINUTE).await;
    let (before, view) = (published(server).await, server.view(&server.acme.id));
    let row = view.newest_publication(1).await.unwrap().unwrap();
    let again = async |event: EventId| {
        let (id, now) = (JobId::from_bytes([7; 16]), server.clock.now());
        let mut changes = view.changes();
        let payload = [event.as_bytes().as_slice(), &[7; 32]].concat();
        changes.insert_outbox(&OutboxRow { id, kind: "checkpoint".to_owned(), payload });
        changes.insert_job(&JobRow { due_at: now, id, kind: "outbox.deliver".to_owned(), subject: Vec::new(), attempts: 0 });
        changes.commit().await.unwrap();
        server.run_jobs().await;
        assert_eq!(view.outbox(1).await.unwrap(), []);
    };
    again(row.event).await;
    assert_eq!(published(server).await, before);
    // Another one would have been put there.
    again(EventId::from_bytes([9; 16])).await;
    assert_eq!(published(server).await.len(), before.len() + 1);
}

pub(crate) async fn trust(server: &TestServer, tenant: &TestTenant) -> Value {
    server.as_(&tenant.admin).get(&tenant.path("/trust")).await.ok(200)
}

fn known(trust: &Value) -> Known {
    Known::parse(&serde_json::to_vec(trust).unwrap()).unwrap()
}

pub(crate) async fn evidence(server: &TestServer, tenant: &TestTenant, event: &Value) -> Value {
    server.as_(&tenant.admin).get(&tenant.path(&format!("/events/{}/evidence", event.as_str().unwrap()))).await.ok(200)
}

pub(crate) fn verified(bundle: &Value, trust: &Value) -> Report {
    verify_bundle(&serde_json::to_vec(bundle).unwrap(), Some(&known(trust)), None)
}

fn codes(report: &Report) -> Vec<&str> {
    report.faults.iter().map(|fault| fault.code).collect()
}

async fn evidence_says_where_the_platform_has_it(server: &TestServer) {
    let signer = server.signer(&server.acme, "release", json!({})).await;
    let signed = server.signature(&server.acme, &signer).await;
    let event = &signed["event"]["id"];
    server.run_jobs().await;
    let (trusted, early) = (trust(server, &server.acme).await, evidence(server, &server.acme, event).await);
    assert!(early["platform"].is_null(), "its minute is not over");
    assert_eq!(verified(&early, &trusted).verdict, Verdict::Valid);

    server.pass(MINUTE).await;
    let bundle = evidence(server, &server.acme, event).await;
    assert_eq!(bundle["checkpoints"], json!([bundle["platform"]["note"]]), "the published checkpoint is the bundle's");
    let report = verified(&bundle, &trusted);
    assert_eq!((report.verdict, codes(&report)), (Verdict::Valid, vec![]), "{report:#?}");
    assert!(report.said.iter().any(|said| said.label == "platform log"), "{report:#?}");
    for view in ["auditor", "partner"] {
        let path = server.acme.path(&format!("/events/{}/evidence?view={view}", event.as_str().unwrap()));
        let seen = server.as_(&server.acme.admin).get(&path).await.ok(200);
        assert_eq!(verified(&seen, &trusted).verdict, Verdict::Valid, "{view}");
    }
    // Who does not know the platform's log verifies the rest; who knows another one under that name does not believe this one.
    let mut without = trusted.clone();
    without.as_object_mut().unwrap().remove("platform");
    assert_eq!(verified(&bundle, &without).verdict, Verdict::Valid);
    let mut another = trusted.clone();
    another["platform"]["keys"] = another["logs"][0]["keys"].clone();
    assert_eq!(codes(&verified(&bundle, &another)), ["log"]);
    let mut changed = bundle.clone();
    changed["platform"]["salt"] = json!(hex::encode([7; 32]));
    assert_eq!(codes(&verified(&changed, &trusted)), ["platform.blinded"]);

    // It stays the first that has the act, however the log grows, until something later belongs to the bundle.
    act(server, &server.acme).await;
    server.pass(MINUTE).await;
    assert_eq!(evidence(server, &server.acme, event).await["checkpoints"], bundle["checkpoints"]);
    let withdraw = server.acme.path(&format!("/signatures/{}/withdraw", signed["id"].as_str().unwrap()));
    server.as_(&server.acme.admin).post(&withdraw, json!({ "reason": "the wrong build" })).await.ok(200);
    server.run_jobs().await;
    let told = evidence(server, &server.acme, event).await;
    assert!(told["platform"].is_null() && told["later"][0].is_object(), "{told:#}");
    assert_eq!(codes(&verified(&told, &trusted)), ["withdrawn"]);
    server.pass(MINUTE).await;
    let told = evidence(server, &server.acme, event).await;
    assert_eq!((told["platform"].is_object(), codes(&verified(&told, &trusted))), (true, vec!["withdrawn"]));
}

async fn evidence_of_another_tenants_publication_is_not_given(server: &TestServer) {
    let event = server.certificate(&server.acme, "published").await["event"]["id"].clone();
    server.run_jobs().await;
    server.pass(MINUTE).await;
    assert!(evidence(server, &server.acme, &event).await["platform"].is_object());
    let theirs = server.view(&server.brava.id).newest_publication(1).await.unwrap().unwrap().event;
    let acme: TenantId = server.acme.id.parse().unwrap();
    server
        .below(async |raw| {
            let sql = "UPDATE publication SET event_id = ?2 WHERE tenant_id = ?1";
            assert!(raw.change(&server.acme.id, sql, &[acme.as_bytes(), theirs.as_bytes()]).await > 0);
        })
        .await;
    let path = server.acme.path(&format!("/events/{}/evidence", event.as_str().unwrap()));
    server.as_(&server.acme.admin).get(&path).await.problem(500, "internal");
}

/// Without the platform's part, as after a restore of an older one: what was given later stands for it.
async fn what_the_platform_lost_is_not_told(server: &TestServer) {
    let event = server.certificate(&server.acme, "published").await["event"]["id"].clone();
    server.run_jobs().await;
    server.pass(MINUTE).await;
    let acme: TenantId = server.acme.id.parse().unwrap();
    let lose = async || {
        server
            .below(async |raw| {
                let sql = "UPDATE publication SET event_id = ?2 WHERE tenant_id = ?1";
                assert!(raw.change(&server.acme.id, sql, &[acme.as_bytes(), &[7; 16]]).await > 0);
            })
            .await;
    };
    lose().await;
    let bundle = evidence(server, &server.acme, &event).await;
    assert!(bundle["platform"].is_null());
    assert_eq!(verified(&bundle, &trust(server, &server.acme).await).verdict, Verdict::Valid);
    act(server, &server.acme).await;
    server.pass(MINUTE).await;
    let bundle = evidence(server, &server.acme, &event).await;
    assert_eq!((bundle["platform"].is_object(), verified(&bundle, &trust(server, &server.acme).await).verdict), (true, Verdict::Valid));
}

async fn the_platforms_log_is_shown_to_tenants_from_outside_alone(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let shown = async || admin.get(&server.acme.path("/platform-log")).await.ok(200)["epochs"][0].clone();
    let before = shown().await;
    let own = server.as_(&server.operator).get(&format!("/v1/tenants/{}/log", TenantId::PLATFORM)).await.ok(200);
    assert_eq!(own["epochs"][0], before);
    let text = admin.get(&server.acme.path("/platform-log/checkpoint")).await;
    assert_eq!(json!(text.text()), before["checkpoint"]);
    assert_eq!(trust(server, &server.acme).await["platform"]["keys"], json!([before["verifier_key"]]));
    server.pass(MINUTE).await;
    let after = shown().await;
    let opened = |epoch: &Value| {
        let key = VerifierKey::parse(epoch["verifier_key"].as_str().unwrap()).unwrap();
        Checkpoint::open(epoch["checkpoint"].as_str().unwrap().as_bytes(), &key).unwrap()
    };
    let (old, new) = (opened(&before), opened(&after));
    assert!(new.size > old.size, "the tenants' checkpoints were given to it");
    let path = server.acme.path(&format!("/platform-log/consistency?from={}&to={}", old.size, new.size));
    let proof = admin.get(&path).await.ok(200);
    let hash = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap().try_into().unwrap();
    let hashes: Vec<_> = proof["hashes"].as_array().unwrap().iter().map(hash).collect();
    verify_consistency(&hashes, old.size, &old.root, new.size, &new.root).unwrap();
    admin.get(&server.acme.path(&format!("/platform-log/consistency?to={}", new.size + 1))).await.problem(422, "invalid");
    admin.get(&server.acme.path("/platform-log/checkpoint?epoch=2")).await.problem(404, "not-found");
}

on_both_engines! {
    evidence_says_where_the_platform_has_it,
    evidence_of_another_tenants_publication_is_not_given,
    what_the_platform_lost_is_not_told,
    the_platforms_log_is_shown_to_tenants_from_outside_alone,
    a_checkpoint_is_published_blinded_and_once,
    a_suspended_tenants_log_is_published,
    what_is_delivered_twice_stands_once,
}
