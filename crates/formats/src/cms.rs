//! CMS SignedData (RFC 5652), detached or attached, with the attributes of CAdES baseline B-B and, with a timestamp, B-T
//! (ETSI EN 319 122-1 section 6).
//!
//! Bounds: content inside up to [`LARGEST`], the rest up to [`LARGEST_ENVELOPE`], 16 certificates, 32 attributes.

use crate::signed_data::{self, Rules};
use crate::trust::Trust;
use crate::verdict::{Certified, Problem, Verified};
use chancery_domain::Timestamp;
use chancery_domain::signature::{Digest, DigestAlgorithm};
use chancery_x509::Purpose;
use chancery_x509::cms::{CmsPlan, Content, ID_DATA, ID_TIMESTAMP_TOKEN, PreparedCms, SignedData, with_unsigned};
pub use chancery_x509::cms::{LARGEST, LARGEST_ENVELOPE, content_digest};
use chancery_x509::hash;

/// What a signer's certificate may be for: documents, mail or code, for CMS signs them all.
const PURPOSES: [Purpose; 3] = [Purpose::DocumentSigning, Purpose::EmailProtection, Purpose::CodeSigning];

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// A document that stays where it is, with this digest ([`content_digest`] says of which kind).
    Detached(&'a Digest),
    /// These bytes, which are put inside.
    Attached(&'a [u8]),
}

/// A SignedData that lacks its signature.
pub struct Prepared(PreparedCms);

/// Writes what is to be signed, with the time that the signer claims in whole seconds.
///
/// # Errors
/// A [`Problem`]: `certificate` or `algorithm` if chain, key, kind of signature and digest do not go together.
pub fn prepare(signer: &Certified<'_>, signed: Signed<'_>, signing_time: Timestamp) -> Result<Prepared, Problem> {
    let content = match signed {
        Signed::Detached(digest) => Content::Detached(digest),
        Signed::Attached(content) => Content::Attached(content),
    };
    let (chain, algorithm, signing_time) = (signer.chain, signer.algorithm, Some(signing_time));
    CmsPlan { chain, algorithm, with_chain: true, content_type: ID_DATA, content, signing_time, attributes: &[] }.prepare().map(Prepared)
}

impl Prepared {
    /// The exact message to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        self.0.to_be_signed()
    }
    /// The SignedData, DER.
    ///
    /// # Errors
    /// A [`Problem`] `signature` if it was not made over [`Self::to_be_signed`] with the key of the signer's certificate.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, Problem> {
        self.0.finish(signature)
    }
}

/// The digest that a timestamp is to be asked for: that of the signature.
///
/// # Errors
/// A [`Problem`] if it is no SignedData.
pub fn timestamp_imprint(cms: &[u8], algorithm: DigestAlgorithm) -> Result<Digest, Problem> {
    Ok(hash::digest(algorithm, SignedData::from_der(cms)?.signature()))
}

/// The SignedData with a timestamp over its signature (CAdES-T). Whether the token holds is for [`verify`].
///
/// # Errors
/// A [`Problem`] if one of the two is not DER.
pub fn with_timestamp(cms: &[u8], token: &[u8]) -> Result<Vec<u8>, Problem> {
    with_unsigned(cms, ID_TIMESTAMP_TOKEN, token)
}

/// Of which kind the digest of a detached document must be to be verified against this SignedData.
///
/// # Errors
/// A [`Problem`] if it is no SignedData.
pub fn digest_algorithm(cms: &[u8]) -> Result<DigestAlgorithm, Problem> {
    Ok(SignedData::from_der(cms)?.digest_algorithm())
}

/// Verifies a SignedData: detached over a document of this digest, or, without one, attached.
///
/// # Errors
/// Every [`Problem`] of the first layer that does not hold.
pub fn verify(cms: &[u8], detached: Option<&Digest>, trust: &Trust, at: Timestamp) -> Result<Verified, Vec<Problem>> {
    let read = SignedData::from_der(cms).map_err(|problem| vec![problem])?;
    let rules = Rules { content_type: ID_DATA, detached, certificate_bound: true, purposes: &PURPOSES, timestamp: ID_TIMESTAMP_TOKEN };
    signed_data::verify(&read, &rules, trust, at)
}
