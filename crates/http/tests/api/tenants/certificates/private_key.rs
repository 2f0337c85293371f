//! `POST …/private-key/fetch` and `…/acknowledge`.

use super::{at, event_of, judged, text};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::json;

async fn a_key_is_given_out_until_it_is_acknowledged(server: &TestServer) {
    let certificate = server.certificate(&server.acme, "www").await;
    let (fetch, acknowledge) = (at(server, &certificate, "/private-key/fetch"), at(server, &certificate, "/private-key/acknowledge"));
    let admin = server.as_(&server.acme.admin);
    admin.post(&acknowledge, json!({})).await.problem(409, "conflict");
    let first = admin.post(&fetch, json!({})).await.ok(200);
    let second = admin.post(&fetch, json!({})).await.ok(200);
    assert_eq!(first["private_key"], second["private_key"]);

    let judge = Openssl::new();
    assert!(judged(server, &certificate, &judge, "").await.ok);
    judge.file("key.pem", text(&first["private_key"]));
    judge.must("pkey -in key.pem -check -noout", b"");
    assert_eq!(judge.must("pkey -in key.pem -pubout", b""), judge.must("x509 -in leaf.pem -noout -pubkey", b""));

    let erased = admin.clone().once("ack").post(&acknowledge, json!({})).await.ok(200);
    for path in [&fetch, &acknowledge] {
        admin.post(path, json!({})).await.problem(410, "gone");
    }
    // Whoever lost the answer hears it again.
    assert_eq!(admin.clone().once("ack").post(&acknowledge, json!({})).await.ok(200), erased);
    for (answer, act, fetches) in [(&first, "private-key.fetch", json!(1)), (&second, "private-key.fetch", json!(2))] {
        let event = event_of(server, answer).await;
        assert_eq!((&event["act"], &event["detail"]["fetch"]), (&json!(act), &fetches));
    }
    assert_eq!(event_of(server, &erased).await["act"], "private-key.erase");
}

async fn a_repeated_fetch_is_a_fetch_again(server: &TestServer) {
    let certificate = server.certificate(&server.acme, "www").await;
    let fetch = at(server, &certificate, "/private-key/fetch");
    let client = server.as_(&server.acme.admin).once("fetch");
    let first = client.post(&fetch, json!({})).await.ok(200);
    let again = client.post(&fetch, json!({})).await.ok(200);
    assert_eq!(again["private_key"], first["private_key"]);
    assert_ne!(again["event"], first["event"]);
    let fetches = server.events(&server.acme).await.into_iter().filter(|entry| entry["event"]["act"] == "private-key.fetch").count();
    assert_eq!(fetches, 2);
    // Once erased, the key of a repeated fetch is gone all the same.
    server.as_(&server.acme.admin).post(&at(server, &certificate, "/private-key/acknowledge"), json!({})).await.ok(200);
    client.post(&fetch, json!({})).await.problem(410, "gone");
}

async fn keys_of_other_custody_are_never_given_out(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let path = server.acme.path("/profiles/tls-server");
    let mut profile = admin.get(&path).await.ok(200)["profile"].clone();
    profile["custody"] = json!(["client", "software-never-released"]);
    admin.clone().with("if-match", "\"1\"").put(&path, profile).await.ok(200);
    for body in [
        json!({"profile": "tls-server", "csr": csr(&[&server.acme.host("www")], false).pem}),
        json!({"profile": "tls-server", "names": [server.acme.host("www")], "custody": "software-never-released"}),
    ] {
        let certificate = admin.post(&server.acme.path("/certificates"), body).await.ok(201);
        for act in ["fetch", "acknowledge"] {
            admin.post(&at(server, &certificate, &format!("/private-key/{act}")), json!({})).await.problem(409, "conflict");
        }
    }
}

on_both_engines!(a_key_is_given_out_until_it_is_acknowledged, a_repeated_fetch_is_a_fetch_again, keys_of_other_custody_are_never_given_out,);
