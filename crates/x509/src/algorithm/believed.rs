//! Which signatures of others are believed: over SHA-2 by a key that goes with the algorithm, and nothing else (THREATS 22).
//!
//! What is signed here has one algorithm for each kind of key ([`super::signature_algorithm`]). Requests and chains come from programs
//! with other habits: openssl signs a request on P-384 with SHA-256, and many an old root signed itself with SHA-512.

use super::{ECDSA_WITH_SHA256, ECDSA_WITH_SHA384, ED25519, ML_DSA_65_IDENTIFIER, SHA256_WITH_RSA};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519 as VERIFY_ED25519, ML_DSA_65,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, VerificationAlgorithm,
};
use chancery_domain::key::KeyAlgorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_RSASSA_PSS, MD_5_WITH_RSA_ENCRYPTION, SHA_1_WITH_RSA_ENCRYPTION};
use der::Decode;
use spki::AlgorithmIdentifierRef;

/// sha384WithRSAEncryption, parameters NULL (RFC 4055 section 5).
pub(crate) const SHA384_WITH_RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c, 0x05, 0x00];
/// sha512WithRSAEncryption, parameters NULL (RFC 4055 section 5).
pub(crate) const SHA512_WITH_RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d, 0x05, 0x00];

/// ecdsa-with-SHA1 (RFC 3279 section 2.2.3).
const ECDSA_WITH_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");

/// A signature algorithm that is not believed of this kind of key. It is the signer's mistake.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("for a {key} key sign with {believed}{because}")]
pub struct RefusedSignature {
    /// The kind of key.
    pub key: &'static str,
    /// The algorithms that are believed of it.
    pub believed: &'static str,
    /// What is against the one that was used, where that is known.
    pub because: &'static str,
}

/// How a signature with this encoded `AlgorithmIdentifier` is verified with a key of this kind.
///
/// # Errors
/// [`RefusedSignature`] if it is none of those named there.
pub(crate) fn believed(kind: KeyAlgorithm, identifier_der: &[u8]) -> Result<&'static dyn VerificationAlgorithm, RefusedSignature> {
    use KeyAlgorithm::{EcP256, EcP384, Ed25519, MlDsa65, Rsa2048, Rsa3072, Rsa4096};
    Ok(match (kind, identifier_der) {
        (EcP256, ECDSA_WITH_SHA256) => &ECDSA_P256_SHA256_ASN1,
        (EcP256, ECDSA_WITH_SHA384) => &ECDSA_P256_SHA384_ASN1,
        (EcP384, ECDSA_WITH_SHA256) => &ECDSA_P384_SHA256_ASN1,
        (EcP384, ECDSA_WITH_SHA384) => &ECDSA_P384_SHA384_ASN1,
        (Rsa2048 | Rsa3072 | Rsa4096, SHA256_WITH_RSA) => &RSA_PKCS1_2048_8192_SHA256,
        (Rsa2048 | Rsa3072 | Rsa4096, SHA384_WITH_RSA) => &RSA_PKCS1_2048_8192_SHA384,
        (Rsa2048 | Rsa3072 | Rsa4096, SHA512_WITH_RSA) => &RSA_PKCS1_2048_8192_SHA512,
        (Ed25519, ED25519) => &VERIFY_ED25519,
        (MlDsa65, ML_DSA_65_IDENTIFIER) => &ML_DSA_65,
        _ => return Err(RefusedSignature { key: kind.as_str(), believed: names(kind), because: because(identifier_der) }),
    })
}

const fn names(kind: KeyAlgorithm) -> &'static str {
    match kind {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 => "ecdsa-with-SHA256 or ecdsa-with-SHA384",
        KeyAlgorithm::Ed25519 => "id-Ed25519",
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            "sha256WithRSAEncryption, sha384WithRSAEncryption or sha512WithRSAEncryption, and NULL"
        }
        KeyAlgorithm::MlDsa65 => "id-ml-dsa-65",
    }
}

fn because(identifier_der: &[u8]) -> &'static str {
    let id: Option<ObjectIdentifier> = AlgorithmIdentifierRef::from_der(identifier_der).ok().map(|found| found.oid);
    match id {
        Some(MD_5_WITH_RSA_ENCRYPTION) => ": MD5 is broken, two documents with one hash are made at will",
        Some(SHA_1_WITH_RSA_ENCRYPTION | ECDSA_WITH_SHA1) => ": SHA-1 is broken, two documents with one hash can be made",
        Some(ID_RSASSA_PSS) => ": RSASSA-PSS is not read here, for its parameters can say too much",
        _ => "",
    }
}
