//! Certification requests (PKCS#10, RFC 2986): what a stranger sends, reduced to a key that it holds and the names that it wishes.

use crate::key::{BadKey, PublicKey};
use chancery_domain::name::SubjectName;

/// A request whose signature was verified. Only its key is a fact; names and common name are wishes for the evaluator (THREATS 15).
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    /// The requester's key, which signed the request.
    pub public_key: PublicKey,
    /// The subject alternative names asked for, in the request's order.
    pub names: Vec<SubjectName>,
    /// The subject's common name.
    pub common_name: Option<String>,
}

/// Why a request is refused. It is always its sender's mistake, and the message names the field.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CsrError {
    /// Over 16 KiB.
    #[error("the certification request is longer than 16 KiB")]
    TooLong,
    /// The key.
    #[error("{0}")]
    Key(#[from] BadKey),
}

impl CertificationRequest {
    /// Reads and verifies a request of at most 16 KiB, PEM (exactly one block) or DER.
    ///
    /// # Errors
    /// [`CsrError`] naming the field.
    pub fn from_pem_or_der(_bytes: &[u8]) -> Result<Self, CsrError> {
        unimplemented!()
    }
}
