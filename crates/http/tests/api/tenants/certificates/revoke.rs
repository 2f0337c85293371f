//! `POST …/certificates/{certificate}/revoke`, and the CRL that follows.

use super::{at, event_of, judged, text};
use chancery_testkit::openssl::{Openssl, printed_serial};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

/// The CRLs of acme's issuing authority and root, PEM, where openssl finds them.
async fn crls(server: &TestServer, judge: &Openssl) -> String {
    let mut said = String::new();
    let mut all = Vec::new();
    for issuer in [&server.acme.issuer, &server.acme.root] {
        let path = server.acme.path(&format!("/issuers/{issuer}/crl/0"));
        let crl = server.as_(&server.acme.admin).get(&path).await;
        assert_eq!(crl.status, 200);
        all.extend(judge.must("crl -inform DER -outform PEM", &crl.body).into_bytes());
        said += &judge.must("crl -inform DER -noout -text", &crl.body);
    }
    judge.file("crls.pem", all);
    said
}

async fn every_reason_is_listed_as_it_was_given(server: &TestServer) {
    let judge = Openssl::new();
    let good = server.certificate(&server.acme, "good").await;
    let mut revoked = Vec::new();
    for (reason, in_crl) in [
        ("unspecified", None),
        ("key-compromise", Some("Key Compromise")),
        ("affiliation-changed", Some("Affiliation Changed")),
        ("superseded", Some("Superseded")),
        ("cessation-of-operation", Some("Cessation Of Operation")),
        ("privilege-withdrawn", Some("Privilege Withdrawn")),
    ] {
        let certificate = server.certificate(&server.acme, reason).await;
        let answer = server.as_(&server.acme.admin).post(&at(server, &certificate, "/revoke"), json!({"reason": reason})).await.ok(200);
        assert_eq!(answer["status"], "revoked");
        let event = event_of(server, &answer).await;
        assert_eq!((&event["detail"]["reason"], &event["detail"]["moves"]), (&json!(reason), &json!(["issued", "revoked"])));
        revoked.push((certificate, in_crl));
    }
    server.run_jobs().await;
    let said = crls(server, &judge).await;
    for (certificate, reason) in &revoked {
        let serial = printed_serial(text(&certificate["serial"]));
        let (_, entry) = said.split_once(&format!("Serial Number: {serial}")).unwrap_or_else(|| panic!("{serial} in {said}"));
        let entry = entry.split("Serial Number:").next().unwrap();
        match reason {
            Some(reason) => assert!(entry.contains(reason), "{reason} in {entry}"),
            None => assert!(!entry.contains("Reason Code"), "{entry}"),
        }
        let verdict = judged(server, certificate, &judge, "-crl_check_all -CRLfile crls.pem").await;
        assert!(!verdict.ok && verdict.text.contains("certificate revoked"), "{}", verdict.text);
    }
    let verdict = judged(server, &good, &judge, "-crl_check_all -CRLfile crls.pem").await;
    assert!(verdict.ok, "{}", verdict.text);
    judge.must("crl -in crls.pem -noout -CAfile chain.pem", b"");
}

async fn revoked_is_for_good(server: &TestServer) {
    let certificate = server.certificate(&server.acme, "www").await;
    let path = at(server, &certificate, "/revoke");
    for bad in ["hold", "certificate-hold", "remove-from-crl", ""] {
        server.as_(&server.acme.admin).post(&path, json!({"reason": bad})).await.problem(422, "invalid");
    }
    server.as_(&server.acme.admin).post(&path, json!({})).await.ok(200);
    server.as_(&server.acme.admin).post(&path, json!({"reason": "superseded"})).await.problem(409, "conflict");
    assert_eq!(server.as_(&server.acme.admin).get(&at(server, &certificate, "")).await.ok(200)["status"], "revoked");
}

async fn of_revocations_at_once_one_counts(server: &TestServer) {
    let (one, _other) = (server.certificate(&server.acme, "one").await, server.certificate(&server.acme, "other").await);
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (client, path) = (server.as_(&server.acme.admin), at(server, &one, "/revoke"));
            tokio::spawn(async move { client.post(&path, json!({})).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1]), (200, 409), "{statuses:?}");
    let tenant = server.as_(&server.acme.admin).get(&server.acme.path("")).await.ok(200);
    assert_eq!(tenant["certificates_live"], 1);
}

async fn numbers_of_crls_grow(server: &TestServer) {
    let judge = Openssl::new();
    let mut numbers = Vec::new();
    for label in ["a", "b", "c"] {
        let certificate = server.certificate(&server.acme, label).await;
        server.as_(&server.acme.admin).post(&at(server, &certificate, "/revoke"), json!({})).await.ok(200);
        server.pass(std::time::Duration::from_secs(1)).await;
        let crl = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}/crl/0", server.acme.issuer))).await;
        let said = judge.must("crl -inform DER -noout -crlnumber", &crl.body);
        numbers.push(u64::from_str_radix(said.trim().trim_start_matches("crlNumber=0x"), 16).unwrap_or_else(|_| panic!("{said}")));
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let published = server.events(&server.acme).await.into_iter().filter(|entry: &Value| entry["event"]["act"] == "crl.publish").count();
    assert!(published >= 3);
}

on_both_engines!(every_reason_is_listed_as_it_was_given, revoked_is_for_good, of_revocations_at_once_one_counts, numbers_of_crls_grow,);
