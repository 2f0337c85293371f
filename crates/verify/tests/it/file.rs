//! Files of all kinds through the one door.

use crate::world::World;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use chancery_domain::Timestamp;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_formats::{Certified, jws};
use chancery_verify::{Given, Known, Report, Verdict, verify};
use std::io::Cursor;

const AT: &str = "2027-01-15T08:00:00Z";

fn look(bytes: &[u8], known: Option<&Known>, content: Option<&[u8]>) -> Report {
    verify(&mut Cursor::new(bytes), &Given { known, content, at: Timestamp::parse(AT).unwrap() }).unwrap()
}

fn jws(world: &World, serialization: jws::Serialization) -> String {
    let certified = Certified { chain: &world.chain, algorithm: SignatureAlgorithm::EcdsaP256Sha256 };
    let prepared = jws::prepare(&certified, &jws::Wish { serialization, ..jws::Wish::default() }, b"release 1.0").unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &world.pkcs8).unwrap();
    let signature = key.sign(&SystemRandom::new(), prepared.to_be_signed()).unwrap();
    prepared.finish(signature.as_ref()).unwrap()
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
    let detached = jws(&world, jws::Serialization::Detached);
    assert_eq!(look(detached.as_bytes(), Some(&known), Some(b"release 1.0")).verdict, Verdict::Valid);
    assert_eq!(look(detached.as_bytes(), Some(&known), Some(b"release 1.1")).verdict, Verdict::Invalid);
    assert_eq!(look(detached.as_bytes(), Some(&known), None).verdict, Verdict::Invalid);
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
