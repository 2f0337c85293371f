//! A file of any kind that is verified here: what it is, is seen from its beginning, and each kind has one way to be verified.

use crate::bundle::{KIND, LONGEST_BUNDLE, verify_bundle};
use crate::report::{Findings, Report, Said, Verdict};
use crate::trust::Known;
use chancery_domain::signature::DigestAlgorithm;
use chancery_domain::{Timestamp, enforced};
use chancery_formats::{Problem, Trust, Verified, authenticode, cms, dsse, in_toto, jar, jws, pades, sigstore};
use chancery_x509::hash::digest;
use chancery_x509::pem;
use chancery_x509::{CertificateSummary, Purpose};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::io::{self, Read, Seek};

/// What certificates of signers are good for.
pub(crate) const PURPOSES: &[Purpose] = &[Purpose::CodeSigning, Purpose::DocumentSigning, Purpose::EmailProtection];

/// What a file is verified with.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// What is trusted; without it a file can be consistent at most.
    pub known: Option<&'a Known>,
    /// What a detached signature is over, or what a statement is to be about.
    pub content: Option<&'a [u8]>,
    /// Certificates, DER, for kinds of files that name none; believed in nothing.
    pub certificates: &'a [Vec<u8>],
    /// When certificates must hold where no timestamp says.
    pub at: Timestamp,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bundle,
    Jws,
    Cms,
    Dsse,
    Sigstore,
}

/// What of a JSON file tells its kind.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    #[serde(rename = "payloadType")]
    payload_type: Option<String>,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    /// Of a JWS with one signature.
    protected: Option<IgnoredAny>,
    /// Of one with several; of an envelope, too.
    signatures: Option<IgnoredAny>,
}

/// Says of a file what it is worth.
///
/// # Errors
/// If it cannot be read.
pub fn verify(file: &mut (impl Read + Seek), given: &Given<'_>) -> io::Result<Report> {
    let report = look(file, given)?;
    Ok(in_no_log(report, given).in_plain_text())
}

fn look(file: &mut (impl Read + Seek), given: &Given<'_>) -> io::Result<Report> {
    let (mut head, mut bytes) = (Vec::new(), Vec::new());
    file.take(4).read_to_end(&mut head)?;
    file.rewind()?;
    // Archives may be long, and are read piece by piece.
    if head == *b"PK\x03\x04" {
        return Ok(by_itself(told("JAR", given, jar::verify(file, &trust(given), given.at)), given));
    }
    if head.starts_with(b"MZ") {
        return Ok(by_itself(told("Windows program", given, authenticode::verify(file, &trust(given), given.at)), given));
    }
    if head == *b"%PDF" {
        return Ok(by_itself(verify_pdf(file, given), given));
    }
    // One byte more than is looked at, so that what is too long is seen to be.
    let longest = LONGEST_BUNDLE.max(jws::LONGEST).max((cms::LARGEST + cms::LARGEST_ENVELOPE) / 2 * 3);
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(match kind(&bytes) {
        Some(Kind::Bundle) => verify_bundle(&bytes, given.known, given.content),
        Some(Kind::Jws) => {
            let verified = jws::verify(bytes.trim_ascii_end(), given.content, &trust(given), PURPOSES, given.at);
            let others = verified.as_ref().map(|jws| jws.others.iter().map(|other| other.subject.clone()).collect()).unwrap_or_default();
            let mut report = told("JSON Web Signature", given, verified.map(|jws| jws.signature));
            report.said.extend(Vec::into_iter(others).map(|text| Said { label: "signed as well by", text }));
            report
        }
        Some(Kind::Cms) => told("CMS SignedData", given, verify_cms(&bytes, given)),
        Some(Kind::Sigstore) => {
            let trust = trust(given);
            let wish = sigstore::Wish { trust: &trust, certificates: given.certificates, purposes: PURPOSES, at: given.at };
            let verified = sigstore::verify(&bytes, given.content.map(sigstore::Artifact::Bytes), &wish);
            told("Sigstore bundle", given, verified.map(|bundle| bundle.signature))
        }
        Some(Kind::Dsse) => verify_dsse(&bytes, given),
        None => {
            let mut findings = Findings::of("file");
            findings.fault(
                "form",
                "of no kind that is verified here: evidence bundles (JSON), JSON Web Signatures, CMS SignedData (DER or PEM), DSSE envelopes, Sigstore bundles, JARs, PDFs and Windows programs are",
            );
            findings.report(false)
        }
    })
}

/// A file that has its content in itself is about no other: whoever gave one expects that it was compared.
fn by_itself(mut report: Report, given: &Given<'_>) -> Report {
    if given.content.is_some() && enforced!("verify.by-itself") {
        report.verdict = Verdict::Invalid;
        report.faults.push(Problem::new("content", "a file of this kind has its content in itself: leave the other one out").into());
    }
    report
}

/// Only bundles stand in logs: whoever gave a checkpoint expects that the file was compared with it.
fn in_no_log(mut report: Report, given: &Given<'_>) -> Report {
    let kept = given.known.is_some_and(|known| !known.kept.checkpoints.is_empty());
    if kept && report.kind != KIND && enforced!("verify.in-no-log") {
        report.verdict = Verdict::Invalid;
        report.faults.push(Problem::new("kept", "a file of this kind stands in no log: leave the checkpoint out").into());
    }
    report
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        let head: Head = serde_json::from_slice(bytes).ok()?;
        let bundle = head.format.filter(|format| format.starts_with("chancery-evidence/")).map(|_| Kind::Bundle);
        let sigstore = head.media_type.filter(|kind| kind.starts_with("application/vnd.dev.sigstore.bundle")).map(|_| Kind::Sigstore);
        let envelope = head.payload_type.map(|_| Kind::Dsse);
        return bundle.or(sigstore).or(envelope).or(head.protected.or(head.signatures).map(|_| Kind::Jws));
    }
    if bytes.first() == Some(&0x30) || pem::is_pem(bytes) {
        return Some(Kind::Cms);
    }
    let compact = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = bytes.trim_ascii_end();
    (bytes.iter().all(compact) && bytes.iter().filter(|byte| **byte == b'.').count() == 2).then_some(Kind::Jws)
}

fn verify_cms(bytes: &[u8], given: &Given<'_>) -> Result<Verified, Vec<Problem>> {
    let one = |code, message: &str| vec![Problem::new(code, message)];
    let blocks = if pem::is_pem(bytes) {
        let text = std::str::from_utf8(bytes).map_err(|_| one("form", "the PEM is no text"))?;
        let blocks = pem::decode(text).map_err(|error| one("form", &error.to_string()))?;
        Some(blocks.into_iter().filter(|block| matches!(block.label.as_str(), "CMS" | "PKCS7")).collect::<Vec<_>>())
    } else {
        None
    };
    let der = match blocks.as_deref() {
        None => bytes,
        Some([only]) => only.der.as_slice(),
        Some(_) => return Err(one("form", "not one PEM block CMS or PKCS7")),
    };
    let detached = match given.content {
        None => None,
        Some(content) => Some(digest(cms::digest_algorithm(der).map_err(|problem| vec![problem])?, content)),
    };
    cms::verify(der, detached.as_ref(), &trust(given), given.at)
}

/// Of several signatures the last covers the whole file.
fn verify_pdf(file: &mut (impl Read + Seek), given: &Given<'_>) -> Report {
    let mut revisions = match pades::verify(file, &trust(given), given.at) {
        Ok(revisions) => revisions,
        Err(problems) => return told("PDF", given, Err(problems)),
    };
    let last = revisions.pop().map(|revision| revision.verified);
    let mut report = told("PDF", given, last.ok_or_else(unsigned));
    report.said.extend(revisions.into_iter().map(|revision| Said { label: "signed before by", text: revision.verified.subject }));
    report
}

/// An envelope names no certificates: its signer must be one of the trusted keys, or come with a certificate.
fn verify_dsse(bytes: &[u8], given: &Given<'_>) -> Report {
    let trust = trust(given);
    let wish = dsse::Wish { trust: &trust, certificates: given.certificates, purposes: PURPOSES, threshold: 1, at: given.at };
    let verified = dsse::verify(bytes, &wish);
    let (mut statement, mut other) = (None, false);
    if let Ok(envelope) = &verified {
        match envelope.payload_type == in_toto::PAYLOAD_TYPE {
            true => statement = Some(in_toto::Statement::of(envelope)),
            false => other = given.content.is_some_and(|content| content != envelope.payload),
        }
    }
    let mut report =
        told("DSSE envelope", given, verified.and_then(|envelope| envelope.signatures.into_iter().next().ok_or_else(unsigned)));
    if other && enforced!("verify.payload") {
        report.verdict = Verdict::Invalid;
        report.faults.push(Problem::new("content", "what was signed is not the content that was given").into());
    }
    match statement {
        None => {}
        Some(Err(problems)) => {
            report.verdict = Verdict::Invalid;
            report.faults.extend(problems.into_iter().map(Into::into));
        }
        Some(Ok(statement)) => {
            report.said.push(Said { label: "statement", text: statement.predicate_type.clone() });
            let digests = |subject: &in_toto::Subject| subject.digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let subject = |subject: &in_toto::Subject| Said { label: "subject", text: format!("{}, {}", subject.name, digests(subject)) };
            report.said.extend(statement.subjects.iter().map(subject));
            let about = |content: &&[u8]| DigestAlgorithm::ALL.iter().any(|kind| statement.subject(&digest(*kind, content)).is_some());
            if given.content.is_some_and(|content| !about(&content)) && enforced!("verify.subject") {
                report.verdict = Verdict::Invalid;
                report.faults.push(Problem::new("subject", "the statement is not about the content that was given").into());
            }
        }
    }
    report
}

fn unsigned() -> Vec<Problem> {
    vec![Problem::new("unsigned", "nobody signed it")]
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
