//! `POST …/certificates/{certificate}/renew`.

use super::{at, event_of, judged, text};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn renew(server: &TestServer, certificate: &Value, body: Value) -> chancery_testkit::Answer {
    server.as_(&server.acme.admin).post(&at(server, certificate, "/renew"), body).await
}

async fn public_key(server: &TestServer, certificate: &Value) -> String {
    let judge = Openssl::new();
    assert!(judged(server, certificate, &judge, "").await.ok);
    judge.must("x509 -noout -pubkey -in leaf.pem", b"")
}

async fn a_successor_has_the_same_names_and_takes_the_old_ones_place(server: &TestServer) {
    let request = csr(&[&server.acme.host("www"), &server.acme.host("api")], true);
    let body = json!({"profile": "tls-server", "csr": request.pem});
    let old = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await.ok(201);
    let new = renew(server, &old, json!({})).await.ok(201);
    for same in ["names", "subject", "issuer", "profile", "custody"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    assert_ne!(new["serial"], old["serial"]);
    assert_eq!(public_key(server, &new).await, public_key(server, &old).await);
    let shown = server.as_(&server.acme.admin).get(&at(server, &old, "")).await.ok(200);
    assert_eq!(shown["status"], "renewed");
    renew(server, &old, json!({})).await.problem(409, "conflict");

    let event = event_of(server, &new).await;
    assert_eq!((&event["act"], &event["detail"]["renews"]), (&json!("certificate.renew"), &old["id"]));

    // With a request of its own the key is another, and only the key.
    let other = csr(&["www.evil.example"], true);
    let newer = renew(server, &new, json!({"csr": other.pem, "validity_seconds": 3600})).await.ok(201);
    assert_eq!((&newer["names"], &newer["subject"]), (&old["names"], &old["subject"]));
    assert_eq!(public_key(server, &newer).await, other.public.replace("\r\n", "\n"));
}

async fn a_key_made_here_is_made_anew(server: &TestServer) {
    let old = server.certificate(&server.acme, "www").await;
    renew(server, &old, json!({"csr": csr(&["www"], false).pem})).await.problem(422, "invalid");
    let new = renew(server, &old, json!({})).await.ok(201);
    assert_ne!(public_key(server, &new).await, public_key(server, &old).await);
    assert_eq!(text(&new["custody"]), "software-release-once");
}

async fn what_was_revoked_is_not_renewed(server: &TestServer) {
    let old = server.certificate(&server.acme, "www").await;
    server.as_(&server.acme.admin).post(&at(server, &old, "/revoke"), json!({})).await.ok(200);
    renew(server, &old, json!({})).await.problem(409, "conflict");
}

async fn of_renewals_at_once_one_stands(server: &TestServer) {
    let old = server.certificate(&server.acme, "www").await;
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (client, path) = (server.as_(&server.acme.admin), at(server, &old, "/renew"));
            tokio::spawn(async move { client.post(&path, json!({})).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1]), (201, 409), "{statuses:?}");
    let tenant = server.as_(&server.acme.admin).get(&server.acme.path("")).await.ok(200);
    assert_eq!((&tenant["certificates_live"], &tenant["certificates_issued"]), (&json!(2), &json!(2)));
}

on_both_engines!(
    a_successor_has_the_same_names_and_takes_the_old_ones_place,
    a_key_made_here_is_made_anew,
    what_was_revoked_is_not_renewed,
    of_renewals_at_once_one_stands,
);
