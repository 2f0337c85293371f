//! What a verifier found: who signed what, or what is wrong. There is nothing in between.

use chancery_domain::Timestamp;
use chancery_domain::signature::{Digest, SignatureAlgorithm};
pub use chancery_x509::Problem;

/// A signature that holds in every layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The subject of the signer's certificate in the style of RFC 4514.
    pub subject: String,
    /// The path that was found, DER: the signer's certificate first, the trusted root last.
    pub chain: Vec<Vec<u8>>,
    /// The kind of signature.
    pub algorithm: SignatureAlgorithm,
    /// The digest of what was signed: of the document, payload or byte range, as the format defines it.
    pub digest: Digest,
    /// When the signer says to have signed; nothing but the signer's word.
    pub claimed_at: Option<Timestamp>,
    /// Who witnessed that the signature existed, and when; the earliest, if there are several.
    pub timestamp: Option<TimestampWitness>,
    /// The time at which chain and revocation were judged: the timestamp's, else the one that the caller gave.
    pub judged_at: Timestamp,
}

/// A timestamp (RFC 3161) that holds in every layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampWitness {
    /// The time in it.
    pub at: Timestamp,
    /// The subject of the authority's certificate in the style of RFC 4514.
    pub subject: String,
    /// The authority's path, DER: its certificate first, the trusted root last.
    pub chain: Vec<Vec<u8>>,
}

/// Whose signature an artifact is made with.
#[derive(Clone, Copy, Debug)]
pub struct Certified<'a> {
    /// Certificates, DER: the signer's first, each signed by the next. The root may be left out.
    pub chain: &'a [Vec<u8>],
    /// The kind of signature that will be made; it fits the key of the first certificate.
    pub algorithm: SignatureAlgorithm,
}
