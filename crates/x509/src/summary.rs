//! What people want to see of a certificate.

use crate::certificate::Certificate;
use crate::time::from_x509;
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::name::SubjectName;
use chancery_domain::{Serial, Timestamp};
use const_oid::db::rfc4519::COMMON_NAME;
use der::Decode;
use x509_cert::ext::pkix::CrlDistributionPoints;
use x509_cert::ext::pkix::name::{DirectoryString, DistributionPointName, GeneralName};
use x509_cert::name::Name;

/// A certificate for display; nothing in it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// The subject in the style of RFC 4514, most specific part first; empty if there is none.
    pub subject: String,
    /// The issuer likewise.
    pub issuer: String,
    /// The issuer's encoded `Name`.
    pub issuer_der: Vec<u8>,
    /// The identifier of the issuer's key, if it is named so (RFC 5280 section 4.2.1.1).
    pub authority_key: Option<Vec<u8>>,
    /// The subject's common name, if it has exactly one that can be read.
    pub common_name: Option<String>,
    /// The subject's public key, DER of its `SubjectPublicKeyInfo`.
    pub spki_der: Vec<u8>,
    /// The serial number; `None` if it is none by RFC 5280 section 4.1.2.2.
    pub serial: Option<Serial>,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Subject alternative names of the kinds that are issued here; others are left out.
    pub names: Vec<SubjectName>,
    /// Whether it is an authority's (basicConstraints CA:TRUE).
    pub is_authority: bool,
    /// The addresses of the lists that would tell of its revocation, as far as they are URLs.
    pub crl_urls: Vec<String>,
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
            issuer_der: tbs.issuer_der.to_vec(),
            authority_key: tbs.extensions.authority_key_identifier.as_ref().and_then(|found| found.value).map(<[u8]>::to_vec),
            common_name: common_name(tbs.subject_der)?,
            spki_der: tbs.spki_der.to_vec(),
            serial: Serial::from_der_octets(tbs.serial).ok(),
            not_before: from_x509(tbs.validity.not_before),
            not_after: from_x509(tbs.validity.not_after),
            names: names.iter().filter_map(|name| name.subject_name().ok()).collect(),
            is_authority: tbs.extensions.basic_constraints.as_ref().is_some_and(|found| found.value.ca),
            crl_urls: tbs.extensions.crl_distribution_points.as_ref().map(|found| urls(found.value)).unwrap_or_default(),
            sha256: hex::encode(digest(&SHA256, der)),
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

/// The URLs of `CRLDistributionPoints` (RFC 5280 section 4.2.1.13).
fn urls(value: &[u8]) -> Vec<String> {
    let points = CrlDistributionPoints::from_der(value).map(|found| found.0).unwrap_or_default();
    let names = points.into_iter().filter_map(|point| match point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    let url = |name| if let GeneralName::UniformResourceIdentifier(url) = name { Some(url.to_string()) } else { None };
    names.flatten().filter_map(url).collect()
}
