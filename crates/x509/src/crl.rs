//! Certificate revocation lists, version 2 (RFC 5280 section 5).

use crate::issuer::IssuerCertificate;
use crate::key::{BadSignature, PublicKey};
use crate::lint::{self, LintError};
use crate::prepared::{Prepared, RevocationList, SignedParts};
use crate::summary::CertificateSummary;
use crate::time::from_x509;
use chancery_domain::certificate::RevocationReason;
use chancery_domain::{Serial, Timestamp};

pub(crate) mod read;
mod write;

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked; whole seconds in the list.
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
    /// The CRL address in the certificates that it covers, if it covers only the end-entity certificates with that address.
    pub distribution_point_url: Option<String>,
    /// The revoked certificates, in any order, each once.
    pub entries: Vec<CrlEntry>,
}

/// A parsed list.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    number: u64,
    this_update: Timestamp,
    next_update: Timestamp,
    distribution_point_url: Option<String>,
    authority_key_identifier: Option<Vec<u8>>,
    entries: Vec<CrlEntry>,
}

/// Bytes that are no list of the kind that is made here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a version 2 CRL in DER with a number, a next update and 128-bit serial numbers: {0}")]
pub struct CrlError(String);

impl CrlPlan<'_> {
    /// Writes the list, entries sorted by serial number, and lints it.
    ///
    /// # Errors
    /// [`LintError`] with every lint that objects.
    pub fn prepare(mut self) -> Result<Prepared<RevocationList>, LintError> {
        self.entries.sort_unstable_by_key(|entry| entry.serial);
        let tbs_der = write::tbs(&self);
        lint::crl::check(&tbs_der, &self)?;
        Ok(Prepared::linted(tbs_der, self.issuer.public_key().clone()))
    }
}

impl Crl {
    /// Parses a list; its signature is checked by [`Crl::verify`].
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        let refused = |error: der::Error| CrlError(error.to_string());
        let parts = SignedParts::from_der(der).map_err(refused)?;
        let tbs = read::Tbs::from_der(parts.tbs_der).map_err(refused)?;
        if tbs.algorithm_der != parts.algorithm_der {
            return Err(CrlError("its two algorithm identifiers differ (RFC 5280 section 5.1.1.2)".to_owned()));
        }
        Ok(Self {
            der: der.to_vec(),
            number: tbs.number,
            this_update: from_x509(tbs.this_update),
            next_update: from_x509(tbs.next_update),
            distribution_point_url: tbs.distribution_point_url,
            authority_key_identifier: tbs.authority_key_identifier.map(<[u8]>::to_vec),
            entries: tbs.entries,
        })
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
    /// The address whose end-entity certificates it covers; without one it covers all of the issuer's.
    pub fn distribution_point_url(&self) -> Option<&str> {
        self.distribution_point_url.as_deref()
    }
    /// The identifier of the key that it says to be signed with.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.authority_key_identifier.as_deref()
    }
    /// The revoked certificates, in the list's order.
    pub fn entries(&self) -> &[CrlEntry] {
        &self.entries
    }
    /// Whether the authority with this certificate signed it.
    pub fn is_signed_by(&self, issuer_der: &[u8]) -> bool {
        let key = CertificateSummary::from_der(issuer_der).ok().and_then(|issuer| PublicKey::from_spki_der(&issuer.spki_der).ok());
        key.is_some_and(|key| self.verify(&key).is_ok())
    }
    /// Checks the list's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, issuer: &PublicKey) -> Result<(), BadSignature> {
        let parts = SignedParts::from_der(&self.der).map_err(|_| BadSignature)?;
        issuer.verify(parts.tbs_der, parts.signature)
    }
}
