//! A certificate authority's own certificate, as far as issuing under it needs to know it.

use crate::certificate::Certificate;
use crate::constraints::Constraints;
use crate::key::{BadKey, PublicKey};
use crate::summary::CertificateSummary;
use crate::time;
use chancery_domain::name::SubjectName;
use chancery_domain::{Timestamp, enforced};

/// A parsed CA certificate. Its own signature is not checked here: see [`crate::verify_chain`].
#[derive(Clone, Debug)]
pub struct IssuerCertificate {
    der: Vec<u8>,
    subject_der: Vec<u8>,
    public_key: PublicKey,
    key_identifier: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    path_length: Option<u8>,
    constraints: Option<Constraints>,
}

/// Why a certificate cannot be an issuer's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IssuerError {
    /// Not a certificate of RFC 5280.
    #[error("issuer certificate: not a version 3 X.509 certificate in DER: {0}")]
    Malformed(String),
    /// Its key is refused.
    #[error("issuer certificate: {0}")]
    Key(#[from] BadKey),
    /// Its key is of a kind that only subjects may have.
    #[error("issuer certificate: {0} keys are too weak for authorities")]
    Weak(&'static str),
    /// Not the certificate of an authority.
    #[error("issuer certificate: {0}")]
    NotAnAuthority(&'static str),
}

impl IssuerCertificate {
    /// Parses the certificate of an authority that may sign certificates and CRLs.
    ///
    /// # Errors
    /// [`IssuerError`] if it is malformed, or no authority's by RFC 5280 sections 4.2.1.2, 4.2.1.3 and 4.2.1.9.
    pub fn from_der(der: &[u8]) -> Result<Self, IssuerError> {
        let certificate = Certificate::from_der(der).map_err(|error| IssuerError::Malformed(error.to_string()))?;
        let tbs = &certificate.tbs;
        let extensions = &tbs.extensions;
        let basic = extensions.basic_constraints.as_ref();
        if !basic.is_some_and(|found| found.critical && found.value.ca) && enforced!("issuer-certificate.authority") {
            return Err(IssuerError::NotAnAuthority("basicConstraints is not critical with CA:TRUE"));
        }
        if (!extensions.allows_usage(5) || !extensions.allows_usage(6)) && enforced!("issuer-certificate.key-usage") {
            return Err(IssuerError::NotAnAuthority("keyUsage lacks keyCertSign or cRLSign"));
        }
        if extensions.unknown.iter().any(|unknown| unknown.critical) && enforced!("issuer-certificate.critical") {
            return Err(IssuerError::NotAnAuthority("a critical extension is not understood"));
        }
        let public_key = PublicKey::from_spki_der(tbs.spki_der)?;
        if !public_key.algorithm().may_issue() && enforced!("issuer-certificate.weak-key") {
            return Err(IssuerError::Weak(public_key.algorithm().as_str()));
        }
        let key_identifier = extensions.subject_key_identifier.as_ref();
        let key_identifier = key_identifier.ok_or(IssuerError::NotAnAuthority("subjectKeyIdentifier is absent"))?;
        Ok(Self {
            der: der.to_vec(),
            subject_der: tbs.subject_der.to_vec(),
            public_key,
            key_identifier: key_identifier.value.to_vec(),
            not_before: time::from_x509(tbs.validity.not_before),
            not_after: time::from_x509(tbs.validity.not_after),
            path_length: basic.and_then(|found| found.value.path_len_constraint),
            constraints: extensions.name_constraints.as_ref().map(|found| found.value.clone()),
        })
    }
    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
    /// The subject's encoded `Name`, which becomes the issuer of what it signs, byte for byte.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }
    /// Its public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
    /// Its subjectKeyIdentifier.
    pub fn key_identifier(&self) -> &[u8] {
        &self.key_identifier
    }
    /// Whether its validity includes this moment.
    pub fn is_in_time(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
    /// Its first second of validity.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }
    /// Its last second of validity.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }
    /// How many authorities may follow below it; `None` is no limit.
    pub const fn path_length(&self) -> Option<u8> {
        self.path_length
    }
    /// Whether the certificate names it as its issuer, and its key, if it names one: what can be seen before a signature is verified.
    pub fn is_named_in(&self, certificate: &CertificateSummary) -> bool {
        let key = certificate.authority_key.as_ref();
        certificate.issuer_der == self.subject_der && key.is_none_or(|key| *key == self.key_identifier)
    }
    /// Whether its name constraints, if it has any, permit this name. Coarser than the patterns they were made from.
    pub fn permits(&self, name: &SubjectName) -> bool {
        self.constraints.as_ref().is_none_or(|constraints| constraints.permit(name))
    }
}
