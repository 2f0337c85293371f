//! Software keys: made, stored, read back, and verified by the library's own verifier.

use super::*;
use crate::doubles::Seeded;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, ParsedPublicKey};

struct Stuck(u8);

impl Entropy for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

#[test]
fn what_it_signs_verifies_under_its_public_key_and_no_other() {
    let (key, pkcs8) = SoftwareKey::generate(&Seeded::new(1)).ok().unwrap();
    let (other, _) = SoftwareKey::generate(&Seeded::new(2)).ok().unwrap();
    let again = SoftwareKey::from_pkcs8(&pkcs8).ok().unwrap();
    assert_eq!(again.spki_der(), key.spki_der());
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.spki_der()).unwrap();
    // Strict readers of PKCS#8 want the public key in it (RFC 5915 section 3).
    assert!(key.spki_der().ends_with(&pkcs8[pkcs8.len() - 65..]));
    for signer in [&key, &again] {
        let signature = signer.sign(b"message").unwrap();
        public.verify_sig(b"message", &signature).unwrap();
        assert!(public.verify_sig(b"massage", &signature).is_err());
    }
    assert!(public.verify_sig(b"message", &other.sign(b"message").unwrap()).is_err());
}

#[test]
fn the_randomness_given_is_the_randomness_used() {
    let [one, same, other] = [1, 1, 2].map(|seed| SoftwareKey::generate(&Seeded::new(seed)).ok().unwrap().0);
    assert_eq!(one.spki_der(), same.spki_der()); // I10
    assert_ne!(one.spki_der(), other.spki_der());
    // Zero and anything from the group's order up are no keys, however often they are drawn.
    for stuck in [0, 0xff] {
        assert_eq!(SoftwareKey::generate(&Stuck(stuck)).err(), Some(SigningError::Entropy));
    }
}

#[test]
fn only_p256_in_pkcs8_is_taken() {
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let (_, whole) = SoftwareKey::generate(&Seeded::new(1)).ok().unwrap();
    let mut mismatched = whole.to_vec();
    *mismatched.last_mut().unwrap() ^= 1;
    for (what, bad) in [("P-384", p384.as_ref()), ("cut", &whole[..whole.len() - 1]), ("mismatched", &mismatched), ("empty", b"")] {
        assert_eq!(SoftwareKey::from_pkcs8(bad).err(), Some(SigningError::NotAKey), "{what}");
    }
}
