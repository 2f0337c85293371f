//! Certificate revocation lists, version 2 (RFC 5280 section 5).

use crate::issuer::IssuerCertificate;
use crate::key::{BadSignature, PublicKey};
use crate::lint::LintError;
use crate::prepared::{Prepared, RevocationList};
use chancery_domain::certificate::RevocationReason;
use chancery_domain::{Serial, Timestamp};

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// What a list is to contain.
#[derive(Clone, Debug)]
pub struct CrlPlan<'a> {
    /// Who signs it.
    pub issuer: &'a IssuerCertificate,
    /// Its number, greater than that of every earlier list of the same scope.
    pub number: u64,
    /// When it is made.
    pub this_update: Timestamp,
    /// When the next one will be there at the latest.
    pub next_update: Timestamp,
    /// The address in the certificates that it covers, if it covers the end-entity certificates of one address only.
    pub distribution_point_url: Option<String>,
    /// The revoked certificates, in any order.
    pub entries: Vec<CrlEntry>,
}

/// A parsed list.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    number: u64,
    this_update: Timestamp,
    next_update: Timestamp,
    entries: Vec<CrlEntry>,
}

/// Why bytes are no list of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("CRL: {0}")]
pub struct CrlError(pub(crate) &'static str);

impl CrlPlan<'_> {
    /// Writes and lints the list.
    ///
    /// # Errors
    /// [`LintError`] with every lint that objects.
    pub fn prepare(self) -> Result<Prepared<RevocationList>, LintError> {
        unimplemented!()
    }
}

impl Crl {
    /// Parses a list; its signature is checked by [`Crl::verify`].
    ///
    /// # Errors
    /// [`CrlError`] naming the field.
    pub fn from_der(_der: &[u8]) -> Result<Self, CrlError> {
        unimplemented!()
    }
    /// The list.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
    /// Its number.
    pub const fn number(&self) -> u64 {
        self.number
    }
    /// When it was made.
    pub const fn this_update(&self) -> Timestamp {
        self.this_update
    }
    /// When the next one is due.
    pub const fn next_update(&self) -> Timestamp {
        self.next_update
    }
    /// The revoked certificates, in the list's order.
    pub fn entries(&self) -> &[CrlEntry] {
        &self.entries
    }
    /// Checks the list's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, _issuer: &PublicKey) -> Result<(), BadSignature> {
        unimplemented!()
    }
}
