//! `GET /v1/tenants/{tenant}/events/{event}/evidence` and `/trust`: what the service gives verifies without it, and says what was so (I14).

use chancery_testkit::{TestServer, TestTenant, on_both_engines, python, schema};
use chancery_verify::{Known, Report, Verdict, verify_bundle};
use serde_json::{Value, json};
use std::time::Duration;

async fn trust(server: &TestServer, tenant: &TestTenant) -> Known {
    let file = server.as_(&tenant.admin).get(&tenant.path("/trust")).await.ok(200);
    Known::parse(&serde_json::to_vec(&file).unwrap()).unwrap()
}

async fn evidence(server: &TestServer, tenant: &TestTenant, event: &Value, view: &str) -> Vec<u8> {
    let path = tenant.path(&format!("/events/{}/evidence{view}", event.as_str().unwrap()));
    let answer = server.as_(&tenant.admin).get(&path).await;
    answer.ok(200);
    answer.body.to_vec()
}

fn said<'a>(report: &'a Report, label: &str) -> Vec<&'a str> {
    report.said.iter().filter(|said| said.label == label).map(|said| said.text.as_str()).collect()
}

async fn a_signatures_evidence_verifies_without_the_service(server: &TestServer) {
    let signer = server.signer(&server.acme, "release", json!({})).await;
    let event = server.signature(&server.acme, &signer).await["event"]["id"].clone();
    server.run_jobs().await;
    let (ours, theirs) = (trust(server, &server.acme).await, trust(server, &server.brava).await);
    let bundle = evidence(server, &server.acme, &event, "").await;
    let report = verify_bundle(&bundle, Some(&ours), None);
    assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "{report:#?}");
    assert_eq!(said(&report, "act"), ["signature.create"]);
    assert_eq!(said(&report, "signature"), ["ecdsa-p256-sha256, holds"]);
    assert!(said(&report, "policy")[0].starts_with("release, version 1, in force since "), "{report:#?}");
    assert_eq!(said(&report, "root").len(), 1);
    assert_eq!(verify_bundle(&bundle, Some(&theirs), None).verdict, Verdict::Invalid, "another tenant's trust is no trust in this one");
    assert_eq!(verify_bundle(&bundle, None, None).verdict, Verdict::Untrusted);
    for view in ["auditor", "partner"] {
        let seen = evidence(server, &server.acme, &event, &format!("?view={view}")).await;
        let value: Value = serde_json::from_slice(&seen).unwrap();
        assert_eq!(verify_bundle(&seen, Some(&ours), None).verdict, Verdict::Valid, "{view}: {value:#}");
        assert_eq!(value["signatures"][0]["value"].is_string(), view == "partner");
        assert_eq!(value["lineage"][0]["opened"].is_object(), view == "auditor");
    }
    let admin = server.as_(&server.acme.admin);
    let strange = server.acme.path("/events/00000000-0000-0000-0000-000000000000/evidence");
    admin.get(&strange).await.problem(404, "not-found");
}

async fn a_timestamps_evidence_is_in_that_of_the_signature(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let time = server.timestamper(&server.acme, "time", "ec-p256", json!({})).await;
    let profile = json!({"formats": ["cms", "pades", "sigstore"], "timestamp_by": time, "timestamp_required": true});
    let signer = server.signer(&server.acme, "release", profile).await;
    let digest = format!("sha-256:{}", "7f".repeat(32));
    for format in ["cms", "pades", "sigstore"] {
        let body = json!({"format": format, "documents": [{"digest": digest}, {"digest": digest}]});
        let signed = admin.post(&server.acme.path(&format!("/signers/{signer}/signatures")), body).await.ok(201);
        server.run_jobs().await;
        let (ours, theirs) = (trust(server, &server.acme).await, trust(server, server.in_brava()).await);
        for view in ["full", "auditor", "partner"] {
            let bundle = evidence(server, &server.acme, &signed["event"]["id"], &format!("?view={view}")).await;
            let report = verify_bundle(&bundle, Some(&ours), None);
            assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "{format} {view}: {report:#?}");
            assert_eq!(said(&report, "timestamp").len(), 2, "{format} {view}: {report:#?}");
            assert_eq!(verify_bundle(&bundle, Some(&theirs), None).verdict, Verdict::Invalid);
            let mut value: Value = serde_json::from_slice(&bundle).unwrap();
            let given = value["timestamps"].take();
            value.as_object_mut().unwrap().remove("timestamps");
            assert_eq!(verify_bundle(value.to_string().as_bytes(), Some(&ours), None).faults[0].code, "timestamp");
            // The act that gave them has evidence of its own.
            let event: Value = serde_json::from_str(given["act"]["opened"]["event"].as_str().unwrap()).unwrap();
            let bundle = evidence(server, &server.acme, &event["id"], &format!("?view={view}")).await;
            let report = verify_bundle(&bundle, Some(&ours), None);
            assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "{format} {view}: {report:#?}");
        }
    }
}

async fn a_certificates_evidence_tells_of_its_revocation(server: &TestServer) {
    let issued = server.certificate(&server.acme, "evidence").await;
    let (event, id) = (issued["event"]["id"].clone(), issued["id"].as_str().unwrap().to_owned());
    server.run_jobs().await;
    let known = trust(server, &server.acme).await;
    let report = verify_bundle(&evidence(server, &server.acme, &event, "").await, Some(&known), None);
    assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "{report:#?}");
    assert_eq!((said(&report, "act"), said(&report, "later").len()), (vec!["certificate.issue"], 0));
    assert_eq!(said(&report, "policy").len(), 1, "the profile's version is there: {report:#?}");
    // Lists tell whole seconds.
    server.pass(Duration::from_secs(60)).await;
    let path = server.acme.path(&format!("/certificates/{id}/revoke"));
    server.as_(&server.acme.admin).post(&path, json!({ "reason": "superseded" })).await.ok(200);
    server.run_jobs().await;
    let report = verify_bundle(&evidence(server, &server.acme, &event, "").await, Some(&known), None);
    assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "it was sound when it was issued: {report:#?}");
    assert_eq!(said(&report, "later").len(), 1, "{report:#?}");
    assert_eq!(said(&report, "revoked later").len(), 1, "{report:#?}");
}

async fn a_withdrawn_signature_is_told_and_not_valid(server: &TestServer) {
    let signer = server.signer(&server.acme, "release", json!({})).await;
    let signed = server.signature(&server.acme, &signer).await;
    let admin = server.as_(&server.acme.admin);
    let path = server.acme.path(&format!("/signatures/{}", signed["id"].as_str().unwrap()));
    let withdraw = format!("{path}/withdraw");
    for reason in ["", "\u{1b}[31m", &"x".repeat(501)] {
        admin.post(&withdraw, json!({ "reason": reason })).await.problem(422, "invalid");
    }
    let withdrawn = admin.post(&withdraw, json!({ "reason": "the wrong build" })).await.ok(200);
    assert_eq!(withdrawn["withdrawn_by"], withdrawn["event"]["id"]);
    assert_eq!(admin.get(&path).await.ok(200)["withdrawn_by"], withdrawn["event"]["id"]);
    assert_eq!(admin.get(&server.acme.path("/signatures")).await.ok(200)["items"][0]["withdrawn_by"], withdrawn["event"]["id"]);
    admin.post(&withdraw, json!({ "reason": "again" })).await.problem(409, "conflict");
    server.run_jobs().await;
    let known = trust(server, &server.acme).await;
    let report = verify_bundle(&evidence(server, &server.acme, &signed["event"]["id"], "").await, Some(&known), None);
    let codes: Vec<_> = report.faults.iter().map(|fault| fault.code).collect();
    assert_eq!((report.verdict, codes.as_slice()), (Verdict::Invalid, ["withdrawn"].as_slice()), "{report:#?}");
    assert!(report.faults[0].message.ends_with("the wrong build"), "{report:#?}");
}

/// Whoever is trusted for TLS need not be for signatures.
async fn a_partners_root_is_no_root_of_signers(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let roots = async || admin.get(&server.acme.path("/trust")).await.ok(200)["roots"].as_array().unwrap().clone();
    let before = roots().await;
    let theirs = server.as_(&server.brava.admin).get(&server.brava.path("/trust")).await.ok(200);
    let body = json!({ "name": "Partner", "pem": theirs["roots"][0] });
    admin.post(&server.acme.path("/trust-anchors"), body).await.ok(201);
    assert_eq!((roots().await, before.len()), (before, 1));
}

/// Bundle and trust file are what their published schemas say, as an independent validator reads these, and nothing that is not.
async fn what_is_given_is_as_its_schema_says(server: &TestServer) {
    let signer = server.signer(&server.acme, "release", json!({})).await;
    let event = server.signature(&server.acme, &signer).await["event"]["id"].clone();
    server.run_jobs().await;
    let bundle: Value = serde_json::from_slice(&evidence(server, &server.acme, &event, "").await).unwrap();
    let trust = server.as_(&server.acme.admin).get(&server.acme.path("/trust")).await.ok(200);
    let document: Value = serde_json::from_str(&chancery_http::document().to_pretty_json().unwrap()).unwrap();
    const JUDGE: &str = "import json, sys, jsonschema_rs\n\
        schema, good, bad = (json.loads(text) for text in sys.argv[1:])\n\
        judge = jsonschema_rs.validator_for(schema)\n\
        judge.validate(good)\n\
        sys.exit(judge.is_valid(bad))";
    for (name, good) in [("Bundle", bundle), ("TrustFile", trust)] {
        let mut bad = good.clone();
        bad["surprise"] = json!(1);
        let schema = schema::standalone(&document, name, "test");
        python::must(JUDGE, &[schema.to_string(), good.to_string(), bad.to_string()]);
    }
}

on_both_engines! {
    what_is_given_is_as_its_schema_says,
    a_signatures_evidence_verifies_without_the_service,
    a_timestamps_evidence_is_in_that_of_the_signature,
    a_certificates_evidence_tells_of_its_revocation,
    a_withdrawn_signature_is_told_and_not_valid,
    a_partners_root_is_no_root_of_signers,
}
