//! One kind of key, one kind of signature: whatever else a request or certificate claims is refused (THREATS 22).

use crate::hostile_csr::{Csr, signature_algorithm};
use crate::support::*;
use aws_lc_rs::hmac;
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::{CertificatePlan, CertificationRequest, Signer, verify_chain};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Algorithm identifiers that no key may sign with here.
const FOREIGN: &[(&str, &[u8])] = &[
    ("hmacWithSHA256", b"\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09\x05\x00"),
    ("hmacWithSHA256 without parameters", b"\x30\x0a\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09"),
    ("md5WithRSAEncryption", b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04\x05\x00"),
    ("sha1WithRSAEncryption", b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"),
    ("sha384WithRSAEncryption without NULL", b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"),
    ("sha256WithRSAEncryption without NULL", b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"),
    ("rsaEncryption", b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"),
    ("RSASSA-PSS without parameters", b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"),
    ("RSASSA-PSS with empty parameters", b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x00"),
    ("RSASSA-PSS with a salt of 0", b"\x30\x12\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x05\xa2\x03\x02\x01\x00"),
    ("RSASSA-PSS with another trailer", b"\x30\x12\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x05\xa3\x03\x02\x01\x02"),
    ("ecdsa-with-SHA1", b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01"),
    ("ecdsa-with-SHA256 and NULL", b"\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00"),
    ("ecdsa-with-SHA512", b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"),
    ("Ed25519 and NULL", b"\x30\x07\x06\x03\x2b\x65\x70\x05\x00"),
    ("Ed448", b"\x30\x05\x06\x03\x2b\x65\x71"),
    ("id-ml-dsa-44", b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11"),
    ("id-ml-dsa-65 and NULL", b"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12\x05\x00"),
    ("id-hash-ml-dsa-65-with-sha512", b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x21"),
    ("nothing", b"\x30\x00"),
];

const SHA384_WITH_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00";
const SHA512_WITH_RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00";

/// Whether it is a signature algorithm for keys of this kind that others may have used.
fn is_believed(kind: KeyAlgorithm, algorithm: &[u8]) -> bool {
    let elliptic = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384];
    match kind {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 => elliptic.into_iter().any(|kind| signature_algorithm(kind) == algorithm),
        KeyAlgorithm::Ed25519 | KeyAlgorithm::MlDsa65 => algorithm == signature_algorithm(kind),
        _ => [signature_algorithm(kind), SHA384_WITH_RSA, SHA512_WITH_RSA].contains(&algorithm),
    }
}

/// Each kind's signature algorithms, then the foreign ones.
fn identifiers() -> Vec<&'static [u8]> {
    let mut all: Vec<&[u8]> = KeyAlgorithm::ALL.into_iter().map(signature_algorithm).collect();
    all.dedup();
    all.extend([SHA384_WITH_RSA, SHA512_WITH_RSA]);
    all.extend(FOREIGN.iter().map(|(_, der)| *der));
    all
}

#[test]
fn requests_name_the_algorithm_of_their_key() {
    let mut refused = 0;
    for kind in KeyAlgorithm::ALL {
        let key = MemoryKey::numbered(kind, 3);
        for algorithm in identifiers() {
            let csr = Csr { algorithm: algorithm.to_vec(), ..Csr::of(&key) };
            let read = CertificationRequest::from_pem_or_der(&csr.signed(&key));
            if algorithm == signature_algorithm(kind) {
                assert!(read.is_ok(), "{kind:?}: {read:?}");
                continue;
            }
            let said = read.unwrap_err().to_string();
            // The signature is not what a believed algorithm would have made of the same bytes.
            let expected = if is_believed(kind, algorithm) { "signature: does not verify" } else { "signatureAlgorithm: for a " };
            assert!(said.starts_with(expected), "{kind:?}: {said}");
            refused += 1;
        }
    }
    // Seven signature algorithms and twenty that are none, but for the one that made the signature, of each of seven kinds.
    assert_eq!(refused, 7 * (7 + 20 - 1));
}

/// The hierarchy of each issuing kind and the to-be-signed bytes of a leaf below it.
static HOUSES: LazyLock<HashMap<KeyAlgorithm, (Authorities, Vec<u8>)>> = LazyLock::new(|| {
    let house = |kind: KeyAlgorithm| {
        let [root, key] = [1, 2].map(|number| MemoryKey::numbered(kind, number));
        let authorities = Authorities::with_keys(root, key, &["dns:*.acme.example"]);
        let (approved, subject) = (approved(&["a.acme.example"], None), MemoryKey::numbered(KeyAlgorithm::EcP256, 3));
        let prepared = CertificatePlan::leaf(approved, subject.public_key(), serial(7), &authorities.issuer, &addresses()).unwrap();
        let tbs = prepared.tbs_der().to_vec();
        (kind, (authorities, tbs))
    };
    KeyAlgorithm::ALL.into_iter().filter(|kind| kind.may_issue()).map(house).collect()
});

/// The leaf with another algorithm in both places, or the right one, and a signature over just these bytes.
fn certificate(kind: KeyAlgorithm, claimed: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (_, tbs) = &HOUSES[&kind];
    let right = signature_algorithm(kind);
    let at = tbs.windows(right.len()).position(|window| window == right).unwrap();
    let head = if tbs[1] == 0x82 { 4 } else { 3 };
    let tbs = tlv(0x30, &[&tbs[head..at], claimed, &tbs[at + right.len()..]]);
    let signature = sign(&tbs);
    tlv(0x30, &[&tbs, claimed, &tlv(3, &[&[0], &signature])])
}

fn verdict(kind: KeyAlgorithm, leaf: &[u8]) -> Result<(), String> {
    let (authorities, _) = &HOUSES[&kind];
    verify_chain(leaf, &[authorities.issuer.der()], authorities.root.der(), at(START + 2000)).map_err(|error| error.to_string())
}

#[test]
fn certificates_name_the_algorithm_of_their_issuers_key() {
    for kind in HOUSES.keys().copied() {
        let key = &HOUSES[&kind].0.key;
        for algorithm in identifiers() {
            let leaf = certificate(kind, algorithm, |tbs| key.sign(tbs).unwrap());
            let expected = algorithm == signature_algorithm(kind);
            assert_eq!(verdict(kind, &leaf).is_ok(), expected, "{kind:?} {algorithm:02x?}");
        }
    }
}

fn hmac_with(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

#[test]
fn what_anyone_can_compute_is_no_signature() {
    for kind in HOUSES.keys().copied() {
        let spki = HOUSES[&kind].0.key.public_key().spki_der();
        let right = signature_algorithm(kind);
        for claimed in [right, FOREIGN[0].1, FOREIGN[1].1] {
            assert!(verdict(kind, &certificate(kind, claimed, |tbs| hmac_with(spki, tbs))).is_err(), "{kind:?}");
        }
        // r = s = 0, r = s = 1, and zeros of every length that a signature has.
        for forged in [vec![0x30, 6, 2, 1, 0, 2, 1, 0], vec![0x30, 6, 2, 1, 1, 2, 1, 1], vec![]] {
            assert!(verdict(kind, &certificate(kind, right, |_| forged)).is_err(), "{kind:?}");
        }
        for length in [64, 96, 256, 384, 512, 3309] {
            for filling in [0, 1, 0xff] {
                assert!(verdict(kind, &certificate(kind, right, |_| vec![filling; length])).is_err(), "{kind:?} {length}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_key_of_another_kind_never_stands_in(
        issuer in prop::sample::select(KeyAlgorithm::ALL.to_vec()),
        signer in prop::sample::select(KeyAlgorithm::ALL.to_vec()),
        truthful in any::<bool>(),
        number in 1_u8..=3,
    ) {
        prop_assume!(issuer.may_issue() && (issuer != signer || number != 2));
        let key = MemoryKey::numbered(signer, number);
        let claimed = signature_algorithm(if truthful { signer } else { issuer });
        let leaf = certificate(issuer, claimed, |tbs| key.sign(tbs).unwrap());
        prop_assert!(verdict(issuer, &leaf).is_err());
    }

    #[test]
    fn no_other_identifier_is_taken(noise in prop::collection::vec(any::<u8>(), 0..20), which in 0_usize..7) {
        let kind = KeyAlgorithm::ALL[which];
        let key = MemoryKey::numbered(kind, 3);
        let right = signature_algorithm(kind);
        // The right identifier with something after it, and anything at all.
        for algorithm in [tlv(0x30, &[&right[2..], &noise]), tlv(0x30, &[&noise])] {
            prop_assume!(algorithm != right);
            let csr = Csr { algorithm, ..Csr::of(&key) };
            prop_assert!(CertificationRequest::from_pem_or_der(&csr.signed(&key)).is_err());
        }
    }
}
