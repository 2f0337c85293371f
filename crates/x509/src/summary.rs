//! What people want to see of a certificate.

use crate::certificate::Certificate;
use crate::time::from_x509;
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::Timestamp;
use chancery_domain::name::SubjectName;
use const_oid::db::rfc4519::COMMON_NAME;
use der::Decode;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::name::Name;

/// A certificate for display; nothing in it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// The subject in the style of RFC 4514, most specific part first; empty if there is none.
    pub subject: String,
    /// The issuer likewise.
    pub issuer: String,
    /// The subject's common name, if it has exactly one that can be read.
    pub common_name: Option<String>,
    /// The subject's public key, DER of its `SubjectPublicKeyInfo`.
    pub spki_der: Vec<u8>,
    /// The serial number in lower-case hexadecimal, at least 32 digits, which is how [`chancery_domain::Serial`] is written.
    pub serial: String,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Subject alternative names of the kinds that are issued here; others are left out.
    pub names: Vec<SubjectName>,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub sha256: String,
}

/// Bytes that are no certificate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a version 3 X.509 certificate in DER")]
pub struct NotACertificate;

impl CertificateSummary {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`NotACertificate`].
    pub fn from_der(der: &[u8]) -> Result<Self, NotACertificate> {
        let certificate = Certificate::from_der(der).map_err(|_| NotACertificate)?;
        let tbs = &certificate.tbs;
        let found = tbs.extensions.alternative_names.as_ref();
        let names = found.map(|found| found.value.as_slice()).unwrap_or_default();
        Ok(Self {
            subject: text(tbs.subject_der)?,
            issuer: text(tbs.issuer_der)?,
            common_name: common_name(tbs.subject_der)?,
            spki_der: tbs.spki_der.to_vec(),
            serial: serial(tbs.serial),
            not_before: from_x509(tbs.validity.not_before),
            not_after: from_x509(tbs.validity.not_after),
            names: names.iter().filter_map(|name| name.subject_name().ok()).collect(),
            sha256: hex(digest(&SHA256, der).as_ref()),
        })
    }
}

pub(crate) fn text(name_der: &[u8]) -> Result<String, NotACertificate> {
    Name::from_der(name_der).map(|name| name.to_string()).map_err(|_| NotACertificate)
}

fn common_name(subject_der: &[u8]) -> Result<Option<String>, NotACertificate> {
    let subject = Name::from_der(subject_der).map_err(|_| NotACertificate)?;
    let mut found = subject.iter().filter(|attribute| attribute.oid == COMMON_NAME);
    let (first, more) = (found.next(), found.next());
    Ok(first.filter(|_| more.is_none()).and_then(|first| DirectoryString::try_from(&first.value).ok()).map(String::from))
}

/// DER drops leading zero octets of the 16 that were drawn; here they come back.
fn serial(octets: &[u8]) -> String {
    let octets = octets.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(octets);
    format!("{}{}", "00".repeat(16_usize.saturating_sub(octets.len())), hex(octets))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
