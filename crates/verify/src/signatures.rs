//! What an act made: the chain that the event names, and the signatures that the event has the fingerprints of.

use crate::file::PURPOSES;
use crate::proofs::Event;
use crate::report::Findings;
use crate::timestamps;
use crate::trust::Known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::{Digest, DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_domain::{Timestamp, enforced};
use chancery_evidence::{Bundle, SignatureEvidence, View};
use chancery_x509::hash::digest;
use chancery_x509::path::{PathWish, find_path};
use chancery_x509::{CertificateSummary, Crl, PublicKey, Purpose};
use serde_json::Value;

/// Chain and signatures against the act.
pub(crate) fn verify(findings: &mut Findings, bundle: &Bundle, act: &Event, known: Option<&Known>, content: Option<&[u8]>) {
    let (Some(chain), Some(lists)) = (decoded(&bundle.chain), decoded(&bundle.revocation)) else {
        findings.fault("form", "a certificate or list is no base64");
        return;
    };
    let Ok(at) = Timestamp::parse(act.text("at")) else {
        findings.fault("event", "the act has no time");
        return;
    };
    let done = act.text("outcome") == "done";
    let signs = done && act.text("act") == "signature.create";
    let certified = signs || done && matches!(act.text("act"), "certificate.issue" | "certificate.renew" | "certificate.import");
    if certified && chain.is_empty() && enforced!("verify.chain-there") {
        findings.fault("chain", "the certificates that the act names are not there");
        return;
    }
    if !chain.is_empty() && !certificates(findings, act, &chain, &lists, at, known) {
        return;
    }
    let documents = act.detail().get("documents").and_then(Value::as_array).map(Vec::as_slice).filter(|_| signs).unwrap_or_default();
    if documents.len() != bundle.signatures.len() && enforced!("verify.signatures") {
        findings.fault("signature", format!("{} signatures, the act made {}", bundle.signatures.len(), documents.len()));
        return;
    }
    for (number, (evidence, document)) in bundle.signatures.iter().zip(documents).enumerate() {
        if evidence.value.is_none() && bundle.view != View::Auditor && enforced!("verify.value") {
            findings.fault("signature", format!("signature {number} is not there, and its reader may see it"));
            return;
        }
        let made = one(findings, number, evidence, document, act, &chain);
        if let Some((token, imprint)) = made {
            timestamps::made(findings, &token, &imprint, &lists, act, known);
        }
    }
    if let Some(content) = content {
        let prints = DigestAlgorithm::ALL.map(|kind| digest(kind, content).to_string());
        let about =
            |document: &Value| document.get("digest").and_then(Value::as_str).is_some_and(|told| prints.iter().any(|print| print == told));
        if !documents.iter().any(about) && enforced!("verify.content") {
            findings.fault("content", "the act is not about the content that was given");
        }
    }
}

/// Whether these are the certificates that the act names, led to a root, and were in force.
fn certificates(findings: &mut Findings, act: &Event, chain: &[Vec<u8>], lists: &[Vec<u8>], at: Timestamp, known: Option<&Known>) -> bool {
    let prints: Vec<_> = chain.iter().map(|der| hex::encode(digest(DigestAlgorithm::Sha256, der).as_bytes())).collect();
    // Of a certificate that was issued the act names it alone; those above it are shown by their signatures.
    let same = match act.detail().get("chain").and_then(Value::as_array) {
        Some(named) => named.iter().filter_map(Value::as_str).eq(prints.iter().map(String::as_str)),
        None => act.told("sha256") == prints.first().map(String::as_str),
    };
    if !same && enforced!("verify.chain") {
        findings.fault("chain", "the certificates are not those that the act names");
        return false;
    }
    let Some((leaf, rest)) = chain.split_first() else { return false };
    let Ok(summary) = CertificateSummary::from_der(leaf) else {
        findings.fault("chain", "the certificate cannot be read");
        return false;
    };
    findings.say("certificate", format!("{}, issued by {}", summary.subject, summary.issuer));
    let Some(known) = known else { return true };
    if act.text("act") == "certificate.import" {
        findings.say("issuer", "elsewhere: it was taken in, and its chain was not judged");
        return true;
    }
    let signs = act.text("act") == "signature.create";
    let (trusted, purposes): (_, &[Purpose]) = match (signs, act.told("format").and_then(Format::from_name)) {
        (true, Some(Format::Timestamp)) => (&known.certificates.timestamp_roots, &[Purpose::TimeStamping]),
        (true, _) => (&known.certificates.roots, PURPOSES),
        (false, _) => (&known.certificates.roots, &[]),
    };
    let (pool, roots): (Vec<_>, Vec<_>) = (rest.iter().map(Vec::as_slice).collect(), trusted.iter().map(Vec::as_slice).collect());
    let wish = PathWish { leaf, pool: &pool, roots: &roots, at, purposes };
    let path = if signs { find_path(&wish).map(|path| path.iter().map(|der| der.to_vec()).collect()) } else { any_purpose(&wish) };
    let Some(path) = findings.check(path) else { return false };
    findings.say("root", CertificateSummary::from_der(path.last().map_or(&[], Vec::as_slice)).map(|root| root.subject).unwrap_or_default());
    not_revoked(findings, &path, lists, &known.certificates.crls, at)
}

/// Whether the lists of a bundle tell that no certificate of a path was revoked before this time, and tell of nothing else.
pub(crate) fn not_revoked(findings: &mut Findings, path: &[Vec<u8>], own: &[Vec<u8>], given: &[Vec<u8>], at: Timestamp) -> bool {
    let issuers = path.get(1..).unwrap_or_default();
    let read = |der: &Vec<u8>| Crl::from_der(der).ok().filter(|list| issuers.iter().any(|issuer| list.is_signed_by(issuer)));
    if !own.iter().all(|der| read(der).is_some()) {
        findings.fault("revocation", "a revocation list cannot be read, or is of no issuer of this path");
        return false;
    }
    path.windows(2).all(|pair| match pair {
        [certificate, issuer] => revocation(findings, (certificate, issuer), own, given, at),
        _ => true,
    })
}

/// A path for a certificate that need not sign anything.
fn any_purpose(wish: &PathWish<'_>) -> Result<Vec<Vec<u8>>, chancery_x509::Problem> {
    let tried = wish.roots.iter().find(|root| chancery_x509::verify_chain(wish.leaf, wish.pool, root, wish.at).is_ok());
    let root = tried
        .ok_or_else(|| chancery_x509::Problem::new("untrusted", "the chain leads to none of the trusted roots, or did not hold then"))?;
    Ok(std::iter::once(wish.leaf).chain(wish.pool.iter().copied()).chain(std::iter::once(*root)).map(<[u8]>::to_vec).collect())
}

/// Whether its issuer's list, of its own address and in force at the act or made after it, names it as revoked before the act. Lists that
/// the reader brought count like those of the bundle.
fn revocation(findings: &mut Findings, (certificate, issuer): (&[u8], &[u8]), own: &[Vec<u8>], given: &[Vec<u8>], at: Timestamp) -> bool {
    let Ok(summary) = CertificateSummary::from_der(certificate) else { return false };
    let covers = |list: &Crl| {
        let scope = list.distribution_point_url().is_none_or(|url| summary.crl_urls.iter().any(|own| own == url));
        scope && list.is_signed_by(issuer)
    };
    let lists: Vec<_> = own.iter().chain(given).filter_map(|der| Crl::from_der(der).ok()).filter(covers).collect();
    let in_force = |list: &&Crl| list.next_update() >= at;
    if !lists.iter().any(|list| in_force(&list)) && !summary.crl_urls.is_empty() && enforced!("verify.list") {
        let message = format!("no revocation list that was in force at {at} tells of {}: give it with --crl", summary.subject);
        findings.fault("revocation", message);
        return false;
    }
    let told = |list: &Crl| list.entries().iter().find(|entry| Some(entry.serial) == summary.serial).copied();
    if let Some(entry) = lists.iter().find_map(told) {
        if entry.revoked_at <= at && enforced!("verify.revoked") {
            findings.fault("revoked", format!("{} was revoked at {}, before the act", summary.subject, entry.revoked_at));
            return false;
        }
        findings.say("revoked later", format!("{}, {}", entry.revoked_at, entry.reason.as_str()));
    }
    if let Some(list) = lists.iter().max_by_key(|list| list.this_update()) {
        findings.say("revocation", format!("{} not revoked before the act, by the list of {}", summary.subject, list.this_update()));
    }
    true
}

/// One signature: the act has its fingerprint and its digest, and the key made it. A timestamp comes back with what it is over.
fn one(
    findings: &mut Findings,
    number: usize,
    evidence: &SignatureEvidence,
    document: &Value,
    act: &Event,
    chain: &[Vec<u8>],
) -> Option<(Vec<u8>, Digest)> {
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    if evidence.digest != text("digest") && enforced!("verify.digest") {
        findings.fault("digest", format!("signature {number}: it is of another document than the act's"));
        return None;
    }
    let name = document.get("name").and_then(Value::as_str).map(|name| format!("{name}, ")).unwrap_or_default();
    findings.say("signed", format!("{name}{}", evidence.digest));
    let Some(value) = &evidence.value else { return None };
    let Ok(value) = STANDARD.decode(value) else {
        findings.fault("form", format!("signature {number} is no base64"));
        return None;
    };
    if digest(DigestAlgorithm::Sha256, &value).to_string() != text("signature") && enforced!("verify.fingerprint") {
        findings.fault("fingerprint", format!("signature {number} is not the one that the act made"));
        return None;
    }
    let algorithm = act.told("algorithm").and_then(SignatureAlgorithm::from_name);
    let format = act.told("format").and_then(Format::from_name);
    let (Some(algorithm), Some(format), Ok(digest)) = (algorithm, format, evidence.digest.parse::<Digest>()) else {
        findings.fault("event", format!("signature {number}: the act names no kind of signature that is known"));
        return None;
    };
    if format == Format::Timestamp {
        return Some((value, digest));
    }
    if format != Format::Raw || algorithm.digest().is_none() {
        // Other forms hold their own content; they are verified as files. That this is what was given out is shown above.
        return None;
    }
    let key = chain
        .first()
        .and_then(|leaf| CertificateSummary::from_der(leaf).ok())
        .and_then(|leaf| PublicKey::from_spki_der(&leaf.spki_der).ok());
    match key {
        Some(key) if key.verify_digest_as(algorithm, &digest, &value).is_ok() || !enforced!("verify.signature") => {
            findings.say("signature", format!("{}, holds", algorithm.as_str()));
        }
        Some(_) => findings.fault("signature", format!("signature {number} was not made by the certificate's key")),
        None => findings.fault("signature", format!("signature {number} comes without a certificate")),
    }
    None
}

pub(crate) fn decoded(texts: &[String]) -> Option<Vec<Vec<u8>>> {
    texts.iter().map(|text| STANDARD.decode(text).ok()).collect()
}
