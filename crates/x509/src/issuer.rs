//! A certificate authority's own certificate, as far as issuing under it needs to know it.

use crate::key::{BadKey, PublicKey};
use chancery_domain::Timestamp;

/// A parsed and checked CA certificate.
#[derive(Clone, Debug)]
pub struct IssuerCertificate {
    der: Vec<u8>,
    public_key: PublicKey,
    not_after: Timestamp,
}

/// Why a certificate cannot be an issuer's.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Not a certificate of RFC 5280.
    #[error("issuer certificate: {0}")]
    Malformed(String),
    /// Its key is refused.
    #[error("issuer certificate: {0}")]
    Key(#[from] BadKey),
    /// Not a CA certificate.
    #[error("issuer certificate: {0} (RFC 5280 section 4.2.1)")]
    NotAnIssuer(&'static str),
}

impl IssuerCertificate {
    /// Parses a CA certificate.
    ///
    /// # Errors
    /// [`IssuerError`] if it is malformed or may not sign certificates.
    pub fn from_der(_der: &[u8]) -> Result<Self, IssuerError> {
        unimplemented!()
    }
    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
    /// Its public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
    /// Its last second of validity.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }
}
