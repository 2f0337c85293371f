//! What a certificate is to contain, decided elsewhere, turned into linted to-be-signed bytes.

use crate::issuer::IssuerCertificate;
use crate::key::PublicKey;
use crate::lint::LintError;
use crate::prepared::{AuthorityRequest, CaCertificate, Leaf, Prepared};
use crate::summary::NotACertificate;
use chancery_domain::decision::Approved;
use chancery_domain::pattern::NamePattern;
use chancery_domain::{Serial, Timestamp};

mod ca;
mod foreseen;
mod leaf;
mod request;
pub(crate) mod write;

pub use foreseen::{ForeseenContent, ForeseenExtension};

/// Addresses that a certificate carries, absolute `http` URLs in ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Where the CRL that would list it is published.
    pub crl_url: String,
    /// Where its issuer's certificate is published, in DER (RFC 5280 section 4.2.2.1).
    pub aia_url: String,
}

/// The subject of a certificate authority; both are written as UTF8String, at most 64 characters each (ub-organization-name, ub-common-name).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName {
    /// The organisation.
    pub organization: Option<String>,
    /// The common name.
    pub common_name: String,
}

/// What roots and intermediates have in common.
#[derive(Clone, Debug)]
pub struct CaPlan<'a> {
    /// The new authority's name.
    pub subject: &'a DistinguishedName,
    /// The new authority's key.
    pub key: &'a PublicKey,
    /// Its serial number.
    pub serial: Serial,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity, inclusive.
    pub not_after: Timestamp,
    /// How many further authorities may follow below it; `None` is no limit.
    pub path_length: Option<u8>,
}

/// The door to prepared certificates.
#[derive(Debug)]
pub enum CertificatePlan {}

impl CertificatePlan {
    /// An end-entity certificate, exactly as approved: nothing else of the request reaches it (I3, THREATS 15).
    ///
    /// # Errors
    /// [`LintError`] with every lint that objects.
    pub fn leaf(
        approved: Approved,
        subject_key: &PublicKey,
        serial: Serial,
        issuer: &IssuerCertificate,
        addresses: &Addresses,
    ) -> Result<Prepared<Leaf>, LintError> {
        leaf::prepare(&approved, subject_key, serial, issuer, addresses)
    }

    /// What such a certificate would say; nothing is made that could be signed.
    ///
    /// # Errors
    /// [`NotACertificate`] if what is written cannot be read: a defect.
    pub fn foresee(approved: &Approved, issuer: &IssuerCertificate, addresses: &Addresses) -> Result<ForeseenContent, NotACertificate> {
        foreseen::foresee(approved, issuer, addresses)
    }

    /// A self-signed root, to be signed by its own key.
    ///
    /// # Errors
    /// [`LintError`] with every lint that objects.
    pub fn root(plan: &CaPlan<'_>) -> Result<Prepared<CaCertificate>, LintError> {
        ca::root(plan)
    }

    /// The certification request (PKCS#10, RFC 2986) of an authority whose certificate somebody else signs. It asks for CA:TRUE
    /// with a path length of 0, keyCertSign, cRLSign and the name constraints of the patterns.
    pub fn request(subject: &DistinguishedName, key: &PublicKey, names: &[NamePattern]) -> Prepared<AuthorityRequest> {
        request::prepare(subject, key, names)
    }

    /// An intermediate below `issuer`, constrained to the names that the patterns can match: a kind of name without a pattern is
    /// excluded wholly (THREATS 14), `dns:*` and its like leave that kind unconstrained.
    ///
    /// Name constraints are coarser than patterns (RFC 5280 section 4.2.1.10): `dns:*.x` also permits `x`, and of a URI only the
    /// host is constrained. The evaluator applies the patterns themselves to each leaf.
    ///
    /// # Errors
    /// [`LintError`] with every lint that objects.
    pub fn intermediate(
        plan: &CaPlan<'_>,
        names: &[NamePattern],
        issuer: &IssuerCertificate,
        addresses: &Addresses,
    ) -> Result<Prepared<CaCertificate>, LintError> {
        ca::intermediate(plan, names, issuer, addresses)
    }
}
