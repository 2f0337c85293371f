//! Files of all kinds through the one door.

use crate::world::World;
use chancery_domain::Timestamp;
use chancery_domain::signature::{DigestAlgorithm, JwsSyntax, SignatureAlgorithm};
use chancery_formats::{Certified, cms, dsse, in_toto, jar, jws, sigstore};
use chancery_verify::{Given, Known, Report, Verdict, verify};
use chancery_x509::hash::digest;
use chancery_x509::pem;
use std::io::Cursor;

const AT: &str = "2027-01-15T08:00:00Z";

fn look(bytes: &[u8], known: Option<&Known>, content: Option<&[u8]>) -> Report {
    with(bytes, known, content, &[])
}

fn with(bytes: &[u8], known: Option<&Known>, content: Option<&[u8]>, certificates: &[Vec<u8>]) -> Report {
    verify(&mut Cursor::new(bytes), &Given { known, content, certificates, at: Timestamp::parse(AT).unwrap() }).unwrap()
}

fn jws(world: &World, serialization: jws::Serialization) -> String {
    written(world, serialization, JwsSyntax::Compact)
}

fn written(world: &World, serialization: jws::Serialization, syntax: JwsSyntax) -> String {
    let certified = Certified { chain: &world.chain, algorithm: SignatureAlgorithm::EcdsaP256Sha256 };
    let prepared = jws::prepare(&certified, &jws::Wish { serialization, syntax, ..jws::Wish::default() }, b"release 1.0").unwrap();
    let signature = world.sign(prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

fn cms(world: &World, signed: cms::Signed<'_>) -> Vec<u8> {
    let certified = Certified { chain: &world.chain, algorithm: SignatureAlgorithm::EcdsaP256Sha256 };
    let prepared = cms::prepare(&certified, signed, Timestamp::parse(AT).unwrap()).unwrap();
    let signature = world.sign(prepared.to_be_signed());
    prepared.finish(&signature).unwrap()
}

#[test]
fn a_kind_is_seen_from_the_file_and_each_is_verified() {
    let world = World::new(None);
    let known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    let bundle = look(&serde_json::to_vec(&world.bundle()).unwrap(), Some(&known), None);
    assert_eq!((bundle.kind, bundle.verdict), ("evidence bundle", Verdict::Valid));
    let compact = jws(&world, jws::Serialization::Compact);
    let report = look(format!("{compact}\n").as_bytes(), Some(&known), None);
    assert_eq!((report.kind, report.verdict), ("JSON Web Signature", Verdict::Valid), "{report:?}");
    assert!(report.said.iter().any(|said| said.label == "by" && said.text.contains("Release signing")), "{report:?}");
    let attached = cms(&world, cms::Signed::Attached(b"release 1.0"));
    let report = look(&attached, Some(&known), None);
    assert_eq!((report.kind, report.verdict), ("CMS SignedData", Verdict::Valid), "{report:?}");
    assert_eq!(look(pem::encode("CMS", &attached).as_bytes(), Some(&known), None).verdict, Verdict::Valid);
    assert_eq!(look(pem::encode("CERTIFICATE", &world.chain[0]).as_bytes(), Some(&known), None).verdict, Verdict::Invalid);
    let detached = cms(&world, cms::Signed::Detached(&digest(DigestAlgorithm::Sha256, b"release 1.0")));
    assert_eq!(look(&detached, Some(&known), Some(b"release 1.0")).verdict, Verdict::Valid);
    assert_eq!(look(&detached, Some(&known), Some(b"release 1.1")).verdict, Verdict::Invalid);
    assert_eq!(look(&detached, Some(&known), None).verdict, Verdict::Invalid);
    let detached = jws(&world, jws::Serialization::Detached);
    assert_eq!(look(detached.as_bytes(), Some(&known), Some(b"release 1.0")).verdict, Verdict::Valid);
    assert_eq!(look(detached.as_bytes(), Some(&known), Some(b"release 1.1")).verdict, Verdict::Invalid);
    assert_eq!(look(detached.as_bytes(), Some(&known), None).verdict, Verdict::Invalid);
}

#[test]
fn a_jws_is_seen_when_it_is_json() {
    let world = World::new(None);
    let known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    for syntax in [JwsSyntax::Flattened, JwsSyntax::General] {
        let report = look(written(&world, jws::Serialization::Compact, syntax).as_bytes(), Some(&known), None);
        assert_eq!((report.kind, report.verdict), ("JSON Web Signature", Verdict::Valid), "{report:?}");
        let detached = written(&world, jws::Serialization::Detached, syntax);
        assert_eq!(look(detached.as_bytes(), Some(&known), Some(b"release 1.0")).verdict, Verdict::Valid);
        assert_eq!(look(detached.as_bytes(), Some(&known), Some(b"release 1.1")).verdict, Verdict::Invalid);
    }
    let general = written(&world, jws::Serialization::Compact, JwsSyntax::General);
    let mut twice: serde_json::Value = serde_json::from_str(&general).unwrap();
    let again = twice["signatures"][0].clone();
    twice["signatures"].as_array_mut().unwrap().push(again);
    let report = look(twice.to_string().as_bytes(), Some(&known), None);
    assert!(report.said.iter().any(|said| said.label == "signed as well by" && said.text.contains("Release signing")), "{report:?}");
}

#[test]
fn a_sigstore_bundle_is_about_the_file_at_hand() {
    let world = World::new(None);
    let known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    let certified = Certified { chain: &world.chain, algorithm: SignatureAlgorithm::EcdsaP256Sha256 };
    let digest = digest(DigestAlgorithm::Sha256, b"release 1.0");
    let prepared = sigstore::prepare_message(&certified, sigstore::Material::Certificate, &digest).unwrap();
    let bundle = prepared.finish(&world.signature).unwrap();
    let report = look(bundle.as_bytes(), Some(&known), Some(b"release 1.0"));
    assert_eq!((report.kind, report.verdict), ("Sigstore bundle", Verdict::Valid), "{report:?}");
    assert_eq!(look(bundle.as_bytes(), Some(&known), Some(b"release 1.1")).verdict, Verdict::Invalid);
    assert_eq!(look(bundle.as_bytes(), Some(&known), None).verdict, Verdict::Invalid);
}

#[test]
fn a_program_and_a_pdf_are_seen_to_be_unsigned() {
    let known = Known::parse(&serde_json::to_vec(&World::new(None).trust()).unwrap()).unwrap();
    for (bytes, kind) in [(b"MZ\x90\0 and nothing more".as_slice(), "Windows program"), (b"%PDF-1.7 and nothing more", "PDF")] {
        let report = look(bytes, Some(&known), None);
        assert_eq!((report.kind, report.verdict), (kind, Verdict::Invalid));
    }
}

#[test]
fn an_archive_is_read_as_one() {
    let world = World::new(None);
    let known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    // The shortest archive there is: nothing but its end.
    let mut empty = Cursor::new([b"PK\x05\x06".as_slice(), &[0; 18]].concat());
    let package = jar::Package::of(&mut empty, "RELEASE").unwrap();
    let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
    let certified = Certified { chain: &world.chain, algorithm };
    let prepared = jar::prepare(&certified, &package.digest(algorithm), Timestamp::parse(AT).unwrap()).unwrap();
    let signature = world.sign(prepared.to_be_signed());
    let mut signed = Vec::new();
    package.write(&mut empty, &prepared.finish(&signature).unwrap(), algorithm, &mut signed).unwrap();
    let report = look(&signed, Some(&known), None);
    assert_eq!((report.kind, report.verdict), ("JAR", Verdict::Valid), "{report:?}");
    assert_eq!(look(&signed, Some(&known), Some(b"another file")).verdict, Verdict::Invalid, "it is about itself");
    let end = signed.len();
    signed[end - 60] ^= 1;
    assert_eq!(look(&signed, Some(&known), None).verdict, Verdict::Invalid);
}

#[test]
fn a_statement_is_about_what_it_says() {
    let world = World::new(None);
    let known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    let subject = in_toto::Subject { name: "release.tar".to_owned(), digests: vec![digest(DigestAlgorithm::Sha256, b"release 1.0")] };
    let envelope = |statement: &[u8]| {
        let certified = Certified { chain: &world.chain, algorithm: SignatureAlgorithm::EcdsaP256Sha256 };
        let prepared = dsse::prepare(&certified, in_toto::PAYLOAD_TYPE, statement).unwrap();
        let signature = world.sign(prepared.to_be_signed());
        prepared.finish(&signature).unwrap()
    };
    let sound = envelope(&in_toto::statement(&[subject], "https://example.com/checked/v1", b"{}").unwrap());
    let look = |content: Option<&[u8]>| with(sound.as_bytes(), Some(&known), content, &world.chain);
    let report = look(Some(b"release 1.0"));
    assert_eq!((report.kind, report.verdict), ("DSSE envelope", Verdict::Valid), "{report:?}");
    assert!(report.said.iter().any(|said| said.label == "subject" && said.text.starts_with("release.tar, sha-256:")), "{report:?}");
    assert_eq!(look(None).verdict, Verdict::Valid);
    let report = look(Some(b"release 1.1"));
    assert_eq!((report.verdict, report.faults[0].code), (Verdict::Invalid, "subject"));
    assert_eq!(with(sound.as_bytes(), Some(&known), None, &[]).verdict, Verdict::Invalid, "nobody who is known signed");
    let certified = Certified { chain: &world.chain, algorithm: SignatureAlgorithm::EcdsaP256Sha256 };
    let prepared = dsse::prepare(&certified, "text/plain", b"release 1.0").unwrap();
    let signature = world.sign(prepared.to_be_signed());
    let text = prepared.finish(&signature).unwrap();
    for (content, verdict) in [(None, Verdict::Valid), (Some("release 1.0"), Verdict::Valid), (Some("release 1.1"), Verdict::Invalid)] {
        assert_eq!(with(text.as_bytes(), Some(&known), content.map(str::as_bytes), &world.chain).verdict, verdict, "{content:?}");
    }
    assert_eq!(with(envelope(b"{}").as_bytes(), Some(&known), None, &world.chain).verdict, Verdict::Invalid, "no statement");
}

#[test]
fn nothing_is_valid_without_trust_and_nothing_unknown_is() {
    let world = World::new(None);
    let compact = jws(&world, jws::Serialization::Compact);
    assert_eq!(look(compact.as_bytes(), None, None).verdict, Verdict::Invalid);
    let stranger = Known::parse(&serde_json::to_vec(&World::new(None).trust()).unwrap()).unwrap();
    assert_eq!(look(compact.as_bytes(), Some(&stranger), None).verdict, Verdict::Invalid);
    for bytes in ["", "{", "{}", "[1]", "a.b", "hello", "\u{0}\u{1}"] {
        let report = look(bytes.as_bytes(), Some(&stranger), None);
        assert_eq!((report.verdict, report.faults[0].code), (Verdict::Invalid, "form"), "{bytes:?}");
    }
}
