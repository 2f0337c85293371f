//! What people want to see of a certificate.

use chancery_domain::Timestamp;
use chancery_domain::name::SubjectName;

/// A certificate for display; nothing in it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// The subject in the style of RFC 4514, most specific part first; empty if there is none.
    pub subject: String,
    /// The issuer likewise.
    pub issuer: String,
    /// The serial number, lower-case hexadecimal, two digits an octet.
    pub serial: String,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Subject alternative names of the kinds that are issued here.
    pub names: Vec<SubjectName>,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub sha256: String,
}

/// Bytes that are no certificate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an X.509 certificate in DER")]
pub struct NotACertificate;

impl CertificateSummary {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`NotACertificate`].
    pub fn from_der(_der: &[u8]) -> Result<Self, NotACertificate> {
        unimplemented!()
    }
}
