//! Digests (FIPS 180-4) of what is at hand, whole or piece by piece.

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA384, SHA512};
use chancery_domain::signature::{Digest, DigestAlgorithm};

/// A digest under construction.
#[derive(Clone)]
pub struct Hasher {
    algorithm: DigestAlgorithm,
    context: Context,
}

impl Hasher {
    /// Of nothing so far.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self { algorithm, context: Context::new(library(algorithm)) }
    }
    /// What follows.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }
    /// The digest of all pieces, one after the other.
    pub fn finish(self) -> Digest {
        // The library's digests have the length of their kind: the second is never taken.
        let finished = Digest::new(self.algorithm, self.context.finish().as_ref());
        finished.unwrap_or_else(|_| digest(self.algorithm, &[]))
    }
}

/// The digest of these bytes.
pub fn digest(algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

pub(crate) fn library(algorithm: DigestAlgorithm) -> &'static Algorithm {
    match algorithm {
        DigestAlgorithm::Sha256 => &SHA256,
        DigestAlgorithm::Sha384 => &SHA384,
        DigestAlgorithm::Sha512 => &SHA512,
    }
}
