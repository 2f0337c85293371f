//! `/v1/tenants/{tenant}/signers…` and `…/signatures…`.

mod formats;
mod forms;
mod imported;
mod limits;
mod policy;
mod signatures;
mod signers;
mod stamped;
mod timestamps;
mod versions;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{Answer, Client, TestServer};
use serde_json::{Value, json};

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// What asks for a bare signature of this digest.
pub(super) fn raw(digest: &str) -> Value {
    json!({"format": "raw", "documents": [{"digest": digest}]})
}

/// A digest that is unlike those of other numbers.
pub(super) fn digest(number: usize) -> String {
    format!("sha-256:{number:064x}")
}

pub(super) async fn sign(client: &Client, server: &TestServer, signer: &str, body: Value) -> Answer {
    client.post(&server.acme.path(&format!("/signers/{signer}/signatures")), body).await
}

async fn shown(server: &TestServer, signer: &str) -> Value {
    server.as_(&server.acme.admin).get(&server.acme.path(&format!("/signers/{signer}"))).await.ok(200)
}

/// The codes of the reasons for which it was refused.
#[track_caller]
fn codes(answer: &Answer) -> Vec<String> {
    let problem = answer.problem(422, "refused");
    problem["reasons"].as_array().unwrap().iter().map(|reason| text(&reason["code"]).to_owned()).collect()
}

/// Puts document, signature and the public key of the first certificate of the chain where openssl finds them.
fn laid_out(judge: &Openssl, chain: &Value, document: &[u8], signature: &Value) {
    judge.file("document", document);
    judge.file("signature", STANDARD.decode(text(signature)).unwrap());
    judge.file("chain.pem", text(chain));
    let public = judge.must("x509 -in chain.pem -noout -pubkey", b"");
    judge.file("public.pem", public);
}

/// The events of this act in acme's log.
pub(super) async fn events(server: &TestServer, act: &str) -> Vec<Value> {
    server.events(&server.acme).await.into_iter().filter(|entry| entry["event"]["act"] == act).collect()
}
