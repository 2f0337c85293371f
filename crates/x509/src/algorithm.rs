//! The one place where kinds of keys and signatures are told apart: a further algorithm is one more arm in each match here.

use crate::key::BadKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519 as VERIFY_ED25519, ML_DSA_65, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::SignatureAlgorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION};
use const_oid::db::rfc8410::ID_ED_25519;
use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};
use spki::SubjectPublicKeyInfoRef;

mod arithmetic;
mod believed;
mod compromised;
mod edwards;
mod elliptic;
mod rsa;
mod weak;

pub use believed::RefusedSignature;
pub(crate) use believed::{SHA384_WITH_RSA, SHA512_WITH_RSA, believed};
pub(crate) use compromised::is_compromised;

/// `AlgorithmIdentifier` of ecdsa-with-SHA256, parameters absent (RFC 5758 section 3.2).
pub(crate) const ECDSA_WITH_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// ecdsa-with-SHA384, parameters absent (RFC 5758 section 3.2).
pub(crate) const ECDSA_WITH_SHA384: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// id-Ed25519, parameters absent (RFC 8410 section 3).
pub(crate) const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
/// sha256WithRSAEncryption, parameters NULL (RFC 4055 section 5).
pub(crate) const SHA256_WITH_RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
/// id-ml-dsa-65, parameters absent (RFC 9881 section 2).
pub(crate) const ML_DSA_65_IDENTIFIER: &[u8] = &[0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12];

/// id-ml-dsa-65 (RFC 9881 section 2); pure ML-DSA, for keys and signatures alike.
const ID_ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
/// Octets of an ML-DSA-65 public key and signature (FIPS 204 table 2).
const ML_DSA_65_KEY: usize = 1952;
const ML_DSA_65_SIGNATURE: usize = 3309;

/// The encoded `AlgorithmIdentifier` of the signatures that a key of this kind makes.
pub(crate) const fn signature_algorithm(algorithm: KeyAlgorithm) -> &'static [u8] {
    match algorithm {
        KeyAlgorithm::EcP256 => ECDSA_WITH_SHA256,
        KeyAlgorithm::EcP384 => ECDSA_WITH_SHA384,
        KeyAlgorithm::Ed25519 => ED25519,
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => SHA256_WITH_RSA,
        KeyAlgorithm::MlDsa65 => ML_DSA_65_IDENTIFIER,
    }
}

/// How signatures of this kind are verified; the PSS salt has exactly the digest's length.
pub(crate) fn verification(algorithm: SignatureAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => &ECDSA_P256_SHA256_ASN1,
        SignatureAlgorithm::EcdsaP384Sha384 => &ECDSA_P384_SHA384_ASN1,
        SignatureAlgorithm::Ed25519 => &VERIFY_ED25519,
        SignatureAlgorithm::RsaPkcs1Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::RsaPssSha256 => &RSA_PSS_2048_8192_SHA256,
        SignatureAlgorithm::MlDsa65 => &ML_DSA_65,
    }
}

/// Whether these octets have the form of a signature of this kind; says nothing about who made it.
pub(crate) fn is_signature_shaped(algorithm: KeyAlgorithm, signature: &[u8]) -> bool {
    match algorithm {
        KeyAlgorithm::EcP256 => is_ecdsa_value(signature, 32),
        KeyAlgorithm::EcP384 => is_ecdsa_value(signature, 48),
        // RFC 8032 section 5.1.7: the second half is a number below the group's order of 253 bits.
        KeyAlgorithm::Ed25519 => signature.len() == 64 && signature.last().is_some_and(|last| *last <= 0x10),
        KeyAlgorithm::Rsa2048 => signature.len() == 256,
        KeyAlgorithm::Rsa3072 => signature.len() == 384,
        KeyAlgorithm::Rsa4096 => signature.len() == 512,
        KeyAlgorithm::MlDsa65 => signature.len() == ML_DSA_65_SIGNATURE,
    }
}

/// The kind of a public key and its verifier, from a strict `SubjectPublicKeyInfo` (THREATS 22, 23).
pub(crate) fn parse_key(spki: &SubjectPublicKeyInfoRef<'_>) -> Result<(KeyAlgorithm, ParsedPublicKey), BadKey> {
    let bits = spki.subject_public_key.as_bytes().ok_or(BadKey::Bits)?;
    let parameters = spki.algorithm.parameters;
    match spki.algorithm.oid {
        ID_EC_PUBLIC_KEY => elliptic::parse(parameters, bits),
        RSA_ENCRYPTION => rsa::parse(parameters, bits),
        ID_ED_25519 if parameters.is_none() => edwards::parse(bits).map(|key| (KeyAlgorithm::Ed25519, key)),
        ID_ML_DSA_65 if parameters.is_none() => parse_ml_dsa(bits).map(|key| (KeyAlgorithm::MlDsa65, key)),
        ID_ED_25519 | ID_ML_DSA_65 => Err(BadKey::Parameters("present, leave them out (RFC 8410 section 3, RFC 9881 section 2)")),
        other => Err(BadKey::Algorithm(other.to_string())),
    }
}

/// What the secret of a key can be told by, where another public key may go with the same secret.
pub(crate) fn secret_identifier(spki: &SubjectPublicKeyInfoRef<'_>) -> Option<Vec<u8>> {
    let bits = spki.subject_public_key.as_bytes()?;
    let part = match spki.algorithm.oid {
        ID_EC_PUBLIC_KEY => elliptic::abscissa(bits)?.to_vec(),
        RSA_ENCRYPTION => rsa::modulus(bits)?.to_vec(),
        ID_ED_25519 => edwards::without_sign(bits)?,
        _ => return None,
    };
    let parameters = spki.algorithm.parameters.map_or(&[][..], |parameters| parameters.value());
    Some([spki.algorithm.oid.as_bytes(), parameters, &part].concat())
}

/// Any octets of the right number are a key (FIPS 204 algorithm 23, whose coefficients fill their ten bits).
fn parse_ml_dsa(key: &[u8]) -> Result<ParsedPublicKey, BadKey> {
    if key.len() != ML_DSA_65_KEY {
        return Err(BadKey::Length { octets: key.len(), expected: ML_DSA_65_KEY, algorithm: KeyAlgorithm::MlDsa65.as_str() });
    }
    ParsedPublicKey::new(&ML_DSA_65, key).map_err(|_| BadKey::Refused)
}

/// `Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }`, both positive and no longer than the curve's order.
fn is_ecdsa_value(signature: &[u8], order_octets: usize) -> bool {
    let parse = || -> Result<bool, der::Error> {
        let mut reader = SliceReader::new(signature)?;
        let sane = reader.sequence(|inside| {
            let in_range = |number: UintRef<'_>| number.as_bytes().len() <= order_octets && number.as_bytes().iter().any(|b| *b != 0);
            Ok::<_, der::Error>(in_range(UintRef::decode(inside)?) & in_range(UintRef::decode(inside)?))
        })?;
        reader.finish()?;
        Ok(sane)
    };
    parse().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_shape() {
        assert!(is_ecdsa_value(&[0x30, 6, 2, 1, 1, 2, 1, 1], 32));
        for bad in
            [&[0x30, 6, 2, 1, 0, 2, 1, 1][..], &[0x30, 6, 2, 1, 1, 2, 1, 0x81], &[0x30, 3, 2, 1, 1], &[0x30, 6, 2, 1, 1, 2, 1, 1, 0], b""]
        {
            assert!(!is_ecdsa_value(bad, 32), "{bad:02x?}");
        }
    }

    #[test]
    fn keys_of_one_secret_are_told_by_it() {
        let identifier = crate::PublicKey::secret_identifier;
        let edwards = |key: [u8; 32]| [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &key].concat();
        let (mut negative, mut other) = ([0x11; 32], [0x11; 32]);
        (negative[31], other[0]) = (0x91, 0x12);
        assert_eq!(identifier(&edwards([0x11; 32])), identifier(&edwards(negative)));
        assert_ne!(identifier(&edwards([0x11; 32])), identifier(&edwards(other)));
        let head =
            [0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42, 0];
        let point = |x: u8, y: u8| [&head[..], &[4], &[x; 32], &[y; 32]].concat();
        assert_eq!(identifier(&point(1, 2)), identifier(&point(1, 3)));
        assert_ne!(identifier(&point(1, 2)), identifier(&point(2, 2)));
        // What is no key that is known here stands for itself.
        for unknown in [b"no key".to_vec(), edwards([1; 32])[..40].to_vec()] {
            assert_eq!(identifier(&unknown), unknown);
        }
    }

    #[test]
    fn signatures_of_one_kind_have_not_the_shape_of_another() {
        let zeros = |length| vec![0; length];
        let samples = [
            (vec![KeyAlgorithm::EcP256, KeyAlgorithm::EcP384], vec![0x30, 6, 2, 1, 1, 2, 1, 1]),
            (vec![KeyAlgorithm::EcP384], [&[0x30, 38, 2, 33][..], &[1; 33], &[2, 1, 1]].concat()),
            (vec![KeyAlgorithm::Ed25519], zeros(64)),
            (vec![KeyAlgorithm::Rsa2048], zeros(256)),
            (vec![KeyAlgorithm::Rsa3072], zeros(384)),
            (vec![KeyAlgorithm::Rsa4096], zeros(512)),
            (vec![KeyAlgorithm::MlDsa65], zeros(3309)),
            (vec![], [&zeros(63)[..], &[0x11]].concat()),
            (vec![], zeros(3308)),
        ];
        for (kinds, signature) in samples {
            let fitting: Vec<_> = KeyAlgorithm::ALL.into_iter().filter(|kind| is_signature_shaped(*kind, &signature)).collect();
            assert_eq!(fitting, kinds, "{} octets", signature.len());
        }
    }
}
