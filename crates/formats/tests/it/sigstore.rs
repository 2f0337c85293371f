//! Bundles before cosign, with our own trusted root; the transparency log and the SCT, which we do not have, are waived.

use crate::support::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Serial, Timestamp};
use chancery_formats::in_toto::{PAYLOAD_TYPE, PROVENANCE, Subject, statement};
use chancery_formats::sigstore::{self, Artifact, Content, Material, VerifiedBundle, Wish};
use chancery_formats::{MakeError, Problem, Trust};
use chancery_x509::hash::digest;
use chancery_x509::tsp::{Accuracy, TimestampRequest, TokenPlan};
use chancery_x509::{Purpose, Signer};
use const_oid::ObjectIdentifier;
use serde_json::{Value, json};
use std::sync::LazyLock;

const FILE: &[u8] = b"\x7fELF and so on";
const PURPOSES: &[Purpose] = &[Purpose::CodeSigning];
/// Those that sign a digest, which is what a bundle over a file has.
const OVER_FILES: [SignatureAlgorithm; 4] = [
    SignatureAlgorithm::EcdsaP256Sha256,
    SignatureAlgorithm::EcdsaP384Sha384,
    SignatureAlgorithm::RsaPkcs1Sha256,
    SignatureAlgorithm::RsaPssSha256,
];

/// What cosign 3 does not take with a certificate ("no compatible verifier found"); our own verifier does.
const NOT_COSIGNS: SignatureAlgorithm = SignatureAlgorithm::RsaPssSha256;

/// A timestamping authority under the same root.
static STAMPER: LazyLock<(MemoryKey, Vec<Vec<u8>>)> = LazyLock::new(|| {
    let key = MemoryKey::of(KeyAlgorithm::EcP256);
    let chain = vec![HOUSE.certify(&key, "tsa-signer"), HOUSE.issuer.der().to_vec()];
    (key, chain)
});

fn token(bundle: &str, at: Timestamp) -> Vec<u8> {
    let imprint = sigstore::timestamp_imprint(bundle.as_bytes(), DigestAlgorithm::Sha256).unwrap();
    let request = TimestampRequest { imprint, policy: None, nonce: None, certificates: true };
    let (key, chain) = &*STAMPER;
    let policy = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
    let (serial, accuracy) = (Serial::from_slice(&[0x55; 16]).unwrap(), Accuracy { seconds: 1, millis: 0 });
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let prepared = TokenPlan { request: &request, chain, algorithm, policy, serial, at, accuracy }.prepare().unwrap();
    let signature = key.sign(prepared.to_be_signed()).unwrap();
    prepared.finish(&signature).unwrap()
}

fn stamped(bundle: &str, at: Timestamp) -> String {
    sigstore::with_timestamp(bundle.as_bytes(), &token(bundle, at)).unwrap()
}

fn over_file(algorithm: SignatureAlgorithm, material: Material) -> String {
    let signer = member(algorithm);
    let digest = digest(algorithm.digest().unwrap(), FILE);
    let prepared = sigstore::prepare_message(&signer.certified(algorithm), material, &digest).unwrap();
    assert_eq!(prepared.digest_to_be_signed(), &digest);
    prepared.finish(&signer.key.sign_as(algorithm, FILE)).unwrap()
}

fn around_statement(algorithm: SignatureAlgorithm, material: Material) -> String {
    let signer = member(algorithm);
    let subject = Subject { name: "app".to_owned(), digests: vec![digest(DigestAlgorithm::Sha256, FILE)] };
    let predicate = json!({
        "buildDefinition": { "buildType": "https://acme.example/build", "externalParameters": {} },
        "runDetails": { "builder": { "id": "https://acme.example/builder" } },
    });
    let text = statement(&[subject], PROVENANCE, predicate.to_string().as_bytes()).unwrap();
    let prepared = sigstore::prepare_envelope(&signer.certified(algorithm), material, PAYLOAD_TYPE, &text).unwrap();
    let signature = signer.key.sign_as(algorithm, prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

/// The trust knows the root, also for timestamps, and the keys of all who sign here.
fn trust() -> Trust {
    let keys = SignatureAlgorithm::ALL.map(|algorithm| member(algorithm).key.public_key().spki_der().to_vec()).to_vec();
    Trust { timestamp_roots: vec![HOUSE.root.clone()], keys, ..HOUSE.trust() }
}

fn verify_at(bundle: &str, artifact: Option<Artifact<'_>>, at: Timestamp) -> Result<VerifiedBundle, Vec<Problem>> {
    let certificates = [HOUSE.issuer.der().to_vec()];
    sigstore::verify(bundle.as_bytes(), artifact, &Wish { trust: &trust(), certificates: &certificates, purposes: PURPOSES, at })
}

fn verify(bundle: &str) -> Result<VerifiedBundle, Vec<Problem>> {
    verify_at(bundle, Some(Artifact::Bytes(FILE)), now())
}

/// Our root, intermediate and timestamping authority, as cosign wants to be told of them.
fn trusted_root() -> Value {
    let chain = |ders: &[&[u8]]| -> Value { ders.iter().map(|der| json!({ "rawBytes": STANDARD.encode(der) })).collect() };
    let (subject, valid) = (json!({ "organization": "Acme", "commonName": "Acme Root" }), json!({ "start": "2023-11-14T22:13:20Z" }));
    let authority = |ders: &[&[u8]]| json!({ "subject": subject, "uri": "https://acme.example", "certChain": { "certificates": chain(ders) }, "validFor": valid });
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [],
        "certificateAuthorities": [authority(&[HOUSE.issuer.der(), &HOUSE.root])],
        "ctlogs": [],
        "timestampAuthorities": [authority(&[&STAMPER.1[0], HOUSE.issuer.der(), &HOUSE.root])],
    })
}

/// cosign's verdict on a bundle and a file, and what it said.
fn cosign(command: &str, bundle: &str, file: &[u8], more: &[&str]) -> (bool, String) {
    let folder = Folder::new();
    folder.file("bundle.json", bundle);
    folder.file("file", file);
    folder.file("root.json", trusted_root().to_string());
    let fixed = [command, "--bundle", "bundle.json", "--insecure-ignore-tlog"];
    folder.run("bin/cosign", &[&fixed, more, &["file"]].concat())
}

const BY_CERTIFICATE: &[&str] =
    &["--trusted-root", "root.json", "--insecure-ignore-sct", "--certificate-identity", IDENTITY, "--certificate-oidc-issuer-regexp", ".*"];

fn changed(bundle: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(bundle).unwrap();
    change(&mut value);
    value.to_string()
}

fn flipped(value: &Value) -> Value {
    let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    STANDARD.encode(bytes).into()
}

#[test]
fn cosign_accepts_a_bundle_over_a_file_and_refuses_it_tampered_and_so_do_we() {
    for algorithm in OVER_FILES {
        let bundle = over_file(algorithm, Material::Certificate);
        let verified = verify(&bundle).unwrap();
        assert_eq!((verified.signature.algorithm, verified.content), (algorithm, Content::Message));
        assert_eq!(verified.signature.chain, [member(algorithm).chain.clone(), vec![HOUSE.root.clone()]].concat());
        let (ok, said) = cosign("verify-blob", &bundle, FILE, BY_CERTIFICATE);
        assert_eq!(ok, algorithm != NOT_COSIGNS, "{algorithm:?}: {said}");
    }
    let bundle = over_file(SignatureAlgorithm::EcdsaP256Sha256, Material::Certificate);
    let damaged = changed(&bundle, |it| it["messageSignature"]["signature"] = flipped(&it["messageSignature"]["signature"]));
    assert_eq!(codes(verify(&damaged)), ["signature"]);
    assert!(!cosign("verify-blob", &damaged, FILE, BY_CERTIFICATE).0);
    assert_eq!(codes(verify_at(&bundle, Some(Artifact::Bytes(b"another")), now())), ["digest"]);
    assert!(!cosign("verify-blob", &bundle, b"another", BY_CERTIFICATE).0);
}

#[test]
fn cosign_accepts_a_statement_about_a_file_and_refuses_it_tampered_and_so_do_we() {
    let command = "verify-blob-attestation";
    let arguments = [BY_CERTIFICATE, &["--type", "slsaprovenance1"]].concat();
    for algorithm in OVER_FILES {
        let bundle = around_statement(algorithm, Material::Certificate);
        let verified = verify(&bundle).unwrap();
        assert_eq!(verified.signature.algorithm, algorithm);
        assert!(matches!(verified.content, Content::Statement(found) if found.subjects[0].name == "app"));
        let (ok, said) = cosign(command, &bundle, FILE, &arguments);
        assert_eq!(ok, algorithm != NOT_COSIGNS, "{algorithm:?}: {said}");
    }
    let bundle = around_statement(SignatureAlgorithm::EcdsaP256Sha256, Material::Certificate);
    for member in ["payload", "payloadType"] {
        let damaged = changed(&bundle, |it| match member {
            "payload" => it["dsseEnvelope"][member] = flipped(&it["dsseEnvelope"][member]),
            _ => it["dsseEnvelope"][member] = "application/vnd.in-toto+jsom".into(),
        });
        assert_eq!(codes(verify(&damaged)), ["signature"]);
        assert!(!cosign(command, &damaged, FILE, &arguments).0);
    }
    assert_eq!(codes(verify_at(&bundle, Some(Artifact::Bytes(b"another")), now())), ["digest"]);
    assert!(!cosign(command, &bundle, b"another", &arguments).0);
    assert!(verify_at(&bundle, None, now()).is_ok());
    // Kinds that sign no digest sign statements.
    for algorithm in [SignatureAlgorithm::Ed25519, SignatureAlgorithm::MlDsa65] {
        for material in [Material::Certificate, Material::KeyHint] {
            assert_eq!(verify(&around_statement(algorithm, material)).unwrap().signature.algorithm, algorithm);
        }
    }
    let (ok, said) = cosign(command, &around_statement(SignatureAlgorithm::Ed25519, Material::Certificate), FILE, &arguments);
    assert!(ok, "{said}");
}

#[test]
fn a_bundle_without_a_certificate_is_verified_with_the_key() {
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let bundle = over_file(algorithm, Material::KeyHint);
    let verified = verify(&bundle).unwrap();
    assert!(verified.signature.chain.is_empty() && verified.signature.subject.starts_with("sha256:"));
    let nobody = Wish { trust: &HOUSE.trust(), certificates: &member(algorithm).chain, purposes: PURPOSES, at: now() };
    assert_eq!(codes(sigstore::verify(bundle.as_bytes(), Some(Artifact::Bytes(FILE)), &nobody)), ["signature"]);
    let judge = |pem: String, bundle: &str| {
        let folder = Folder::new();
        folder.file("key.pem", pem);
        folder.file("bundle.json", bundle);
        folder.file("file", FILE);
        folder.run("bin/cosign", &["verify-blob", "--bundle", "bundle.json", "--key", "key.pem", "--insecure-ignore-tlog", "file"])
    };
    let (ok, said) = judge(member(algorithm).pem(), &bundle);
    assert!(ok, "{said}");
    assert!(!judge(HOUSE.member(KeyAlgorithm::EcP256).pem(), &bundle).0);
    let damaged = changed(&bundle, |it| it["messageSignature"]["signature"] = flipped(&it["messageSignature"]["signature"]));
    assert!(verify(&damaged).is_err() && !judge(member(algorithm).pem(), &damaged).0);
}

#[test]
fn a_timestamp_says_when_and_cosign_believes_it_too() {
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let arguments = [BY_CERTIFICATE, &["--use-signed-timestamps"]].concat();
    let later = at(START + 2 * i64::from(VALIDITY));
    for (command, bare) in [
        ("verify-blob", over_file(algorithm, Material::Certificate)),
        ("verify-blob-attestation", around_statement(algorithm, Material::Certificate)),
    ] {
        let arguments =
            if command == "verify-blob" { arguments.clone() } else { [&arguments[..], &["--type", "slsaprovenance1"]].concat() };
        let bundle = stamped(&bare, now());
        let (ok, said) = cosign(command, &bundle, FILE, &arguments);
        assert!(ok, "{said}");
        assert!(!cosign(command, &bare, FILE, &arguments).0);
        // When the certificate has ended, the timestamp tells that it had not.
        assert_eq!(codes(verify_at(&bare, Some(Artifact::Bytes(FILE)), later)), ["chain"]);
        let verified = verify_at(&bundle, Some(Artifact::Bytes(FILE)), later).unwrap();
        assert_eq!((verified.signature.timestamp.unwrap().at, verified.signature.judged_at), (now(), now()));
        // Over another signature, from the future, damaged, by nobody trusted.
        let other = over_file(SignatureAlgorithm::EcdsaP384Sha384, Material::Certificate);
        let foreign = sigstore::with_timestamp(bare.as_bytes(), &token(&other, now())).unwrap();
        assert_eq!(codes(verify(&foreign)), ["timestamp"]);
        assert!(!cosign(command, &foreign, FILE, &arguments).0);
        assert_eq!(codes(verify(&stamped(&bare, at(START + 5001)))), ["timestamp"]);
        let damaged = changed(&bundle, |it| {
            let token = &mut it["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"];
            *token = flipped(token);
        });
        assert_eq!(codes(verify(&damaged)), ["timestamp"]);
        assert!(!cosign(command, &damaged, FILE, &arguments).0);
        let wish = Wish { trust: &HOUSE.trust(), certificates: &[HOUSE.issuer.der().to_vec()], purposes: PURPOSES, at: now() };
        assert_eq!(codes(sigstore::verify(bundle.as_bytes(), Some(Artifact::Bytes(FILE)), &wish)), ["timestamp"]);
        // One good one does not help a bad one.
        assert_eq!(codes(verify(&sigstore::with_timestamp(foreign.as_bytes(), &token(&bare, now())).unwrap())), ["timestamp"]);
    }
}

#[test]
fn a_signer_is_good_for_it_and_not_revoked() {
    let bundle = over_file(SignatureAlgorithm::EcdsaP256Sha256, Material::Certificate);
    let certificates = [HOUSE.issuer.der().to_vec()];
    let verify = |trust: &Trust, certificates: &[Vec<u8>], purposes, at| {
        codes(sigstore::verify(bundle.as_bytes(), Some(Artifact::Bytes(FILE)), &Wish { trust, certificates, purposes, at }))
    };
    assert_eq!(verify(&HOUSE.trust(), &certificates, &[Purpose::EmailProtection], now()), ["purpose"]);
    assert_eq!(verify(&HOUSE.trust(), &[], PURPOSES, now()), ["untrusted"]);
    assert_eq!(verify(&Trust::default(), &certificates, PURPOSES, now()), ["untrusted"]);
    assert_eq!(verify(&HOUSE.trust(), &certificates, PURPOSES, at(START - 1)), ["chain"]);
    let revoked = Trust { crls: vec![HOUSE.revoked(START + 5000)], ..HOUSE.trust() };
    assert_eq!(verify(&revoked, &certificates, PURPOSES, now()), ["revoked"]);
}

type Change = fn(&mut Value);

/// What no bundle is that we read.
const MALFORMED: &[Change] = &[
    |it| it["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json".into(),
    |it| it["mediaType"] = Value::Null,
    |it| it["verificationMaterial"]["publicKey"] = json!({ "hint": "x" }),
    |it| it["verificationMaterial"] = json!({}),
    |it| it["verificationMaterial"] = json!({ "x509CertificateChain": { "certificates": [it["verificationMaterial"]["certificate"]] } }),
    |it| it["verificationMaterial"]["x509CertificateChain"] = json!({}),
    |it| it["verificationMaterial"]["certificate"]["rawBytes"] = "".into(),
    |it| it["verificationMaterial"]["timestampVerificationData"] = json!([]),
    |it| it["verificationMaterial"]["timestampVerificationData"] = json!({ "rfc3161Timestamps": [{}] }),
    |it| {
        it["verificationMaterial"]["timestampVerificationData"] =
            json!({ "rfc3161Timestamps": vec![json!({ "signedTimestamp": "AAAA" }); 5] })
    },
    |it| it["messageSignature"] = Value::Null,
    |it| it["messageSignature"]["signature"] = "%".into(),
    |it| it["messageSignature"]["messageDigest"]["algorithm"] = "SHA1".into(),
    |it| it["messageSignature"]["messageDigest"]["digest"] = "AAAA".into(),
    |it| it["dsseEnvelope"] = json!({}),
    |it| drop(it.as_object_mut().unwrap().remove("messageSignature")),
];

#[test]
fn a_bundle_is_one_object_that_says_each_thing_once() {
    let bundle = over_file(SignatureAlgorithm::EcdsaP256Sha256, Material::Certificate);
    for (number, change) in MALFORMED.iter().enumerate() {
        assert_eq!(codes(verify(&changed(&bundle, change))), ["sigstore-bundle"], "{number}");
    }
    assert!(verify(&changed(&bundle, |it| it["verificationMaterial"]["tlogEntries"] = json!([]))).is_ok());
    for entries in [json!([{ "logIndex": "1" }]), json!({}), Value::Null] {
        let logged = changed(&bundle, |it| it["verificationMaterial"]["tlogEntries"] = entries);
        assert_eq!(codes(verify(&logged)), ["sigstore-log"]);
    }
    let doubled = bundle.replacen('{', "{\"messageSignature\":{},", 1);
    assert_eq!(codes(verify(&doubled)), ["sigstore-bundle"]);
    assert_eq!(codes(verify(&(" ".repeat(sigstore::LONGEST) + &bundle))), ["sigstore-bundle"]);
    let statement = around_statement(SignatureAlgorithm::EcdsaP256Sha256, Material::Certificate);
    let second = changed(&statement, |it| {
        let signature = it["dsseEnvelope"]["signatures"][0].clone();
        it["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(signature);
    });
    assert_eq!(codes(verify(&second)), ["sigstore-bundle"]);
    for length in 0..bundle.len() {
        assert!(verify(&bundle[..length]).is_err(), "{length}");
    }
    for place in 0..bundle.len() {
        for bit in 0..8 {
            let mut bytes = bundle.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let certificates = [HOUSE.issuer.der().to_vec()];
            let wish = Wish { trust: &HOUSE.trust(), certificates: &certificates, purposes: PURPOSES, at: now() };
            assert!(sigstore::verify(&bytes, Some(Artifact::Bytes(FILE)), &wish).is_err(), "{place} {bit}");
        }
    }
}

#[test]
fn a_file_is_known_by_its_digest_and_nothing_is_given_out_with_another_ones_signature() {
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let bundle = over_file(algorithm, Material::Certificate);
    let [sha256, sha384] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384].map(|kind| digest(kind, FILE));
    let by_digest = |artifact| verify_at(&bundle, artifact, now());
    assert!(by_digest(Some(Artifact::Digest(&sha256))).is_ok());
    assert_eq!(codes(by_digest(Some(Artifact::Digest(&sha384)))), ["artifact"]);
    let of_another = digest(DigestAlgorithm::Sha256, b"x");
    assert_eq!(codes(by_digest(Some(Artifact::Digest(&of_another)))), ["digest"]);
    assert_eq!(codes(by_digest(None)), ["artifact"]);
    let signer = member(algorithm);
    let prepare = |digest| sigstore::prepare_message(&signer.certified(algorithm), Material::Certificate, digest);
    assert_eq!(prepare(&sha256).unwrap().finish(&signer.key.sign_as(algorithm, b"x")), Err(MakeError::Signature));
    let stranger = HOUSE.member(KeyAlgorithm::EcP256);
    assert_eq!(prepare(&sha256).unwrap().finish(&stranger.key.sign_as(algorithm, FILE)), Err(MakeError::Signature));
    assert!(matches!(prepare(&sha384), Err(MakeError::Content(_))));
    let edwards = SignatureAlgorithm::Ed25519;
    let over_digest = sigstore::prepare_message(&member(edwards).certified(edwards), Material::Certificate, &sha256);
    assert!(matches!(over_digest, Err(MakeError::Content(_))));
    let mut full = bundle.clone();
    for _ in 0..sigstore::MOST_TIMESTAMPS {
        full = stamped(&full, now());
    }
    assert!(verify(&full).is_ok());
    assert!(matches!(sigstore::with_timestamp(full.as_bytes(), &token(&bundle, now())), Err(MakeError::Content(_))));
    // An envelope around something that is no statement.
    let signer = member(algorithm);
    let prepared = sigstore::prepare_envelope(&signer.certified(algorithm), Material::Certificate, "text/plain", b"x").unwrap();
    let signature = signer.key.sign_as(algorithm, prepared.to_be_signed());
    assert_eq!(codes(verify(&prepared.finish(&signature).unwrap())), ["in-toto-type"]);
}
