//! PDF signatures (ETSI EN 319 142-1): PAdES B-B, with a timestamp B-T, with revocation lists besides B-LT; invisible, appended as an
//! incremental update.
//!
//! Packaging and signing are apart: [`Package::of`] appends everything but the signature, only [`Package::digest`] goes to the signer,
//! [`prepare`] makes the CMS there, and [`Package::finish`] puts it into the hole that was left. Bounds: [`LARGEST`] for what is packaged;
//! what is verified is read as a stream, with [`MOST_SIGNATURES`] signatures whose CMS has [`LARGEST_CMS`] bytes each.

use crate::cms::content_digest;
use crate::verdict::{Certified, Problem};
use chancery_domain::signature::{Digest, SignatureAlgorithm};
use chancery_x509::cms::{CmsPlan, Content, ID_DATA, PreparedCms};
use chancery_x509::hash::Hasher;

mod package;
mod verify;

pub use package::{Package, SecurityStore};
pub use verify::{SignedRevision, verify};

/// Longest PDF that is packaged, in bytes.
pub const LARGEST: usize = 256 << 20;
/// Most signatures of a PDF.
pub const MOST_SIGNATURES: usize = 16;
/// Longest CMS in a PDF, in bytes.
pub const LARGEST_CMS: usize = 256 << 10;

/// What is left for signed attributes, names and numbers around certificates and signature.
const REST: usize = 2048;
/// Bytes of the longest signature: ML-DSA-65.
const LONGEST_SIGNATURE: usize = 3309;

/// How many bytes to leave for the CMS of this signer, with a timestamp by the authority with this chain if there is one.
pub fn room(signer: &Certified<'_>, timestamper: Option<&[Vec<u8>]>) -> usize {
    let certificates = |chain: &[Vec<u8>]| chain.iter().map(Vec::len).sum::<usize>();
    let signature = if matches!(signer.algorithm, SignatureAlgorithm::MlDsa65) { LONGEST_SIGNATURE } else { 512 };
    // Of the authority it is not said here which kind its key makes.
    let timestamp = timestamper.map_or(0, |chain| certificates(chain) + LONGEST_SIGNATURE + REST);
    certificates(signer.chain) + signature + REST + timestamp
}

/// A CMS that lacks its signature.
pub struct Prepared(PreparedCms);

/// Makes the CMS over a byte range of which only the digest is known. The time that the signer claims stands in the PDF, where the
/// byte range covers it, and not in the CMS (ETSI EN 319 142-1 section 6.3).
///
/// # Errors
/// A [`Problem`]: `certificate` or `algorithm` if chain, key, kind of signature and digest do not go together.
pub fn prepare(signer: &Certified<'_>, byte_range: &Digest) -> Result<Prepared, Problem> {
    let plan = CmsPlan {
        chain: signer.chain,
        with_chain: true,
        algorithm: signer.algorithm,
        content_type: ID_DATA,
        content: Content::Detached(byte_range),
        signing_time: None,
        attributes: &[],
    };
    plan.prepare().map(Prepared)
}

impl Prepared {
    /// The exact message to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        self.0.to_be_signed()
    }
    /// The CMS, DER.
    ///
    /// # Errors
    /// A [`Problem`] `signature` if it was not made over [`Self::to_be_signed`] with the key of the signer's certificate.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, Problem> {
        self.0.finish(signature)
    }
}

impl Package {
    /// The digest of the byte range that goes with this kind of signature.
    pub fn digest(&self, algorithm: SignatureAlgorithm) -> Digest {
        let mut hasher = Hasher::new(content_digest(algorithm));
        let (before, after) = self.byte_range();
        hasher.update(before);
        hasher.update(after);
        hasher.finish()
    }
}
