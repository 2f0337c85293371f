//! Software keys: made, stored, read back, and verified by the library's own verifier.

use super::*;
use crate::doubles::Seeded;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, ED25519, ML_DSA_44_SIGNING, ML_DSA_65, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};

struct Stuck(u8);

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn made(algorithm: KeyAlgorithm, seed: u64) -> (SoftwareKey, Zeroizing<Vec<u8>>) {
    SoftwareKey::generate_as(algorithm, &Seeded::new(seed)).ok().unwrap()
}

fn verifier(algorithm: KeyAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        KeyAlgorithm::EcP256 => &ECDSA_P256_SHA256_ASN1,
        KeyAlgorithm::EcP384 => &ECDSA_P384_SHA384_ASN1,
        KeyAlgorithm::Ed25519 => &ED25519,
        KeyAlgorithm::MlDsa65 => &ML_DSA_65,
        _ => &RSA_PKCS1_2048_8192_SHA256,
    }
}

/// Kinds of key that are made from the entropy given.
const DRAWN: [KeyAlgorithm; 4] = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::Ed25519, KeyAlgorithm::MlDsa65];

#[test]
fn what_it_signs_verifies_under_its_public_key_and_no_other() {
    for algorithm in KeyAlgorithm::ALL {
        let (key, pkcs8) = made(algorithm, 1);
        let (other, _) = made(algorithm, 2);
        let again = SoftwareKey::from_pkcs8(&pkcs8).ok().unwrap();
        assert_eq!((again.spki_der(), again.algorithm()), (key.spki_der(), algorithm));
        let public = ParsedPublicKey::new(verifier(algorithm), key.spki_der()).unwrap();
        for signer in [&key, &again] {
            let signature = signer.sign(b"message").unwrap();
            public.verify_sig(b"message", &signature).unwrap();
            assert!(public.verify_sig(b"massage", &signature).is_err(), "{algorithm:?}");
        }
        assert!(public.verify_sig(b"message", &other.sign(b"message").unwrap()).is_err(), "{algorithm:?}");
    }
}

#[test]
fn each_kind_of_signature_verifies_as_that_kind_and_is_the_same_by_digest() {
    let message = b"a document";
    for kind in KeyAlgorithm::ALL {
        let (key, _) = made(kind, 1);
        for algorithm in SignatureAlgorithm::ALL {
            let digest = algorithm.digest().unwrap_or(DigestAlgorithm::Sha256);
            let digest = Digest::new(digest, digest::digest(library(digest), message).as_ref()).unwrap();
            let (whole, by_digest) = (key.sign_as(algorithm, message), key.sign_digest(algorithm, &digest));
            if !algorithm.fits(kind) {
                assert_eq!((whole, by_digest), (Err(SigningError::Unfit), Err(SigningError::Unfit)), "{kind:?} {algorithm:?}");
                continue;
            }
            let verifier = if algorithm == SignatureAlgorithm::RsaPssSha256 { &RSA_PSS_2048_8192_SHA256 } else { verifier(kind) };
            let public = ParsedPublicKey::new(verifier, key.spki_der()).unwrap();
            public.verify_sig(message, &whole.unwrap()).unwrap();
            match algorithm.digest() {
                Some(_) => public.verify_sig(message, &by_digest.unwrap()).unwrap(),
                None => assert_eq!(by_digest, Err(SigningError::Unfit), "it signs no digest"),
            }
            let other = Digest::new(DigestAlgorithm::Sha512, [7; 64]).unwrap();
            assert_eq!(key.sign_digest(algorithm, &other), Err(SigningError::Unfit));
        }
    }
}

#[test]
fn stored_forms_are_those_that_others_read() {
    for (algorithm, point) in [(KeyAlgorithm::EcP256, 65), (KeyAlgorithm::EcP384, 97)] {
        let (key, pkcs8) = made(algorithm, 1);
        // Strict readers of PKCS#8 want the public key in it (RFC 5915 section 3).
        assert!(key.spki_der().ends_with(&pkcs8[pkcs8.len() - point..]));
    }
    // RFC 8410 section 7: version 1 is the seed and nothing more; RFC 9881 section 6: so is the form that it recommends.
    let lengths = [KeyAlgorithm::Ed25519, KeyAlgorithm::MlDsa65].map(|algorithm| made(algorithm, 1).1.len());
    assert_eq!(lengths, [48, 54]);
}

#[test]
fn the_randomness_given_is_the_randomness_used() {
    for algorithm in DRAWN {
        let [one, same, other] = [1, 1, 2].map(|seed| made(algorithm, seed).0);
        assert_eq!(one.spki_der(), same.spki_der()); // I10
        assert_ne!(one.spki_der(), other.spki_der());
        assert_eq!(SoftwareKey::generate_as(algorithm, &Stuck(0)).err(), Some(SigningError::Entropy), "{algorithm:?}");
    }
    // Anything from the group's order up is no key, however often it is drawn.
    for algorithm in [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384] {
        assert_eq!(SoftwareKey::generate_as(algorithm, &Stuck(0xff)).err(), Some(SigningError::Entropy), "{algorithm:?}");
    }
}

#[test]
fn without_a_kind_it_is_p256() {
    let (key, _) = SoftwareKey::generate(&Seeded::new(1)).ok().unwrap();
    assert_eq!(key.spki_der(), made(KeyAlgorithm::EcP256, 1).0.spki_der());
}

#[test]
fn only_offered_kinds_in_pkcs8_are_taken() {
    let p521 = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let smaller = PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let mut mismatched = made(KeyAlgorithm::EcP256, 1).1.to_vec();
    *mismatched.last_mut().unwrap() ^= 1;
    for (what, bad) in [("P-521", p521.as_ref()), ("ML-DSA-44", smaller.as_ref()), ("mismatched", &mismatched), ("empty", b"")] {
        assert_eq!(SoftwareKey::from_pkcs8(bad).err(), Some(SigningError::NotAKey), "{what}");
    }
    for algorithm in [KeyAlgorithm::Rsa2048].into_iter().chain(DRAWN) {
        let (_, whole) = made(algorithm, 1);
        assert_eq!(SoftwareKey::from_pkcs8(&whole[..whole.len() - 1]).err(), Some(SigningError::NotAKey), "{algorithm:?}");
    }
}

#[test]
fn rsa_keys_have_exactly_one_of_three_sizes() {
    for (octets, algorithm) in [(256, KeyAlgorithm::Rsa2048), (384, KeyAlgorithm::Rsa3072), (512, KeyAlgorithm::Rsa4096)] {
        assert_eq!(rsa_size(&vec![0x80; octets]), Some(algorithm));
        // One bit less, one octet more.
        assert_eq!(rsa_size(&vec![0x7f; octets]), None);
        assert_eq!(rsa_size(&vec![0x80; octets + 1]), None);
    }
    assert_eq!(rsa_size(&[]), None);
}
