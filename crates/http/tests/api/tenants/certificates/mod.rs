//! `/v1/tenants/{tenant}/certificates…`.

mod bulk;
mod expiry;
mod export;
mod find;
mod idempotency;
mod import;
mod issue;
mod key_algorithms;
mod key_reuse;
mod pages;
mod pkcs12;
mod private_key;
mod quota;
mod renew;
mod revoke;
mod serials;
mod wishes;

use chancery_testkit::TestServer;
use chancery_testkit::openssl::{Openssl, Said};
use serde_json::Value;

/// The address of a certificate's document, or of what follows it.
fn at(server: &TestServer, certificate: &Value, rest: &str) -> String {
    server.acme.path(&format!("/certificates/{}{rest}", text(&certificate["id"])))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// openssl's verdict on a certificate with its chain up to acme's root, with these options besides.
async fn judged(server: &TestServer, certificate: &Value, judge: &Openssl, options: &str) -> Said {
    let root = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}", server.acme.root))).await.ok(200);
    judge.file("root.pem", text(&root["certificate"]));
    judge.file("chain.pem", text(&certificate["chain"]));
    judge.file("leaf.pem", text(&certificate["certificate"]));
    judge.run(&format!("verify -attime 1800000010 -x509_strict -CAfile root.pem -untrusted chain.pem {options} leaf.pem"), b"")
}

/// The event in acme's log to which an answer refers; there is exactly one, with the same leaf.
async fn event_of(server: &TestServer, answer: &Value) -> Value {
    let log = server.events(&server.acme).await;
    let found: Vec<_> = log.iter().filter(|entry| entry["id"] == answer["event"]["id"]).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["leaf"], answer["event"]["leaf"]);
    found[0]["event"].clone()
}
