//! Lints: rules that every document of ours must satisfy, checked on the encoded bytes before anything is signed.
//!
//! A lint is a constant in one of the files below with a stable code, the source of its rule, and a function over what was read
//! back from the bytes. To add one: write it beside its kin with a passing and a failing fixture, and name it in `CERTIFICATE`.

use crate::certificate::{LARGEST_CERTIFICATE, Tbs};
use crate::constraints::Constraints;
use crate::issuer::IssuerCertificate;
use crate::key::PublicKey;
use chancery_domain::decision::Approved;
use chancery_domain::enforced;
use chancery_domain::name::SubjectName;

mod addresses;
pub(crate) mod crl;
mod distinguished_name;
#[cfg(test)]
pub(crate) mod fixture;
mod keys;
mod names;
mod purpose;
mod serial;
mod validity;

/// Every lint on certificates, in the order of their findings.
const CERTIFICATE: &[Lint] = &[
    serial::SERIAL,
    keys::SIGNATURE_ALGORITHM,
    distinguished_name::ISSUER,
    validity::ENCODING,
    validity::ORDER,
    validity::WITHIN_ISSUER,
    distinguished_name::SUBJECT,
    keys::SUBJECT_KEY,
    keys::AUTHORITY_KEY,
    keys::SUBJECT_KEY_IDENTIFIER,
    keys::AUTHORITY_KEY_IDENTIFIER,
    purpose::KNOWN_EXTENSIONS,
    purpose::LEAF,
    purpose::AUTHORITY,
    purpose::ALONE,
    purpose::PATH_LENGTH,
    purpose::CONSTRAINTS,
    names::ALTERNATIVE_NAMES,
    names::CRITICAL,
    names::COMMON_NAME,
    names::WITHIN_CONSTRAINTS,
    addresses::ADDRESSES,
];

/// One lint's objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The lint's stable code.
    pub code: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// What is wrong.
    pub message: String,
}

/// What the lints object to; nothing was signed. The plan is at fault.
#[derive(Debug, thiserror::Error)]
#[error("not signed: {}", self.findings.iter().map(|f| format!("{} ({}): {}", f.code, f.source, f.message)).collect::<Vec<_>>().join("; "))]
pub struct LintError {
    /// Every objection.
    pub findings: Vec<Finding>,
}

/// A rule.
struct Lint {
    code: &'static str,
    source: &'static str,
    check: fn(&Linted<'_>) -> Result<(), String>,
}

/// Longest that is signed, in bytes: with the longest signature around it, it is read back.
const LARGEST_TBS: usize = LARGEST_CERTIFICATE - 4096;

/// What a certificate was meant to be.
pub(crate) enum Expected<'a> {
    /// An end entity's.
    Leaf { issuer: &'a IssuerCertificate, key: &'a PublicKey },
    /// A self-signed root.
    Root { key: &'a PublicKey },
    /// An authority's below another.
    Intermediate { issuer: &'a IssuerCertificate, key: &'a PublicKey, constraints: &'a Constraints },
}

/// A certificate under examination.
struct Linted<'a> {
    tbs: &'a Tbs<'a>,
    expected: &'a Expected<'a>,
    /// The alternative names, or what is wrong with one of them.
    names: Result<Vec<SubjectName>, String>,
}

impl<'a> Expected<'a> {
    const fn issuer(&self) -> Option<&'a IssuerCertificate> {
        match self {
            Self::Leaf { issuer, .. } | Self::Intermediate { issuer, .. } => Some(issuer),
            Self::Root { .. } => None,
        }
    }
    const fn key(&self) -> &'a PublicKey {
        match self {
            Self::Leaf { key, .. } | Self::Root { key } | Self::Intermediate { key, .. } => key,
        }
    }
    /// The key that will sign: the issuer's, a root's own.
    fn signing_key(&self) -> &'a PublicKey {
        self.issuer().map_or(self.key(), IssuerCertificate::public_key)
    }
    const fn is_leaf(&self) -> bool {
        matches!(self, Self::Leaf { .. })
    }
}

/// Runs every lint over the bytes that are to be signed.
pub(crate) fn certificate(tbs_der: &[u8], expected: &Expected<'_>) -> Result<(), LintError> {
    if tbs_der.len() > LARGEST_TBS && enforced!("lint.length") {
        return Err(unreadable(der::ErrorKind::Overlength.into()));
    }
    let tbs = Tbs::from_der(tbs_der).map_err(unreadable)?;
    let linted = Linted { tbs: &tbs, expected, names: names::read(&tbs) };
    let objection = |lint: &Lint| {
        let message = (lint.check)(&linted).err().filter(|_| enforced!("lint", lint.code))?;
        Some(Finding { code: lint.code, source: lint.source, message })
    };
    conclude(CERTIFICATE.iter().filter_map(objection).collect())
}

/// What was decided about was another kind of key than this one.
pub(crate) fn key_is_the_approved_kind(key: &PublicKey, approved: &Approved) -> Result<(), LintError> {
    if key.algorithm() == approved.key_algorithm() || !enforced!("lint.approved-key") {
        return Ok(());
    }
    let message = format!("{} was approved, the key is {}", approved.key_algorithm().as_str(), key.algorithm().as_str());
    conclude(vec![Finding { code: "approved-key", source: "Chancery I3", message }])
}

/// Covers whatever the strict reader refuses: other encodings than DER, an extension twice, a version other than 3.
fn unreadable(error: der::Error) -> LintError {
    let message = format!("it cannot be read back: {error}");
    LintError { findings: vec![Finding { code: "encoding", source: "RFC 5280 sections 4.1 and 4.2; X.690 section 10", message }] }
}

fn conclude(findings: Vec<Finding>) -> Result<(), LintError> {
    if findings.is_empty() { Ok(()) } else { Err(LintError { findings }) }
}

/// `Ok` if the rule holds.
fn rule(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}
