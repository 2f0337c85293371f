//! Signatures of every kind before judges from outside: openssl, and for ML-DSA Python's `cryptography`.

use super::{events, laid_out, shown, sign, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::{signing_profile, with};
use chancery_testkit::{TestServer, on_both_engines, python};
use serde_json::{Value, json};

const DOCUMENT: &[u8] = b"a release, byte for byte";

/// Kind of key, kind of signature, how openssl is asked about it; without that it signs documents themselves.
const KINDS: [(&str, &str, Option<&str>); 5] = [
    ("ec-p256", "ecdsa-p256-sha256", Some("dgst -sha256")),
    ("ec-p384", "ecdsa-p384-sha384", Some("dgst -sha384")),
    ("rsa-2048", "rsa-pkcs1-sha256", Some("dgst -sha256")),
    ("rsa-2048", "rsa-pss-sha256", Some("dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256")),
    ("ed25519", "ed25519", None),
];

async fn signer(server: &TestServer, key: &str) -> String {
    let body = json!({
        "name": format!("of-{key}"), "signing_profile": signing_profile(),
        "certify": {"profile": "code-signing", "names": [server.acme.host("release")], "key_algorithm": key}
    });
    let answer = server.as_(&server.acme.admin).post(&server.acme.path("/signers"), body).await;
    match answer.status.as_u16() {
        409 => format!("of-{key}"),
        _ => text(&answer.ok(201)["name"]).to_owned(),
    }
}

/// openssl's digest of the document.
fn digest(judge: &Openssl, kind: &str) -> String {
    judge.file("document", DOCUMENT);
    let said = judge.must(&format!("dgst -{kind} -r document"), b"");
    format!("{}:{}", kind.replace("sha", "sha-"), said.split_whitespace().next().unwrap())
}

fn verifies(judge: &Openssl, how: Option<&str>) -> bool {
    match how {
        Some(how) => judge.run(&format!("{how} -verify public.pem -signature signature document"), b"").ok,
        None => judge.run("pkeyutl -verify -pubin -inkey public.pem -rawin -in document -sigfile signature", b"").ok,
    }
}

async fn openssl_accepts_each_kind_and_nothing_that_was_changed(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    for (key, algorithm, how) in KINDS {
        let name = signer(server, key).await;
        let chain = shown(server, &name).await["versions"][0]["chain"].clone();
        let whole = json!({"content": STANDARD.encode(DOCUMENT)});
        let kind = if key == "ec-p384" { "sha384" } else { "sha256" };
        let mut forms = vec![whole];
        forms.extend(how.map(|_| json!({"digest": digest(&judge, kind), "size": DOCUMENT.len()})));
        for document in forms {
            let body = json!({"format": "raw", "algorithm": algorithm, "documents": [document]});
            let signed = sign(&admin, server, &name, body).await.ok(201);
            assert_eq!((&signed["algorithm"], &signed["format"]), (&json!(algorithm), &json!("raw")));
            assert_eq!(signed["documents"][0]["digest"], digest(&judge, kind), "{algorithm}");
            assert_eq!(signed["documents"][0]["size"], DOCUMENT.len());
            let signature = &signed["documents"][0]["signature"];
            laid_out(&judge, &chain, DOCUMENT, signature);
            assert!(verifies(&judge, how), "{algorithm}");
            judge.file("document", [DOCUMENT, b"."].concat());
            assert!(!verifies(&judge, how), "{algorithm}: another document");
            judge.file("document", DOCUMENT);
            let mut changed = STANDARD.decode(text(signature)).unwrap();
            *changed.last_mut().unwrap() ^= 1;
            judge.file("signature", changed);
            assert!(!verifies(&judge, how), "{algorithm}: another signature");
        }
    }
}

/// Verifies a signature over a document with the key of a certificate, and refuses another document.
const JUDGE: &str = r#"
import sys
from cryptography import x509
from cryptography.exceptions import InvalidSignature
certificate, document, signature = (open(name, "rb").read() for name in sys.argv[1:])
key = x509.load_pem_x509_certificate(certificate).public_key()
key.verify(signature, document)
try:
    key.verify(signature, document + b".")
except InvalidSignature:
    print("verified")
"#;

async fn python_accepts_ml_dsa(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let path = server.acme.path("/profiles/code-signing");
    let read = admin.get(&path).await;
    let profile = with(read.ok(200)["profile"].clone(), json!({"key_algorithms": ["ml-dsa-65"]}));
    admin.clone().with("if-match", read.header("etag")).put(&path, profile).await.ok(200);
    let name = signer(server, "ml-dsa-65").await;
    // Of its digest it makes none.
    let by_digest = json!({"format": "raw", "documents": [{"digest": digest(&judge, "sha256")}]});
    assert_eq!(super::codes(&sign(&admin, server, &name, by_digest).await), ["document-needed"]);
    let body = json!({"format": "raw", "documents": [{"content": STANDARD.encode(DOCUMENT)}]});
    let signed = sign(&admin, server, &name, body).await.ok(201);
    assert_eq!(signed["algorithm"], "ml-dsa-65");
    let files = [
        judge.file("chain.pem", text(&shown(server, &name).await["versions"][0]["chain"])),
        judge.file("document", DOCUMENT),
        judge.file("signature", STANDARD.decode(text(&signed["documents"][0]["signature"])).unwrap()),
    ];
    assert_eq!(python::must(JUDGE, &files).trim(), "verified");
}

async fn the_event_tells_what_was_signed_with_what(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let name = signer(server, "ec-p256").await;
    let document = json!({"name": "release.tar", "digest": digest(&judge, "sha256"), "size": 7});
    let signed = sign(&admin, server, &name, json!({"format": "raw", "documents": [document]})).await.ok(201);
    let events = events(server, "signature.create").await;
    let [event] = &*events else { panic!("one event: {events:?}") };
    assert_eq!((&event["id"], &event["leaf"]), (&signed["event"]["id"], &signed["event"]["leaf"]));
    assert_eq!(event["id"], signed["recorded_by"]);
    let (detail, signer) = (&event["event"]["detail"], shown(server, &name).await);
    let version = &signer["versions"][0];
    judge.file("signature", STANDARD.decode(text(&signed["documents"][0]["signature"])).unwrap());
    let fingerprint = judge.must("dgst -sha256 -r signature", b"");
    let fingerprint = format!("sha-256:{}", fingerprint.split_whitespace().next().unwrap());
    let told = json!([{"name": "release.tar", "size": 7, "digest": digest(&judge, "sha256"), "signature": fingerprint}]);
    assert_eq!(detail["documents"], told);
    for (field, expected) in [
        ("signature", &signed["id"]),
        ("signer", &signer["name"]),
        ("signer_id", &signer["id"]),
        ("signer_version", &json!(1)),
        ("policy_version", &json!(1)),
        ("format", &json!("raw")),
        ("algorithm", &json!("ecdsa-p256-sha256")),
        ("certificate", &version["certificate"]),
        ("not_before", &version["not_before"]),
        ("not_after", &version["not_after"]),
        ("key_algorithm", &version["key_algorithm"]),
        ("moves", &json!(["approved", "prepared", "signed"])),
    ] {
        assert_eq!(&detail[field], expected, "{field}");
    }
    let chain: Vec<Value> = detail["chain"].as_array().unwrap().clone();
    assert_eq!((chain.len(), &chain[0], &signed["certificate_sha256"]), (2, &version["sha256"], &version["sha256"]));
    assert_eq!(event["event"]["actor"]["id"], signed["account"]);
}

on_both_engines!(openssl_accepts_each_kind_and_nothing_that_was_changed, python_accepts_ml_dsa, the_event_tells_what_was_signed_with_what);
