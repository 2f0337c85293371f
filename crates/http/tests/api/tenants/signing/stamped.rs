//! Signatures with a timestamp in them (CAdES-T), given by the tenant's own authority, before openssl and our own verifier.

use super::{codes, digest, events, raw, shown, sign, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::Timestamp;
use chancery_domain::signature::{Digest, DigestAlgorithm};
use chancery_formats::{Trust, cms};
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::{signing_profile, with};
use chancery_testkit::{TestServer, on_both_engines, python};
use chancery_x509::pem;
use serde_json::{Value, json};

const DOCUMENT: &[u8] = b"a contract, byte for byte";

fn sha(judge: &Openssl) -> String {
    judge.file("document", DOCUMENT);
    format!("sha-256:{}", judge.must("dgst -sha256 -r document", b"").split_whitespace().next().unwrap())
}

/// A signer for documents with these fields of its profile.
async fn office(server: &TestServer, name: &str, profile: Value) {
    let body = json!({
        "name": name, "signing_profile": with(with(signing_profile(), json!({"formats": ["cms", "jar", "pades", "raw"]})), profile),
        "certify": {"profile": "document-signing", "names": [server.acme.host("office")]}
    });
    server.as_(&server.acme.admin).post(&server.acme.path("/signers"), body).await.ok(201);
}

/// Takes the only timestamp token and the signature that it is over out of a SignedData.
const TAKE_OUT: &str = r#"
import sys
from asn1crypto import cms
signer = cms.ContentInfo.load(open(sys.argv[1], "rb").read())["content"]["signer_infos"][0]
[attribute] = signer["unsigned_attrs"]
assert attribute["type"].native == "signature_time_stamp_token"
[token] = attribute["values"]
open(sys.argv[2], "wb").write(token.dump())
open(sys.argv[3], "wb").write(signer["signature"].native)
"#;

async fn a_signature_carries_a_timestamp_that_judges_accept(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let time = server.timestamper(&server.acme, "time", "ec-p256", json!({})).await;
    office(server, "office", json!({"timestamp_by": time, "timestamp_required": true})).await;
    let root = admin.get(&server.acme.path(&format!("/issuers/{}", server.acme.root))).await.ok(200);
    judge.file("root.pem", text(&root["certificate"]));
    let roots = vec![pem::decode(text(&root["certificate"])).unwrap()[0].der.to_vec()];
    for format in ["cms", "jar", "pades"] {
        let body = json!({"format": format, "documents": [{"digest": sha(&judge)}, {"digest": sha(&judge)}]});
        let signed = sign(&admin, server, "office", body).await.ok(201);
        let told = events(server, "signature.create").await;
        // An act of its own each: the signatures, and their timestamps.
        let of =
            |signature: &Value| told.iter().map(|told| &told["event"]["detail"]).find(|detail| detail["signature"] == *signature).unwrap();
        let office = of(&signed["id"]);
        let time = of(&office["timestamps"]);
        assert_eq!((&office["format"], &time["format"], &time["signer"]), (&json!(format), &json!("timestamp"), &json!("time")));
        assert_eq!(time["documents"].as_array().unwrap().len(), 2);
        for document in signed["documents"].as_array().unwrap() {
            let bytes = STANDARD.decode(text(&document["signature"])).unwrap();
            let file = judge.file("cms", &bytes);
            let verify =
                "cms -verify -binary -purpose any -inform DER -CAfile root.pem -attime 1800000010 -out out -in cms -content document";
            judge.must(verify, b"");
            python::must(TAKE_OUT, &[file, judge.file("token", ""), judge.file("value", "")]);
            let stamped = "ts -verify -CAfile root.pem -attime 1800000010 -token_in -in token -data value";
            judge.must(stamped, b"");
            judge.file("value", "another signature");
            assert!(!judge.run(stamped, b"").ok);
            if format == "jar" {
                continue;
            }
            let trust = Trust { roots: roots.clone(), timestamp_roots: roots.clone(), ..Trust::default() };
            let digest: Digest = text(&document["digest"]).parse().unwrap();
            let at = Timestamp::from_seconds(1_800_000_100);
            let verified = cms::verify(&bytes, Some(&digest), &trust, at).unwrap();
            assert_eq!(verified.timestamp.unwrap().at, Timestamp::from_seconds(1_800_000_000));
            let unknown = Trust { timestamp_roots: Vec::new(), ..trust.clone() };
            assert!(cms::verify(&bytes, Some(&digest), &unknown, at).is_err());
            let other = Digest::new(DigestAlgorithm::Sha256, vec![1; 32]).unwrap();
            assert!(cms::verify(&bytes, Some(&other), &trust, at).is_err());
        }
    }
}

async fn without_its_authority_nothing_is_signed(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let time = server.timestamper(&server.acme, "time", "ec-p256", json!({"max_signatures": 1})).await;
    office(server, "strict", json!({"timestamp_by": time, "timestamp_required": true})).await;
    office(server, "free", json!({"timestamp_by": time})).await;
    office(server, "alone", json!({})).await;
    let cms = |fields: Value| with(json!({"format": "cms", "documents": [{"digest": sha(&judge)}]}), fields);
    let refused = async |signer: &str, body: Value| codes(&sign(&admin, server, signer, body).await);
    assert_eq!(refused("strict", raw(&digest(1))).await, ["timestamp"]);
    assert_eq!(refused("strict", cms(json!({"timestamp": false}))).await, ["timestamp"]);
    assert_eq!(refused("alone", cms(json!({"timestamp": true}))).await, ["timestamp-by"]);
    assert_eq!(refused("free", with(raw(&digest(1)), json!({"timestamp": true}))).await, ["timestamp-form"]);
    // Whoever wishes for one has it, and whoever does not, none.
    let plain = sign(&admin, server, "free", cms(json!({}))).await.ok(201);
    assert_eq!(shown(server, &time).await["signatures"], 0);
    let stamped = sign(&admin, server, "free", cms(json!({"timestamp": true}))).await.ok(201);
    assert!(text(&stamped["documents"][0]["signature"]).len() > text(&plain["documents"][0]["signature"]).len());
    // The authority has no more to give; a clock is not to be trusted; it is disabled.
    sign(&admin, server, "strict", cms(json!({}))).await.problem(403, "quota");
    server.clock.jump(-60_000);
    sign(&admin, server, "strict", cms(json!({}))).await.problem(503, "time-not-available");
    server.clock.jump(60_000);
    admin.post(&server.acme.path("/signers/time/disable"), json!({})).await.ok(200);
    assert_eq!(refused("strict", cms(json!({}))).await, ["timestamp-refused"]);
    assert_eq!((&shown(server, "strict").await["signatures"], &shown(server, "free").await["signatures"]), (&json!(0), &json!(2)));
    // Named is only who gives timestamps, in this tenant.
    server.timestamper(server.in_brava(), "brava-time", "ec-p256", json!({})).await;
    for name in ["free", "nobody", "brava-time", "No_Name"] {
        let profile = with(signing_profile(), json!({"timestamp_by": name}));
        let path = server.acme.path("/signers/alone/signing-profile");
        let answer = admin.clone().with("if-match", "\"1\"").put(&path, profile).await;
        assert_eq!(answer.problem(422, "invalid")["field"], "timestamp_by", "{name}");
    }
}

on_both_engines!(a_signature_carries_a_timestamp_that_judges_accept, without_its_authority_nothing_is_signed);
