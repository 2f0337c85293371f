//! What goes wrong when a signature is put into its form, and the signer's key that is asked before anything is given out.

use crate::Certified;
use crate::signer::key_id;
use chancery_domain::enforced;
use chancery_domain::signature::{Digest, SignatureAlgorithm};
use chancery_x509::{CertificateSummary, PublicKey};

/// Why an artifact was not made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MakeError {
    /// The chain is empty, or its first certificate or the key in it cannot be read.
    #[error("the signer's certificate cannot be used: {0}: give the signer's own certificate first")]
    Certificate(String),
    /// The key makes other signatures.
    #[error("the signer's {key} key makes no {algorithm} signatures: ask for a kind that it makes")]
    Algorithm {
        /// The kind of key.
        key: &'static str,
        /// The kind of signature.
        algorithm: &'static str,
    },
    /// More than a verifier reads.
    #[error("{length} bytes are too many, {longest} are the most: {instead}")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        longest: usize,
        /// What to do.
        instead: &'static str,
    },
    /// What was to be signed is not what the format carries.
    #[error("{0}")]
    Content(String),
    /// The signature is another one's, or over something else. Nothing was given out.
    #[error("the signature does not verify with the signer's certificate: check that key and certificate belong together")]
    Signature,
    /// The header could not be written.
    #[error("the header could not be written: this is a fault of the program, report it")]
    Header,
}

/// The public half of the signer, as its certificate has it.
#[derive(Clone, Debug)]
pub(crate) struct SignerKey {
    certificate: Vec<u8>,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
}

impl SignerKey {
    pub(crate) fn of(signer: &Certified<'_>) -> Result<Self, MakeError> {
        let unusable = |problem: &dyn std::fmt::Display| MakeError::Certificate(problem.to_string());
        let certificate = signer.chain.first().ok_or_else(|| unusable(&"there is none"))?;
        let summary = CertificateSummary::from_der(certificate).map_err(|error| unusable(&error))?;
        let key = PublicKey::from_spki_der(&summary.spki_der).map_err(|error| unusable(&error))?;
        if !signer.algorithm.fits(key.algorithm()) {
            return Err(MakeError::Algorithm { key: key.algorithm().as_str(), algorithm: signer.algorithm.as_str() });
        }
        Ok(Self { certificate: certificate.clone(), key, algorithm: signer.algorithm })
    }
    /// DER.
    pub(crate) fn certificate(&self) -> &[u8] {
        &self.certificate
    }
    pub(crate) fn key_id(&self) -> String {
        key_id(self.key.spki_der())
    }
    pub(crate) const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
    /// That this key signed these bytes.
    pub(crate) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), MakeError> {
        let verified = self.key.verify_as(self.algorithm, message, signature);
        if enforced!("made.signature") { verified.map_err(|_| MakeError::Signature) } else { Ok(()) }
    }
    /// That this key signed bytes with this digest.
    pub(crate) fn check_digest(&self, digest: &Digest, signature: &[u8]) -> Result<(), MakeError> {
        let verified = self.key.verify_digest_as(self.algorithm, digest, signature);
        if enforced!("made.digest-signature") { verified.map_err(|_| MakeError::Signature) } else { Ok(()) }
    }
}
