//! What a signer refuses, with every reason, recorded; and what stops it at once.

use super::{codes, digest, events, raw, shown, sign, text};
use chancery_testkit::signer::{signing_profile, with};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

async fn change(server: &TestServer, name: &str, fields: Value) -> Value {
    let read = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/signers/{name}"))).await;
    let path = server.acme.path(&format!("/signers/{name}/signing-profile"));
    server.as_(&server.acme.admin).with("if-match", read.header("etag")).put(&path, with(signing_profile(), fields)).await.ok(200)
}

async fn every_reason_is_given_and_recorded(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let (ci, token) = server.account(&server.acme, "signer").await;
    let profile = json!({"formats": ["cms"], "algorithms": ["ed25519"], "digests": ["sha-384"], "timestamp_required": true,
        "max_artifact_bytes": 10, "accounts": [ci]});
    let name = server.signer(&server.acme, "strict", profile.clone()).await;
    let body = json!({"format": "raw", "algorithm": "rsa-pss-sha256", "documents": [{"digest": digest(1), "size": 11}]});
    let refused = sign(&admin, server, &name, body).await;
    assert_eq!(codes(&refused), ["account", "format", "algorithm", "key", "timestamp", "digest", "size"]);
    let denials = events(server, "denied").await;
    let detail = &denials[0]["event"]["detail"];
    assert_eq!((&detail["cause"], &detail["action"], &detail["policy_version"]), (&json!("policy"), &json!("signature:create"), &json!(1)));
    assert_eq!((&detail["signer"], &detail["digests"]), (&json!("strict"), &json!([digest(1)])));
    assert_eq!(detail["reasons"], refused.json()["reasons"]);

    // The version in force now decides, for whom it names alone.
    let changed = change(server, &name, json!({"accounts": [ci]})).await;
    assert_eq!((&changed["profile_version"], &changed["signing_profile"]["accounts"]), (&json!(2), &json!([ci])));
    assert_eq!(codes(&sign(&admin, server, &name, raw(&digest(1))).await), ["account"]);
    let signed = sign(&server.as_(&token), server, &name, raw(&digest(1))).await.ok(201);
    assert_eq!((&signed["policy_version"], &signed["account"]), (&json!(2), &json!(ci)));
    let told = events(server, "signer.change").await;
    assert_eq!(told[0]["event"]["detail"]["content"]["accounts"], json!([ci]));
    // Only accounts of the tenant are named.
    let path = server.acme.path(&format!("/signers/{name}/signing-profile"));
    let theirs = with(signing_profile(), json!({"accounts": [server.brava.account]}));
    let refused = admin.clone().with("if-match", "\"2\"").put(&path, theirs).await.problem(422, "invalid");
    assert_eq!(refused["field"], "accounts");
    admin.clone().with("if-match", "\"1\"").put(&path, signing_profile()).await.problem(412, "changed");
    let empty = with(signing_profile(), json!({"formats": []}));
    assert_eq!(admin.clone().with("if-match", "\"2\"").put(&path, empty).await.problem(422, "invalid")["field"], "formats");
}

// A bare signature is a form of its own: nobody gets one by asking for another.
async fn what_is_asked_for_in_one_form_is_not_made_in_another(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let name = server.signer(&server.acme, "programs", json!({"formats": ["pades", "authenticode"]})).await;
    assert_eq!(codes(&sign(&admin, server, &name, raw(&digest(1))).await), ["format"]);
    for format in ["pades", "authenticode"] {
        // What of the file is signed is known where the file is: of its bytes alone no digest is made here.
        let whole = json!({"format": format, "documents": [{"content": "TVo="}]});
        assert_eq!(codes(&sign(&admin, server, &name, whole).await), ["digest-needed"]);
    }
    assert_eq!(shown(server, &name).await["signatures"], 0);
}

async fn a_revoked_certificate_signs_nothing_more(server: &TestServer) {
    let name = server.signer(&server.acme, "release", json!({})).await;
    let nodes = [server.node(), server.second_node().await];
    let path = server.acme.path(&format!("/signers/{name}/signatures"));
    for node in &nodes {
        node.as_(&server.acme.admin).post(&path, raw(&digest(1))).await.ok(201);
    }
    // Both hold it open; a revocation is of no epoch, and yet the next commit notices.
    let certificate = text(&shown(server, &name).await["versions"][0]["certificate"]).to_owned();
    let revoke = server.acme.path(&format!("/certificates/{certificate}/revoke"));
    server.as_(&server.acme.admin).post(&revoke, json!({"reason": "key-compromise"})).await.ok(200);
    for node in &nodes {
        assert_eq!(codes(&node.as_(&server.acme.admin).post(&path, raw(&digest(2))).await), ["certificate-revoked"]);
    }
    assert_eq!(shown(server, &name).await["signatures"], 2);
    // A new key and certificate, and it signs again.
    let roll = server.acme.path(&format!("/signers/{name}/roll"));
    server.as_(&server.acme.admin).post(&roll, json!({})).await.ok(200);
    // What a node refuses is no commit that would tell it of a new epoch: it knows when its lease is over.
    server.clock.advance(Duration::from_secs(5));
    for node in &nodes {
        assert_eq!(node.as_(&server.acme.admin).post(&path, raw(&digest(3))).await.ok(201)["signer_version"], 2);
    }
}

async fn a_retired_issuers_signer_signs_nothing_more(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let name = server.signer(&server.acme, "release", json!({})).await;
    sign(&admin, server, &name, raw(&digest(1))).await.ok(201);
    let issuer = server.acme.path(&format!("/issuers/{}", server.acme.issuer));
    admin.post(&format!("{issuer}/successor"), json!({})).await.ok(201);
    admin.post(&format!("{issuer}/retire"), json!({})).await.ok(200);
    assert_eq!(codes(&sign(&admin, server, &name, raw(&digest(1))).await), ["issuer-retired"]);
    admin.post(&server.acme.path(&format!("/signers/{name}/roll")), json!({})).await.ok(200);
    sign(&admin, server, &name, raw(&digest(1))).await.ok(201);
}

async fn a_certificate_signs_in_its_time(server: &TestServer) {
    let (admin, days) = (server.as_(&server.acme.admin), |days: u64| Duration::from_secs(days * 86_400));
    let profile = with(signing_profile(), json!({"min_validity_seconds": 10 * 86_400}));
    let certify = json!({"profile": "code-signing", "names": [server.acme.host("release")], "validity_seconds": 20 * 86_400});
    let body = json!({"name": "release", "signing_profile": profile, "certify": certify});
    admin.post(&server.acme.path("/signers"), body).await.ok(201);
    let sign = async || sign(&admin, server, "release", raw(&digest(1))).await;
    server.pass(days(9)).await;
    sign().await.ok(201);
    server.pass(days(1)).await;
    assert_eq!(codes(&sign().await), ["certificate-ends-soon"]);
    server.pass(days(10)).await;
    assert_eq!(codes(&sign().await), ["certificate-expired"]);
    // A clock that went back before the certificate.
    server.clock.jump(-21 * 86_400_000);
    assert_eq!(codes(&sign().await), ["certificate-begins"]);
    server.clock.jump(21 * 86_400_000);
}

async fn a_disabled_signer_and_a_suspended_tenant_sign_nothing(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let name = server.signer(&server.acme, "release", json!({})).await;
    let path = |act: &str| server.acme.path(&format!("/signers/{name}/{act}"));
    let (_, lead) = server.account(&server.acme, "security-lead").await;
    let nodes = [server.node(), server.second_node().await];
    for node in &nodes {
        node.as_(&server.acme.admin).post(&path("signatures"), raw(&digest(1))).await.ok(201);
    }
    assert_eq!(server.as_(&lead).post(&path("disable"), json!({})).await.ok(200)["state"], "disabled");
    admin.post(&path("disable"), json!({})).await.problem(409, "conflict");
    for node in &nodes {
        assert_eq!(codes(&node.as_(&server.acme.admin).post(&path("signatures"), raw(&digest(1))).await), ["signer-disabled"]);
    }
    // Who may stop it may not start it.
    server.as_(&lead).post(&path("enable"), json!({})).await.problem(403, "forbidden");
    assert_eq!(admin.clone().once("on").post(&path("enable"), json!({})).await.ok(200)["state"], "active");
    assert_eq!(admin.clone().once("on").post(&path("enable"), json!({})).await.ok(200)["state"], "active");
    admin.post(&path("signatures"), raw(&digest(1))).await.ok(201);
    assert_eq!(events(server, "signer.disable").await.len() + events(server, "signer.enable").await.len(), 2);

    server.as_(&server.operator).post(&format!("/v1/platform/tenants/{}/suspend", server.acme.id), json!({})).await.ok(200);
    admin.post(&path("signatures"), raw(&digest(1))).await.problem(403, "suspended");
    server.as_(&server.operator).post(&format!("/v1/platform/tenants/{}/resume", server.acme.id), json!({})).await.ok(200);
    admin.post(&path("signatures"), raw(&digest(1))).await.ok(201);
}

on_both_engines!(
    what_is_asked_for_in_one_form_is_not_made_in_another,
    every_reason_is_given_and_recorded,
    a_revoked_certificate_signs_nothing_more,
    a_retired_issuers_signer_signs_nothing_more,
    a_certificate_signs_in_its_time,
    a_disabled_signer_and_a_suspended_tenant_sign_nothing,
);
