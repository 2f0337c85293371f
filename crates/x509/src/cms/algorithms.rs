//! Algorithm identifiers of CMS: which signatures and digests go together.

use crate::algorithm::{
    ECDSA_WITH_SHA256, ECDSA_WITH_SHA384, ED25519, ML_DSA_65_IDENTIFIER, SHA256_WITH_RSA, SHA384_WITH_RSA, SHA512_WITH_RSA,
};
use chancery_domain::signature::{DigestAlgorithm, SignatureAlgorithm};

/// rsaEncryption, parameters NULL: RSA PKCS#1 v1.5 over the signer's digest algorithm (RFC 5754 section 3.2).
const RSA_ENCRYPTION: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// id-RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 4055 section 3.1).
const RSA_PSS: &[u8] = b"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\
    \xa2\x03\x02\x01\x20";
/// The same with the parameters of SHA-256 absent, as openssl and others write it.
const RSA_PSS_WITHOUT_NULL: &[u8] = b"\x30\x3d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x30\
    \xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\
    \xa1\x1a\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\
    \xa2\x03\x02\x01\x20";

const SHA256: &[u8] = &[0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384: &[u8] = &[0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA512: &[u8] = &[0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];

/// The digest over the content that goes with this kind of signature: its own, and SHA-512 where the message itself is signed
/// (RFC 8419 section 3.1, RFC 9882 section 3.3).
pub const fn content_digest(algorithm: SignatureAlgorithm) -> DigestAlgorithm {
    match algorithm.digest() {
        Some(digest) => digest,
        None => DigestAlgorithm::Sha512,
    }
}

/// The encoded identifier of a digest, parameters absent (RFC 5754 section 2).
pub(crate) const fn digest_identifier(algorithm: DigestAlgorithm) -> &'static [u8] {
    match algorithm {
        DigestAlgorithm::Sha256 => SHA256,
        DigestAlgorithm::Sha384 => SHA384,
        DigestAlgorithm::Sha512 => SHA512,
    }
}

/// The digest with this encoded identifier, whose parameters may be NULL (RFC 5754 section 2).
pub(crate) fn digest_identified(identifier: &[u8]) -> Option<DigestAlgorithm> {
    DigestAlgorithm::ALL.into_iter().find(|algorithm| {
        let absent = digest_identifier(*algorithm);
        // The lengths differ by the two bytes of NULL.
        let with_null = identifier.strip_suffix(&[5, 0]).and_then(|rest| rest.strip_prefix(&[0x30, 0x0d]));
        identifier == absent || with_null.is_some_and(|rest| absent.strip_prefix(&[0x30, 0x0b]) == Some(rest))
    })
}

/// The encoded identifier of a signature as it is written here.
pub(super) const fn signature_identifier(algorithm: SignatureAlgorithm) -> &'static [u8] {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => ECDSA_WITH_SHA256,
        SignatureAlgorithm::EcdsaP384Sha384 => ECDSA_WITH_SHA384,
        SignatureAlgorithm::Ed25519 => ED25519,
        SignatureAlgorithm::RsaPkcs1Sha256 => SHA256_WITH_RSA,
        SignatureAlgorithm::RsaPssSha256 => RSA_PSS,
        SignatureAlgorithm::MlDsa65 => ML_DSA_65_IDENTIFIER,
    }
}

/// What an identifier of a signature and the signer's digest algorithm say together; `None` if they contradict each other or are not
/// believed at all.
pub(super) enum Said {
    /// PSS, which certificates here are never signed with.
    Pss,
    /// What [`crate::PublicKey::verify_identified`] takes.
    Identified(&'static [u8]),
}

pub(super) fn said(identifier: &[u8], digest: DigestAlgorithm) -> Option<Said> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    let identified = match (identifier, digest) {
        (RSA_PSS | RSA_PSS_WITHOUT_NULL, Sha256) => return Some(Said::Pss),
        (ECDSA_WITH_SHA256, Sha256) => ECDSA_WITH_SHA256,
        (ECDSA_WITH_SHA384, Sha384) => ECDSA_WITH_SHA384,
        (RSA_ENCRYPTION | SHA256_WITH_RSA, Sha256) => SHA256_WITH_RSA,
        (RSA_ENCRYPTION | SHA384_WITH_RSA, Sha384) => SHA384_WITH_RSA,
        (RSA_ENCRYPTION | SHA512_WITH_RSA, Sha512) => SHA512_WITH_RSA,
        (ED25519, Sha512) => ED25519,
        (ML_DSA_65_IDENTIFIER, Sha512) => ML_DSA_65_IDENTIFIER,
        _ => return None,
    };
    Some(Said::Identified(identified))
}
