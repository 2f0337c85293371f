//! Requests signed by an account's key (RFC 9421): believed once, for what they are, on whatever node.

use crate::operations::{Called, objects, operations, ready_in};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Clock;
use chancery_testkit::account_key::{AccountKeyPair, RequestSigner};
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{Answer, Client, TestServer, on_both_engines, python};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Signs a request with `http-message-signatures`, which shares nothing with us; prints the fields.
const INDEPENDENT: &str = r#"
import sys, json, base64, hashlib, datetime
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
asked = json.loads(sys.argv[1])
class Message:
    method, url, headers = asked["method"], asked["url"], dict(asked["headers"])
class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return asked["key"].encode()
if asked["body"]:
    name = asked["digest"]
    value = base64.b64encode(hashlib.new(name.replace("-", ""), asked["body"].encode()).digest()).decode()
    Message.headers["Content-Digest"] = f"{name}=:{value}:"
at = lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
HTTPMessageSigner(signature_algorithm=getattr(algorithms, asked["algorithm"]), key_resolver=Keys()).sign(
    Message, key_id=asked["keyid"], created=at(asked["created"]), expires=at(asked["created"] + 60), nonce=asked["nonce"],
    label=asked["label"], covered_component_ids=asked["covered"], use_existing_digest=bool(asked["body"]))
print(json.dumps(Message.headers))
"#;

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

async fn signer(server: &TestServer) -> RequestSigner {
    server.request_signer(&server.acme.admin, &server.acme.id, &server.acme.account).await
}

fn client(server: &TestServer, signer: &RequestSigner) -> Client {
    server.anonymous().signing(signer)
}

async fn an_independent_implementation_is_believed(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    for (algorithm, name, digest, label) in [
        (KeyAlgorithm::Ed25519, "ED25519", "sha-256", "chancery"),
        (KeyAlgorithm::EcP256, "ECDSA_P256_SHA256", "sha-512", "sig1"),
        (KeyAlgorithm::EcP384, "ECDSA_P384_SHA384", "sha-256", "x"),
    ] {
        let pair = AccountKeyPair::generate(algorithm);
        let register = server.acme.path(&format!("/accounts/{}/keys", server.acme.account));
        let body = pair.registration(&server.acme.id, &server.acme.account, "request", &server.clock.now().to_string());
        let key = admin.post(&register, body).await.ok(201);
        let openssl = Openssl::new();
        openssl.file("key.der", &*pair.pkcs8);
        let pem = openssl.must("pkey -inform DER -in key.der", b"");
        let whole = ["@method", "@target-uri", "content-digest", "idempotency-key", "content-type"];
        let parts = ["@method", "@authority", "@path", "@query"];
        let account = json!({"name": name, "roles": ["viewer"]}).to_string();
        for (method, target, body, covered) in
            [("GET", "/accounts?limit=2", "", parts.as_slice()), ("POST", "/accounts", account.as_str(), whole.as_slice())]
        {
            let headers = match body {
                "" => json!({}),
                _ => json!({"Idempotency-Key": name, "Content-Type": "application/json"}),
            };
            let asked = json!({
                "method": method, "url": format!("https://chancery.example{}", server.acme.path(target)), "headers": headers, "key": pem,
                "body": body, "digest": digest, "algorithm": name, "created": server.clock.now().seconds(), "covered": covered,
                "keyid": format!("{}/{}", server.acme.id, key["id"].as_str().unwrap()), "nonce": format!("{name}-{method}-0123456789"),
                "label": label,
            });
            let fields = python::must(INDEPENDENT, &[asked.to_string()]);
            let fields: BTreeMap<String, String> = serde_json::from_str(&fields).unwrap();
            let client =
                fields.iter().fold(server.anonymous().with("host", "chancery.example"), |client, (name, value)| client.with(name, value));
            let path = server.acme.path(target);
            let tampered = fields
                .iter()
                .filter(|(name, _)| *name != "Signature")
                .fold(server.anonymous().with("host", "other.example"), |c, (name, value)| c.with(name, value));
            let tampered = tampered.with("signature", &fields["Signature"]);
            tampered.send(method, &path, body.to_owned()).await.problem(401, "unauthenticated");
            let answer = client.send(method, &path, body.to_owned()).await;
            assert!(answer.status.is_success(), "{name} {method}: {}", answer.text());
            client.send(method, &path, body.to_owned()).await.problem(401, "signature");
        }
    }
    let log = server.events(&server.acme).await;
    let replays = log.iter().filter(|entry| entry["event"]["detail"]["cause"] == "replay").count();
    assert_eq!(replays, 6, "each is told in the log");
}

/// Sends what the signer made for one request as another one.
async fn changed(server: &TestServer, signer: &RequestSigner, change: impl Fn(&mut Sent)) -> Answer {
    let path = server.acme.path("/accounts?limit=3");
    let headers = [("idempotency-key".to_owned(), "once".to_owned()), ("content-type".to_owned(), "application/json".to_owned())];
    let body = json!({"name": "Signed", "roles": ["viewer"]}).to_string();
    let mut headers = headers.to_vec();
    headers.extend(signer.sign(server.clock.now(), "POST", &path, &headers, body.as_bytes()));
    let mut sent = Sent { method: "POST".to_owned(), path, headers, body };
    change(&mut sent);
    let client = sent.headers.iter().fold(server.anonymous(), |client, (name, value)| client.with(name, value));
    client.send(&sent.method, &sent.path, sent.body).await
}

struct Sent {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Sent {
    fn swap(&mut self, name: &str, from: &str, to: &str) {
        let (_, value) = self.headers.iter_mut().find(|(other, _)| other == name).unwrap();
        assert!(value.contains(from), "{name}: {value}");
        *value = value.replacen(from, to, 1);
    }
}

/// Something done to a request on its way.
type Change = Box<dyn Fn(&mut Sent)>;

async fn what_is_changed_on_the_way_is_refused(server: &TestServer) {
    let signer = RequestSigner { alg: Some("ed25519".to_owned()), nonce: Some("n".repeat(16)), ..signer(server).await };
    let changes: Vec<(&str, Change)> = vec![
        ("method", Box::new(|sent| sent.method = "GET".to_owned())),
        ("path", Box::new(|sent| sent.path = sent.path.replace("/accounts", "/profiles"))),
        ("query", Box::new(|sent| sent.path = sent.path.replace("limit=3", "limit=4"))),
        ("no query", Box::new(|sent| sent.path = sent.path.replace("?limit=3", ""))),
        ("authority", Box::new(|sent| sent.swap("host", "chancery", "brava"))),
        ("idempotency key", Box::new(|sent| sent.swap("idempotency-key", "once", "twice"))),
        ("no idempotency key", Box::new(|sent| sent.headers.retain(|(name, _)| name != "idempotency-key"))),
        ("digest", Box::new(|sent| sent.swap("content-digest", "sha-256=:", "sha-256=:A"))),
        ("another digest", Box::new(|sent| sent.swap("content-digest", "sha-256", "sha-512"))),
        ("created", Box::new(|sent| sent.swap("signature-input", ";created=1", ";created=2"))),
        ("expires", Box::new(|sent| sent.swap("signature-input", ";expires=1", ";expires=2"))),
        ("nonce", Box::new(|sent| sent.swap("signature-input", "nnnn", "nnnm"))),
        ("no nonce", Box::new(|sent| sent.swap("signature-input", ";nonce=\"nnnnnnnnnnnnnnnn\"", ""))),
        ("alg", Box::new(|sent| sent.swap("signature-input", "alg=\"ed25519", "alg=\"ecdsa-p256-sha256"))),
        ("no alg", Box::new(|sent| sent.swap("signature-input", ";alg=\"ed25519\"", ""))),
        ("covered", Box::new(|sent| sent.swap("signature-input", " \"content-digest\"", ""))),
        ("covered twice", Box::new(|sent| sent.swap("signature-input", "\"@path\"", "\"@path\" \"@path\""))),
        ("covered, what nobody knows", Box::new(|sent| sent.swap("signature-input", "\"@path\"", "\"@nothing\""))),
        ("signature", Box::new(|sent| sent.swap("signature", "=:", "=:AAAA"))),
        ("label", Box::new(|sent| sent.swap("signature", "sig1", "sig2"))),
        ("no signature", Box::new(|sent| sent.headers.retain(|(name, _)| name != "signature"))),
    ];
    for (what, change) in &changes {
        let answer = changed(server, &signer, change).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        let said = answer.problem(401, "unauthenticated");
        assert_eq!(said["detail"], server.as_("nobody").get("/v1/platform/tenants").await.json()["detail"], "{what}: nobody learns why");
        assert!(answer.header("accept-signature").starts_with("chancery=(\"@method\""), "{what}");
    }
    // The body is not part of what is signed, but of what it says: who has the key hears of it.
    let answer =
        changed(server, &RequestSigner { nonce: None, ..signer.clone() }, |sent| sent.body = sent.body.replace("Signed", "signed")).await;
    assert!(answer.problem(401, "signature")["detail"].as_str().unwrap().contains("Content-Digest"));
    changed(server, &signer, |_| ()).await.ok(201);
    changed(server, &signer, |_| ()).await.problem(401, "signature");
}

async fn a_good_signature_that_is_not_enough_says_what_lacks(server: &TestServer) {
    let good = signer(server).await;
    let without = |name: &str| RequestSigner { leaves_out: vec![name.to_owned()], ..good.clone() };
    let cases = [
        (without("@method"), "@method"),
        (without("@authority"), "@authority"),
        (without("@path"), "@path"),
        (without("@query"), "@query"),
        (without("idempotency-key"), "idempotency-key"),
        (without("content-digest"), "Content-Digest"),
        (RequestSigner { created: 31, ..good.clone() }, "in the future"),
        (RequestSigner { created: -92, ..good.clone() }, "expired"),
        (RequestSigner { good_for: 301, ..good.clone() }, "300 seconds"),
        (RequestSigner { good_for: 0, ..good.clone() }, "after created"),
        (RequestSigner { nonce: Some("n".repeat(15)), ..good.clone() }, "16 to 128"),
        (RequestSigner { nonce: Some("n".repeat(129)), ..good.clone() }, "16 to 128"),
    ];
    for (signer, said) in cases {
        let detail = changed(server, &signer, |_| ()).await.problem(401, "signature")["detail"].clone();
        assert!(detail.as_str().unwrap().contains(said), "{said}: {detail}");
    }
    for signer in [RequestSigner { created: 29, ..good.clone() }, RequestSigner { created: -89, ..good.clone() }] {
        changed(server, &signer, |_| ()).await.ok(201);
    }
    // Of several the one with our label counts.
    let two = |sent: &mut Sent, label: &str| {
        sent.headers.iter_mut().filter(|(name, _)| name.starts_with("signature")).for_each(|(name, value)| {
            let other = if name == "signature" { "proxy=:AAAA:".to_owned() } else { "proxy=(\"@method\");created=1".to_owned() };
            *value = format!("{other}, {}", value.replacen("sig1", label, 1));
        });
    };
    changed(server, &good, |sent| two(sent, "sig1")).await.problem(401, "unauthenticated");
    changed(server, &good, |sent| two(sent, "chancery")).await.ok(201);
}

async fn a_request_comes_once_on_whatever_node_and_whatever_the_clock_says(server: &TestServer) {
    let signer = RequestSigner { nonce: Some("the-only-one-0123".to_owned()), ..signer(server).await };
    let second = server.second_node().await;
    let path = server.acme.path("/profiles");
    let fields = signer.sign(server.clock.now(), "GET", &path, &[], b"");
    let replay = |client: Client| fields.iter().fold(client, |client, (name, value)| client.with(name, value));
    replay(server.anonymous()).get(&path).await.ok(200);
    replay(server.anonymous()).get(&path).await.problem(401, "signature");
    replay(second.anonymous()).get(&path).await.problem(401, "signature");
    // Hours later its nonce is forgotten, and the clock goes back.
    server.clock.advance(SECONDS(2 * 3600));
    server.run_jobs().await;
    assert!(!server.view(&server.acme.id).has_request_nonces().await.unwrap());
    server.clock.jump(-2 * 3600 * 1000);
    replay(server.anonymous()).get(&path).await.problem(401, "signature");
    replay(second.anonymous()).get(&path).await.problem(401, "signature");
    server.clock.jump(2 * 3600 * 1000);
    // Of many at once one is served.
    let fields = RequestSigner { nonce: Some("raced-by-everybody".to_owned()), ..signer }.sign(server.clock.now(), "GET", &path, &[], b"");
    let clients = (0..20).map(|n| if n % 2 == 0 { server.anonymous() } else { second.anonymous() });
    let tasks: Vec<_> = clients
        .map(|client| {
            let (client, path) = (fields.iter().fold(client, |client, (name, value)| client.with(name, value)), path.clone());
            tokio::spawn(async move { client.get(&path).await.status.as_u16() })
        })
        .collect();
    let mut served = 0;
    for task in tasks {
        served += i32::from(task.await.unwrap() == 200);
    }
    assert_eq!(served, 1);
    server.clock.advance(SECONDS(2 * 3600));
    server.run_jobs().await;
}

async fn a_key_that_does_not_hold_speaks_for_nobody(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let path = server.acme.path("/profiles");
    let (account, _) = server.account(&server.acme, "viewer").await;
    let key = server.request_signer(&server.acme.admin, &server.acme.id, &account).await;
    let keys = server.acme.path(&format!("/accounts/{account}/keys"));
    let second = server.second_node().await;
    client(server, &key).get(&path).await.ok(200);
    second.anonymous().signing(&key).get(&path).await.ok(200);
    // Its rights are the account's.
    client(server, &key).get(&server.acme.path("/events")).await.problem(403, "forbidden");
    // Another tenant's path is nothing to it, and of another tenant it is nothing.
    client(server, &key).get(&server.brava.path("/profiles")).await.problem(404, "not-found");
    let foreign = RequestSigner { keyid: key.keyid.replace(&server.acme.id, &server.brava.id), ..key.clone() };
    client(server, &foreign).get(&server.brava.path("/profiles")).await.problem(401, "unauthenticated");
    for keyid in ["", "x/y", &key.keyid[..36], &format!("{}/{}", server.acme.id, server.acme.id), &format!("{0}/{0}", "0".repeat(36))] {
        let nobody = RequestSigner { keyid: keyid.to_owned(), ..key.clone() };
        client(server, &nobody).get(&path).await.problem(401, "unauthenticated");
    }
    // One for approvals is no credential.
    let (issuer, token) = server.account(&server.acme, "issuer").await;
    let approver = chancery_testkit::account_key::registration(server, &server.acme.id, &issuer, "approve");
    let made = server.as_(&token).post(&server.acme.path(&format!("/accounts/{issuer}/keys")), approver.body).await.ok(201);
    let approver = RequestSigner::new(approver.pair, &server.acme.id, made["id"].as_str().unwrap());
    client(server, &approver).get(&path).await.problem(401, "unauthenticated");
    // Ended, it ends here at once and elsewhere within the lease.
    admin.post(&format!("{keys}/{}/end", key.keyid.split_once('/').unwrap().1), json!({})).await.ok(200);
    client(server, &key).get(&path).await.problem(401, "unauthenticated");
    server.clock.advance(SECONDS(4));
    second.anonymous().signing(&key).get(&path).await.problem(401, "unauthenticated");
    // So does one that expires, and one of an account that is disabled.
    let mut short = chancery_testkit::account_key::registration(server, &server.acme.id, &account, "request");
    short.body["expires_in_seconds"] = 60.into();
    let made = admin.post(&keys, short.body).await.ok(201);
    let short = RequestSigner::new(short.pair, &server.acme.id, made["id"].as_str().unwrap());
    client(server, &short).get(&path).await.ok(200);
    server.clock.advance(SECONDS(60));
    client(server, &short).get(&path).await.problem(401, "unauthenticated");
    let last = server.request_signer(&server.acme.admin, &server.acme.id, &account).await;
    client(server, &last).get(&path).await.ok(200);
    admin.post(&server.acme.path(&format!("/accounts/{account}/disable")), json!({})).await.ok(200);
    client(server, &last).get(&path).await.problem(401, "unauthenticated");
    // In a suspended tenant everybody hears why, who has a key.
    let own = signer(server).await;
    let operator = server.as_(&server.operator);
    operator.post(&format!("/v1/platform/tenants/{}/suspend", server.acme.id), json!({})).await.ok(200);
    client(server, &own).get(&path).await.problem(403, "suspended");
    client(server, &RequestSigner { alg: Some("none".to_owned()), ..own }).get(&path).await.problem(401, "unauthenticated");
    operator.post(&format!("/v1/platform/tenants/{}/resume", server.acme.id), json!({})).await.ok(200);
}

async fn every_operation_can_be_called_with_a_signature(server: &TestServer) {
    let there = objects(server, &server.acme).await;
    let admin = signer(server).await;
    let platform = chancery_domain::TenantId::PLATFORM.to_string();
    let operator = server.request_signer(&server.operator, &platform, &server.operator_account).await;
    let mut tampered = 0;
    let operations = operations(server).await;
    for (number, operation) in operations.iter().filter(|operation| operation.path != "/v1/enrol").enumerate() {
        // What changes anything does so in a tenant of its own.
        let own = if operation.writes() { Some(server.tenant(&format!("signing-{number}")).await) } else { None };
        let (token, ids) = ready_in(server, operation, &there, own.as_ref().unwrap_or(&server.acme)).await;
        let signer = match own {
            _ if token == server.operator => operator.clone(),
            Some(own) => server.request_signer(&own.admin, &own.id, &own.account).await,
            None => admin.clone(),
        };
        let other_body = RequestSigner { body: Some(b"{\"another\": \"body\"}".to_vec()), ..signer.clone() };
        if operation.body.is_some() || operation.path.ends_with("/timestamps") {
            operation.call(client(server, &other_body), &ids).await.problem(401, "signature");
            tampered += 1;
        }
        let answer = operation.call(client(server, &signer), &ids).await;
        assert!(answer.status.is_success(), "{}: {}", operation.name(), answer.text());
        server.run_jobs().await;
    }
    assert!(tampered > 20, "{tampered}");
}

async fn a_signature_that_does_not_hold_opens_no_realm(server: &TestServer) {
    let good = signer(server).await;
    let bad = RequestSigner { pair: AccountKeyPair::generate(KeyAlgorithm::Ed25519).into(), ..good.clone() };
    let (path, unwrapped) = (server.acme.path("/profiles"), || server.keys.unwrapped(server.acme.id.parse().unwrap()).len());
    // Started again, it has opened nothing.
    server.below(async |_| ()).await;
    server.keys.forget_unwrapped();
    client(server, &bad).get(&path).await.problem(401, "unauthenticated");
    assert_eq!(unwrapped(), 0);
    client(server, &good).get(&path).await.ok(200);
    assert!(unwrapped() > 0);
}

on_both_engines!(
    an_independent_implementation_is_believed,
    what_is_changed_on_the_way_is_refused,
    a_good_signature_that_is_not_enough_says_what_lacks,
    a_request_comes_once_on_whatever_node_and_whatever_the_clock_says,
    a_key_that_does_not_hold_speaks_for_nobody,
    every_operation_can_be_called_with_a_signature,
    a_signature_that_does_not_hold_opens_no_realm,
);
