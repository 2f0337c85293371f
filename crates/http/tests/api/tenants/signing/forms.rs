//! Signatures in their forms, made by the server, before judges from outside; one path for all of them.

use super::{codes, digest, events, raw, shown, sign, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::{signing_profile, with};
use chancery_testkit::{TestServer, on_both_engines, python};
use serde_json::{Value, json};

const DOCUMENT: &[u8] = b"a contract, byte for byte";

/// A signer for documents of this kind of key and these forms.
async fn signer(server: &TestServer, name: &str, key: &str, formats: Value) -> String {
    let body = json!({
        "name": name, "signing_profile": with(signing_profile(), json!({"formats": formats})),
        "certify": {"profile": "document-signing", "names": [server.acme.host("office")], "key_algorithm": key}
    });
    text(&server.as_(&server.acme.admin).post(&server.acme.path("/signers"), body).await.ok(201)["name"]).to_owned()
}

async fn signed(server: &TestServer, signer: &str, body: Value) -> Vec<u8> {
    let answer = sign(&server.as_(&server.acme.admin), server, signer, body).await.ok(201);
    STANDARD.decode(text(&answer["documents"][0]["signature"])).unwrap()
}

fn sha(judge: &Openssl, kind: &str, document: &[u8]) -> String {
    judge.file("document", document);
    let said = judge.must(&format!("dgst -{kind} -r document"), b"");
    format!("{}:{}", kind.replace("sha", "sha-"), said.split_whitespace().next().unwrap())
}

/// Puts the root where judges find it.
async fn root(server: &TestServer, judge: &Openssl) {
    let root = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}", server.acme.root))).await.ok(200);
    judge.file("root.pem", text(&root["certificate"]));
}

async fn openssl_accepts_cms_by_digest_and_with_the_document_inside(server: &TestServer) {
    let judge = Openssl::new();
    root(server, &judge).await;
    let verify = "cms -verify -binary -cades -purpose any -inform DER -CAfile root.pem -attime 1800000010 -out out";
    for (key, kind) in [("ec-p256", "sha256"), ("ec-p384", "sha384"), ("rsa-2048", "sha256")] {
        let name = signer(server, &format!("cms-{key}"), key, json!(["cms"])).await;
        let by_digest = json!({"digest": sha(&judge, kind, DOCUMENT), "size": DOCUMENT.len()});
        let whole = json!({"content": STANDARD.encode(DOCUMENT)});
        for document in [&by_digest, &whole] {
            let cms = signed(server, &name, json!({"format": "cms", "documents": [document]})).await;
            judge.file("cms", &cms);
            judge.file("document", DOCUMENT);
            judge.must(&format!("{verify} -in cms -content document"), b"");
            judge.file("document", [DOCUMENT, b"."].concat());
            assert!(!judge.run(&format!("{verify} -in cms -content document"), b"").ok, "{key}: another document");
            let mut changed = cms.clone();
            *changed.last_mut().unwrap() ^= 1;
            judge.file("cms", &changed);
            judge.file("document", DOCUMENT);
            assert!(!judge.run(&format!("{verify} -in cms -content document"), b"").ok, "{key}: another signature");
        }
        let inside = signed(server, &name, json!({"format": "cms", "attached": true, "documents": [whole]})).await;
        judge.file("cms", &inside);
        judge.must(&format!("{verify} -in cms"), b"");
        assert_eq!(judge.read("out"), DOCUMENT);
        // What goes inside is sent; a digest of another kind than the form's is none.
        let attached = json!({"format": "cms", "attached": true, "documents": [by_digest]});
        assert_eq!(codes(&sign(&server.as_(&server.acme.admin), server, &name, attached).await), ["content-needed"]);
        let other = json!({"format": "cms", "documents": [{"digest": sha(&judge, "sha512", DOCUMENT)}]});
        sign(&server.as_(&server.acme.admin), server, &name, other).await.problem(422, "invalid");
        // A form of its own is the bare signature: this signer makes none.
        let bare = raw(&sha(&judge, "sha256", DOCUMENT));
        assert!(codes(&sign(&server.as_(&server.acme.admin), server, &name, bare).await).contains(&"format".to_owned()));
    }
}

/// jwcrypto verifies a token with the key of a certificate, detached or not, and refuses it with another payload or character.
const JWS: &str = r#"
import sys
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwk, jws
chain, payload = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
key = jwk.JWK.from_pem(x509.load_pem_x509_certificate(chain).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
def accepts(text, detached):
    token = jws.JWS()
    token.allowed_algs = ["ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256"]
    try:
        token.deserialize(text)
        token.verify(key, detached_payload=detached) if detached is not None else token.verify(key)
        return detached is not None or token.payload == payload
    except Exception:
        return False
compact, detached = open(sys.argv[3]).read(), open(sys.argv[4]).read()
assert accepts(compact, None) and accepts(detached, payload)
assert not accepts(detached, payload + b".")
for text, inside in [(compact, None), (detached, payload)]:
    for place in [5, len(text) - 5]:
        changed = text[:place] + ("B" if text[place] == "A" else "A") + text[place + 1:]
        assert not accepts(changed, inside), place
print("judged")
"#;

async fn jwcrypto_accepts_jws_compact_and_detached(server: &TestServer) {
    let judge = Openssl::new();
    for (key, algorithm) in [("ec-p256", "ecdsa-p256-sha256"), ("rsa-2048", "rsa-pss-sha256"), ("rsa-2048", "rsa-pkcs1-sha256")] {
        let name = signer(server, &format!("jws-{algorithm}"), key, json!(["jws"])).await;
        let documents = json!([{"content": STANDARD.encode(DOCUMENT)}]);
        let body = json!({"format": "jws", "algorithm": algorithm, "documents": documents});
        let compact = signed(server, &name, body.clone()).await;
        let detached = signed(server, &name, with(body, json!({"attached": false}))).await;
        let chain = shown(server, &name).await["versions"][0]["chain"].clone();
        let files = [
            judge.file("chain", text(&chain)),
            judge.file("payload", DOCUMENT),
            judge.file("compact", compact),
            judge.file("detached", detached),
        ];
        assert_eq!(python::must(JWS, &files).trim(), "judged", "{algorithm}");
        let by_digest = with(raw(&digest(1)), json!({"format": "jws", "algorithm": algorithm}));
        assert_eq!(codes(&sign(&server.as_(&server.acme.admin), server, &name, by_digest).await), ["content-needed"]);
    }
}

/// An envelope's signature over the pre-authentication encoding, by its own reading of DSSE; refused for another type or payload.
const DSSE: &str = r#"
import base64, json, sys
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
key = x509.load_pem_x509_certificate(open(sys.argv[1], "rb").read()).public_key()
envelope = json.load(open(sys.argv[3]))
payload = base64.b64decode(envelope["payload"])
assert payload == open(sys.argv[2], "rb").read()
def pae(kind, payload):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
signature, kind = base64.b64decode(envelope["signatures"][0]["sig"]), envelope["payloadType"].encode()
assert kind == b"application/vnd.in-toto+json"
key.verify(signature, pae(kind, payload), ec.ECDSA(hashes.SHA256()))
for wrong in [pae(kind, payload + b" "), pae(b"text/plain", payload), payload]:
    try:
        key.verify(signature, wrong, ec.ECDSA(hashes.SHA256()))
        sys.exit("accepted")
    except InvalidSignature:
        pass
print("judged")
"#;

async fn statements_go_into_envelopes_and_nothing_else_does(server: &TestServer) {
    let judge = Openssl::new();
    let name = signer(server, "builds", "ec-p256", json!(["dsse"])).await;
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://example.com/tested/v1", "predicate": {"passed": true},
        "subject": [{"name": "release.tar", "digest": {"sha256": "0f".repeat(32)}}]
    })
    .to_string();
    let of = |content: &str| json!({"format": "dsse", "documents": [{"content": STANDARD.encode(content)}]});
    let envelope = signed(server, &name, of(&statement)).await;
    let chain = shown(server, &name).await["versions"][0]["chain"].clone();
    let files = [judge.file("chain", text(&chain)), judge.file("statement", &statement), judge.file("envelope", envelope)];
    assert_eq!(python::must(DSSE, &files).trim(), "judged");
    for wrong in ["", "{}", "a text", &statement.replace("Statement/v1", "Statement/v2")] {
        sign(&server.as_(&server.acme.admin), server, &name, of(wrong)).await.problem(422, "invalid");
    }
    let told = events(server, "signature.create").await;
    assert_eq!((told.len(), &told[0]["event"]["detail"]["format"]), (1, &json!("dsse")));
    assert_eq!(told[0]["event"]["detail"]["documents"][0]["digest"], sha(&judge, "sha256", statement.as_bytes()));
}

async fn the_signature_file_of_an_archive_is_signed_by_its_digest(server: &TestServer) {
    let judge = Openssl::new();
    root(server, &judge).await;
    let name = signer(server, "archives", "rsa-2048", json!(["jar"])).await;
    let file = b"Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: AAAA\r\n\r\n";
    let block = signed(server, &name, json!({"format": "jar", "documents": [{"digest": sha(&judge, "sha256", file)}]})).await;
    judge.file("block", block);
    let verify = "cms -verify -binary -purpose any -inform DER -CAfile root.pem -attime 1800000010 -out out -in block -content document";
    judge.must(verify, b"");
    judge.file("document", b"Signature-Version: 1.0\r\n\r\n");
    assert!(!judge.run(verify, b"").ok);
}

on_both_engines!(
    openssl_accepts_cms_by_digest_and_with_the_document_inside,
    jwcrypto_accepts_jws_compact_and_detached,
    statements_go_into_envelopes_and_nothing_else_does,
    the_signature_file_of_an_archive_is_signed_by_its_digest,
);
