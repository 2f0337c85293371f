//! Keys certified before: again for the same names, for others, never; and once compromised never, whatever the profile says.

use super::{at, event_of, text};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::stranger::{Stranger, Wanted};
use chancery_testkit::{Answer, TestServer, on_both_engines, python};
use serde_json::{Value, json};
use std::time::Duration;

async fn ask(server: &TestServer, profile: &str, csr: &str, labels: &[&str]) -> Answer {
    let names: Vec<_> = labels.iter().map(|label| server.acme.host(label)).collect();
    let body = json!({"profile": profile, "csr": csr, "names": names});
    server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await
}

/// Fails unless the answer is a refusal for this one reason, which names the key's first certificate.
fn refused(answer: Answer, code: &str, first: &Value) {
    let reasons = answer.problem(422, "refused")["reasons"].clone();
    assert_eq!((reasons.as_array().unwrap().len(), &reasons[0]["code"], &reasons[0]["field"]), (1, &json!(code), &json!("csr")));
    assert!(text(&reasons[0]["message"]).contains(text(&first["id"])), "{reasons}");
}

async fn set_policy(server: &TestServer, profile: &str, reuse: &str) {
    let path = server.acme.path(&format!("/profiles/{profile}"));
    let read = server.as_(&server.acme.admin).get(&path).await;
    let (tag, mut changed) = (read.header("etag").to_owned(), read.ok(200)["profile"].clone());
    changed["key_reuse"] = reuse.into();
    server.as_(&server.acme.admin).with("if-match", &tag).put(&path, changed).await.ok(200);
}

async fn a_key_is_certified_again_for_the_same_names_alone(server: &TestServer) {
    let (admin, key) = (server.as_(&server.acme.admin), csr(&[&server.acme.host("a"), &server.acme.host("b")], false).pem);
    let first = ask(server, "tls-server", &key, &["a", "b"]).await.ok(201);
    for labels in [&["b", "a"][..], &["a", "b", "a"]] {
        ask(server, "tls-server", &key, labels).await.ok(201);
    }
    for labels in [&["a"][..], &["a", "b", "c"], &["c"]] {
        refused(ask(server, "tls-server", &key, labels).await, "key-reuse", &first);
    }
    refused(ask(server, "tls-client", &key, &["a", "b"]).await, "key-reuse", &first);
    // A dry run says the same and keeps nothing.
    let body = json!({"request": {"profile": "mtls", "csr": key, "names": [server.acme.host("a")]}});
    let run = admin.post(&server.acme.path("/profiles/mtls/dry-run"), body).await.ok(200);
    assert_eq!((&run["allowed"], &run["reasons"][0]["code"]), (&json!(false), &json!("key-reuse")));

    // Renewed with the same key, and with a new one, which is then known in turn.
    let renewed = admin.post(&at(server, &first, "/renew"), json!({})).await.ok(201);
    let other = csr(&[&server.acme.host("a")], false).pem;
    let renewed = admin.post(&at(server, &renewed, "/renew"), json!({"csr": other})).await.ok(201);
    refused(ask(server, "tls-server", &other, &["a"]).await, "key-reuse", &renewed);
    ask(server, "tls-server", &other, &["a", "b"]).await.ok(201);

    let denied = |entry: &&Value| entry["event"]["act"] == "denied" && entry["event"]["detail"]["reasons"][0]["code"] == "key-reuse";
    assert_eq!(server.events(&server.acme).await.iter().filter(denied).count(), 5);
    // Another tenant knows nothing of it.
    let tenant = server.in_brava();
    let body = json!({"profile": "tls-server", "csr": key, "names": [tenant.host("x")]});
    server.as_(&tenant.admin).post(&tenant.path("/certificates"), body).await.ok(201);
}

async fn a_profile_may_forbid_or_allow_it(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    set_policy(server, "tls-server", "forbidden").await;
    set_policy(server, "tls-client", "allowed").await;
    let key = csr(&[&server.acme.host("a")], false).pem;
    let first = ask(server, "tls-server", &key, &["a"]).await.ok(201);
    refused(ask(server, "tls-server", &key, &["a"]).await, "key-reuse", &first);
    refused(admin.post(&at(server, &first, "/renew"), json!({})).await, "key-reuse", &first);
    let new = csr(&[&server.acme.host("a")], false).pem;
    admin.post(&at(server, &first, "/renew"), json!({"csr": new})).await.ok(201);
    // What was given out may come back in a request.
    let made = server.certificate(&server.acme, "made").await;
    let fetched = admin.post(&at(server, &made, "/private-key/fetch"), json!({})).await.ok(200);
    let judge = Openssl::new();
    judge.file("key.pem", text(&fetched["private_key"]));
    let again = judge.must(&format!("req -new -key key.pem -subj /CN={}", server.acme.host("made")), b"");
    refused(ask(server, "tls-server", &again, &["made"]).await, "key-reuse", &made);

    for labels in [&["a"][..], &["b"], &["a", "c"]] {
        ask(server, "tls-client", &key, labels).await.ok(201);
    }
    // Used for several, it is no longer any one's.
    set_policy(server, "tls-server", "same-names").await;
    refused(ask(server, "tls-server", &key, &["a"]).await, "key-reuse", &first);
}

async fn of_many_at_once_one_is_certified(server: &TestServer) {
    set_policy(server, "tls-server", "forbidden").await;
    let (key, nodes) = (csr(&[&server.acme.host("a")], false).pem, [server.node(), server.second_node().await]);
    let asked: Vec<_> = (0..16)
        .map(|number: usize| {
            let client = nodes[number % 2].as_(&server.acme.admin);
            let body = json!({"profile": "tls-server", "csr": key, "names": [server.acme.host(&format!("h{number}"))]});
            let path = server.acme.path("/certificates");
            tokio::spawn(async move { client.post(&path, body).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for answer in asked {
        statuses.push(answer.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[15]), (201, 422, 422), "{statuses:?}");
    let listed = server.as_(&server.acme.admin).get(&server.acme.path("/certificates")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

// CA/Browser Forum TLS Baseline Requirements sections 4.9.1.1 and 6.1.1.3.
async fn a_compromised_key_is_never_certified_again(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    set_policy(server, "tls-server", "allowed").await;
    let key = csr(&[&server.acme.host("a")], false).pem;
    let first = ask(server, "tls-server", &key, &["a"]).await.ok(201);
    let second = ask(server, "tls-server", &key, &["b"]).await.ok(201);
    admin.post(&at(server, &first, "/revoke"), json!({"reason": "superseded"})).await.ok(200);
    ask(server, "tls-server", &key, &["a"]).await.ok(201);
    let revoked = admin.post(&at(server, &second, "/revoke"), json!({"reason": "key-compromise"})).await.ok(200);
    assert_eq!(event_of(server, &revoked).await["detail"]["reason"], "key-compromise");
    for (profile, label) in [("tls-server", "a"), ("tls-server", "b"), ("tls-client", "c")] {
        refused(ask(server, profile, &key, &[label]).await, "key-compromised", &first);
    }
    let theirs = csr(&[&server.acme.host("d")], false).pem;
    ask(server, "tls-server", &theirs, &["d"]).await.ok(201);
    server.run_jobs().await;
}

/// After many new keys the next is expected to be new without a look: a signature may be made for nothing, a certificate is not.
async fn what_is_expected_of_a_key_is_held_to_what_is_known(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let [bad, known] = [(); 2].map(|()| csr(&[&server.acme.host("a")], false).pem);
    let revoked = ask(server, "tls-server", &bad, &["a"]).await.ok(201);
    let first = ask(server, "tls-server", &known, &["b"]).await.ok(201);
    admin.post(&at(server, &revoked, "/revoke"), json!({"reason": "key-compromise"})).await.ok(200);
    for number in 0..20 {
        ask(server, "tls-server", &csr(&[&server.acme.host("n")], false).pem, &[&format!("n{number}")]).await.ok(201);
    }
    refused(ask(server, "tls-server", &bad, &["a"]).await, "key-compromised", &revoked);
    for number in 20..40 {
        ask(server, "tls-server", &csr(&[&server.acme.host("n")], false).pem, &[&format!("n{number}")]).await.ok(201);
    }
    refused(ask(server, "tls-server", &known, &["c"]).await, "key-reuse", &first);
    ask(server, "tls-server", &known, &["b"]).await.ok(201);
    // What was expected and did not hold left nothing.
    let listed = admin.get(&server.acme.path("/certificates?limit=100")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 43);
    let acts = server.events(&server.acme).await;
    assert_eq!(acts.iter().filter(|entry| entry["event"]["act"] == "certificate.issue").count(), 43);
}

/// Requests for the name at argument 1, two by two for keys of one secret: RSA with another exponent, and on both curves n - d for d.
const TWINS: &str = r#"
import sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, rsa
def request(key):
    name = x509.SubjectAlternativeName([x509.DNSName(sys.argv[1])])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(name, False).sign(key, hashes.SHA256())
    print(request.public_bytes(s.Encoding.PEM).decode().replace("\n", "|"))
key = rsa.generate_private_key(65537, 2048)
old = key.private_numbers()
p, q, e = old.p, old.q, 65539
d = pow(e, -1, (p - 1) * (q - 1))
public = rsa.RSAPublicNumbers(e, p * q)
twin = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), old.iqmp, public).private_key()
request(key), request(twin)
for curve, n in [
    (ec.SECP256R1(), 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551),
    (ec.SECP384R1(), 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973),
]:
    key = ec.generate_private_key(curve)
    twin = ec.derive_private_key(n - key.private_numbers().private_value, curve)
    assert key.public_key().public_numbers().x == twin.public_key().public_numbers().x
    request(key), request(twin)
"#;

async fn another_public_key_of_the_same_secret_is_the_same_key(server: &TestServer) {
    let requests = python::must(TWINS, &[&server.acme.host("a")]).replace('|', "\n");
    let requests: Vec<_> = requests.split_inclusive("REQUEST-----\n\n").collect();
    assert_eq!(requests.len(), 6, "{requests:?}");
    for twins in requests.chunks(2) {
        let [one, other] = twins else { unreachable!() };
        let first = ask(server, "tls-server", one, &["a"]).await.ok(201);
        refused(ask(server, "tls-server", other, &["b"]).await, "key-reuse", &first);
        let revoke = server.as_(&server.acme.admin).post(&at(server, &first, "/revoke"), json!({"reason": "key-compromise"})).await;
        revoke.ok(200);
        refused(ask(server, "tls-server", other, &["a"]).await, "key-compromised", &first);
    }
}

// BR 4.9.1.1: what has a compromised key is to be revoked, whatever its names are.
async fn others_with_a_compromised_key_are_named_and_revoked_with_it(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    set_policy(server, "tls-server", "allowed").await;
    let key = csr(&[&server.acme.host("a")], false);
    let mut ours = Vec::new();
    for label in ["a", "b", "c"] {
        ours.push(ask(server, "tls-server", &key.pem, &[label]).await.ok(201));
    }
    let partner = Stranger::called("Partner CA").certificate(&server.clock, &Wanted { key: Some(&key.key), ..Wanted::default() });
    let imported = admin.post(&server.acme.path("/certificates/import"), json!({"bundle": partner})).await.ok(200);
    let theirs = imported["items"][0]["result"].clone();
    let other = ask(server, "tls-server", &csr(&[&server.acme.host("d")], false).pem, &["d"]).await.ok(201);
    let tenant = server.in_brava();
    let body = json!({"profile": "tls-server", "csr": key.pem, "names": [tenant.host("x")]});
    let foreign = server.as_(&tenant.admin).post(&tenant.path("/certificates"), body).await.ok(201);

    let revoke = async |certificate: &Value, body: Value| admin.post(&at(server, certificate, "/revoke"), body).await;
    let ids = |answer: &Value| -> Vec<String> {
        answer["same_key"].as_array().into_iter().flatten().map(|item| text(&item["result"]["id"]).to_owned()).collect()
    };
    let id = |certificate: &Value| text(&certificate["id"]).to_owned();
    for reason in ["superseded", "unspecified"] {
        let problem = revoke(&ours[0], json!({"reason": reason, "same_key": true})).await.problem(422, "invalid");
        assert_eq!(problem["field"], "same_key");
    }
    assert_eq!(revoke(&ours[2], json!({"reason": "superseded"})).await.ok(200)["same_key"], Value::Null);

    // Named, in the answer and in the event, and left alone.
    let answer = revoke(&ours[0], json!({"reason": "key-compromise"})).await.ok(200);
    assert_eq!((&answer["status"], ids(&answer)), (&json!("revoked"), vec![id(&theirs), id(&ours[1])]));
    assert_eq!(answer["same_key"][1]["result"]["status"], "issued");
    assert_eq!(event_of(server, &answer).await["detail"]["same_key"], json!([theirs["id"], ours[1]["id"]]));
    revoke(&ours[0], json!({"reason": "key-compromise"})).await.problem(409, "conflict");

    // Asked again they are revoked, each by itself; of others' it is told who revokes.
    let once = admin.clone().once("all");
    let body = json!({"reason": "key-compromise", "same_key": true});
    let answer = once.post(&at(server, &ours[0], "/revoke"), body.clone()).await.ok(200);
    assert_eq!((&answer["event"], ids(&answer)), (&Value::Null, vec![id(&theirs), id(&ours[1])]));
    let problem = &answer["same_key"][0]["problem"];
    assert!(problem["status"] == 409 && text(&problem["detail"]).contains("ask its issuer"), "{answer}");
    let revoked = &answer["same_key"][1];
    assert_eq!((&revoked["problem"], &revoked["result"]["status"]), (&Value::Null, &json!("revoked")));
    let event = event_of(server, &revoked["result"]).await;
    assert_eq!((&event["act"], &event["detail"]["certificate"]), (&json!("certificate.revoke"), &ours[1]["id"]));
    assert_eq!(ids(&once.post(&at(server, &ours[0], "/revoke"), body).await.ok(200)), [id(&theirs)], "what is left");

    // In one call.
    let key = csr(&[&server.acme.host("e")], false).pem;
    let (first, second) = (ask(server, "tls-server", &key, &["e"]).await.ok(201), ask(server, "tls-server", &key, &["f"]).await.ok(201));
    let answer = revoke(&second, json!({"reason": "key-compromise", "same_key": true})).await.ok(200);
    assert_eq!((ids(&answer), &answer["same_key"][0]["result"]["status"]), (vec![id(&first)], &json!("revoked")));
    assert_eq!(event_of(server, &answer).await["detail"]["same_key"], json!([first["id"]]));

    // Another key's and another tenant's go on.
    assert_eq!(admin.get(&at(server, &other, "")).await.ok(200)["status"], "issued");
    let path = tenant.path(&format!("/certificates/{}", text(&foreign["id"])));
    assert_eq!(server.as_(&tenant.admin).get(&path).await.ok(200)["status"], "issued");
    server.run_jobs().await;
}

// RFC 5280 section 5.3.1; BR 4.9.1.1.
async fn a_compromise_learnt_of_later_is_recorded(server: &TestServer) {
    let (admin, judge) = (server.as_(&server.acme.admin), Openssl::new());
    let crl = async || {
        server.run_jobs().await;
        let crl = admin.get(&server.acme.path(&format!("/issuers/{}/crl/0", server.acme.issuer))).await;
        judge.must("crl -inform DER -noout -text", &crl.body)
    };
    let revoke = async |certificate: &Value, reason: &str| admin.post(&at(server, certificate, "/revoke"), json!({"reason": reason})).await;
    let date = |crl: &str| crl.lines().find(|line| line.contains("Revocation Date")).map(str::to_owned);
    let key = csr(&[&server.acme.host("a")], false).pem;
    let first = ask(server, "tls-server", &key, &["a"]).await.ok(201);
    revoke(&first, "superseded").await.ok(200);
    let monday = crl().await;
    assert!(monday.contains("Superseded"), "{monday}");
    ask(server, "tls-server", &key, &["a"]).await.ok(201);

    server.clock.advance(Duration::from_secs(3600));
    let known = revoke(&first, "key-compromise").await.ok(200);
    let event = event_of(server, &known).await;
    assert_eq!((&known["status"], &event["act"]), (&json!("revoked"), &json!("certificate.compromise")));
    assert_eq!((&event["detail"]["reason"], &event["detail"]["reason_before"]), (&json!("key-compromise"), &json!("superseded")));
    refused(ask(server, "tls-server", &key, &["a"]).await, "key-compromised", &first);
    let tuesday = crl().await;
    assert!(tuesday.contains("Key Compromise") && !tuesday.contains("Superseded"), "{tuesday}");
    assert_eq!(date(&tuesday), date(&monday), "it was revoked when it was revoked");
    // Once, and not back.
    for reason in ["key-compromise", "superseded"] {
        revoke(&first, reason).await.problem(409, "conflict");
    }

    // Of one that expired the key is recorded alone.
    let key = csr(&[&server.acme.host("b")], false).pem;
    let body = json!({"profile": "tls-server", "csr": key, "names": [server.acme.host("b")], "validity_seconds": 600});
    let short = admin.post(&server.acme.path("/certificates"), body).await.ok(201);
    server.pass(Duration::from_secs(700)).await;
    revoke(&short, "superseded").await.problem(409, "conflict");
    let known = revoke(&short, "key-compromise").await.ok(200);
    assert_eq!((&known["status"], &event_of(server, &known).await["detail"]["status"]), (&json!("expired"), &json!("expired")));
    refused(ask(server, "tls-server", &key, &["b"]).await, "key-compromised", &short);
    revoke(&short, "key-compromise").await.problem(409, "conflict");
}

on_both_engines!(
    others_with_a_compromised_key_are_named_and_revoked_with_it,
    another_public_key_of_the_same_secret_is_the_same_key,
    a_compromise_learnt_of_later_is_recorded,
    a_key_is_certified_again_for_the_same_names_alone,
    a_profile_may_forbid_or_allow_it,
    of_many_at_once_one_is_certified,
    what_is_expected_of_a_key_is_held_to_what_is_known,
    a_compromised_key_is_never_certified_again,
);
