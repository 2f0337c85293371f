//! The end of a certificate's time, under a simulated clock.

use super::at;
use chancery_domain::Timestamp;
use chancery_testkit::openssl::{Openssl, printed_serial};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

async fn short(server: &TestServer, label: &str) -> Value {
    let body = json!({"profile": "tls-server", "names": [server.acme.host(label)], "validity_seconds": 600});
    server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await.ok(201)
}

async fn live(server: &TestServer) -> Value {
    server.as_(&server.acme.admin).get(&server.acme.path("")).await.ok(200)["certificates_live"].clone()
}

async fn status(server: &TestServer, certificate: &Value) -> Value {
    server.as_(&server.acme.admin).get(&at(server, certificate, "")).await.ok(200)["status"].clone()
}

async fn a_certificate_expires_when_its_last_second_is_over(server: &TestServer) {
    let (one, renewed) = (short(server, "one").await, short(server, "renewed").await);
    let revoked = short(server, "revoked").await;
    server.as_(&server.acme.admin).post(&at(server, &renewed, "/renew"), json!({})).await.ok(201);
    server.as_(&server.acme.admin).post(&at(server, &revoked, "/revoke"), json!({})).await.ok(200);
    assert_eq!(live(server).await, 3);

    let last = Timestamp::parse(one["not_after"].as_str().unwrap()).unwrap();
    server.clock.advance_to(last.after(Duration::from_millis(900)));
    server.run_jobs().await;
    assert_eq!(status(server, &one).await, "issued");
    server.pass(Duration::from_secs(2)).await;
    for (certificate, expected) in [(&one, "expired"), (&renewed, "expired"), (&revoked, "revoked")] {
        assert_eq!(status(server, certificate).await, expected);
    }
    assert_eq!(live(server).await, 1, "the renewed one's successor");
    for act in ["renew", "revoke"] {
        server.as_(&server.acme.admin).post(&at(server, &one, &format!("/{act}")), json!({})).await.problem(409, "conflict");
    }
    let log = server.events(&server.acme).await;
    let told: Vec<_> = log.iter().filter(|entry| entry["event"]["act"] == "certificate.expire").collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|entry| entry["event"]["actor"] == json!({"kind": "system"})));
}

async fn an_expired_certificate_leaves_the_crl_after_it_was_listed_once(server: &TestServer) {
    let certificate = short(server, "www").await;
    server.as_(&server.acme.admin).post(&at(server, &certificate, "/revoke"), json!({})).await.ok(200);
    let listed = async || {
        server.run_jobs().await;
        let crl = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}/crl/0", server.acme.issuer))).await;
        let serial = printed_serial(certificate["serial"].as_str().unwrap());
        Openssl::new().must("crl -inform DER -noout -text", &crl.body).contains(&serial)
    };
    assert!(listed().await);
    // It stays on a scheduled list after its end (RFC 5280 section 3.3), and leaves with one of those that follow.
    server.clock.advance(Duration::from_secs(86_400));
    assert!(listed().await);
    server.clock.advance(Duration::from_secs(3 * 86_400));
    assert!(!listed().await);
}

on_both_engines!(a_certificate_expires_when_its_last_second_is_over, an_expired_certificate_leaves_the_crl_after_it_was_listed_once,);
