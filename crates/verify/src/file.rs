//! A file of any kind that is verified here: what it is, is seen from its beginning, and each kind has one way to be verified.

use crate::bundle::{LONGEST_BUNDLE, verify_bundle};
use crate::report::{Findings, Report};
use crate::trust::Known;
use chancery_domain::Timestamp;
use chancery_formats::{Problem, Trust, Verified, jws};
use chancery_x509::{CertificateSummary, Purpose};
use serde::Deserialize;
use std::io::{self, Read, Seek};

/// What certificates of signers are good for.
pub(crate) const PURPOSES: &[Purpose] = &[Purpose::CodeSigning, Purpose::DocumentSigning, Purpose::EmailProtection];

/// What a file is verified with.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// What is trusted; without it a file can be consistent at most.
    pub known: Option<&'a Known>,
    /// What a detached signature is over.
    pub content: Option<&'a [u8]>,
    /// When certificates must hold where no timestamp says.
    pub at: Timestamp,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bundle,
    Jws,
}

/// What of a JSON file tells its kind.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
}

/// Says of a file what it is worth.
///
/// # Errors
/// If it cannot be read.
pub fn verify(file: &mut (impl Read + Seek), given: &Given<'_>) -> io::Result<Report> {
    let mut bytes = Vec::new();
    // One byte more than is looked at, so that what is too long is seen to be.
    let most = u64::try_from(LONGEST_BUNDLE.max(jws::LONGEST)).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(match kind(&bytes) {
        Some(Kind::Bundle) => verify_bundle(&bytes, given.known),
        Some(Kind::Jws) => {
            let verified = jws::verify(bytes.trim_ascii_end(), given.content, &trust(given), PURPOSES, given.at);
            told("JSON Web Signature", given, verified.map(|jws| jws.signature))
        }
        None => {
            let mut findings = Findings::of("file");
            findings.fault("form", "of no kind that is verified here: evidence bundles (JSON) and compact JSON Web Signatures are");
            findings.report(false)
        }
    })
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        let head: Head = serde_json::from_slice(bytes).ok()?;
        return head.format.filter(|format| format.starts_with("chancery-evidence/")).map(|_| Kind::Bundle);
    }
    let compact = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = bytes.trim_ascii_end();
    (bytes.iter().all(compact) && bytes.iter().filter(|byte| **byte == b'.').count() == 2).then_some(Kind::Jws)
}

fn trust(given: &Given<'_>) -> Trust {
    given.known.map(|known| known.certificates.clone()).unwrap_or_default()
}

/// What is said of a signature that a format verified.
fn told(kind: &'static str, given: &Given<'_>, verified: Result<Verified, Vec<Problem>>) -> Report {
    let mut findings = Findings::of(kind);
    match verified {
        Err(problems) => problems.into_iter().for_each(|problem| findings.fault(problem.code, problem.message)),
        Ok(verified) => {
            findings.say("signed", verified.digest.to_string());
            findings.say("by", verified.subject);
            if let Some(root) = verified.chain.last().and_then(|der| CertificateSummary::from_der(der).ok()) {
                findings.say("root", root.subject);
            }
            findings.say("algorithm", verified.algorithm.as_str());
            if let Some(claimed) = verified.claimed_at {
                findings.say("claimed time", claimed.to_string());
            }
            if let Some(timestamp) = verified.timestamp {
                findings.say("timestamp", format!("{} by {}", timestamp.at, timestamp.subject));
            }
            findings.say("judged at", verified.judged_at.to_string());
        }
    }
    findings.report(given.known.is_some())
}
