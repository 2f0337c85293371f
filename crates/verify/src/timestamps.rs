//! Timestamps in what an act made: given by an act of their own before it, and held by whom the trust file names for it (THREATS 34).

use crate::proofs::Event;
use crate::report::Findings;
use crate::signatures::{decoded, not_revoked};
use crate::trust::Known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::{Digest, DigestAlgorithm, Format};
use chancery_domain::{Timestamp, enforced};
use chancery_evidence::{Bundle, TimestampEvidence};
use chancery_formats::Trust;
use chancery_formats::timestamp::{self, Imprint};
use chancery_x509::Problem;
use chancery_x509::hash::digest;
use serde_json::Value;
use std::time::Duration;

/// Between two looks a clock may be set back as much as its watch lets pass.
const SET_BACK: Duration = Duration::from_secs(1);

/// The timestamps of the act's signatures: those that it names, over those signatures, all of them.
pub(crate) fn verify(findings: &mut Findings, bundle: &Bundle, act: &Event, given: Option<&Event>, known: Option<&Known>) {
    let evidence = match (act.told("timestamps"), &bundle.timestamps) {
        (None, None) => return,
        (Some(_), Some(evidence)) => evidence,
        (Some(_), None) if enforced!("verify.timestamps-there") => {
            findings.fault("timestamp", "the timestamps that the act names are not there");
            return;
        }
        (None, Some(_)) if enforced!("verify.timestamps-named") => {
            findings.fault("timestamp", "there are timestamps, and the act names none");
            return;
        }
        _ => return,
    };
    let Some(given) = given else {
        // That it is not in the log is told already.
        if evidence.act.opened.is_none() {
            findings.fault("timestamp", "the act that gave the timestamps is not opened");
        }
        return;
    };
    if let Err(problem) = look(findings, bundle, evidence, act, given, known) {
        findings.fault(problem.code, problem.message);
    }
}

fn look(
    findings: &mut Findings,
    bundle: &Bundle,
    evidence: &TimestampEvidence,
    act: &Event,
    given: &Event,
    known: Option<&Known>,
) -> Result<(), Problem> {
    let wrong = |message: String| Problem::new("timestamp", message);
    let named = given.text("act") == "signature.create"
        && given.text("outcome") == "done"
        && given.told("format") == Some(Format::Timestamp.as_str())
        && given.told("signature") == act.told("timestamps");
    if !named && enforced!("verify.timestamps-act") {
        return Err(wrong("the timestamps are those of another act than the one that is named".to_owned()));
    }
    // Both may have come into the log at once, in whatever order.
    let (given_at, done) = (time(given)?, time(act)?);
    if given_at > done.after(SET_BACK) && enforced!("verify.timestamps-order") {
        return Err(wrong("the timestamps were given after the act that they are to be in".to_owned()));
    }
    let documents = given.detail().get("documents").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let signed = act.detail().get("documents").and_then(Value::as_array).map_or(0, Vec::len);
    if (evidence.tokens.len() != documents.len() || documents.len() != signed) && enforced!("verify.timestamps-all") {
        return Err(wrong(format!("{} timestamps, {} were given over {signed} signatures", evidence.tokens.len(), documents.len())));
    }
    let lists = decoded(&evidence.revocation).ok_or_else(|| Problem::new("form", "a list is no base64"))?;
    let tokens = decoded(&evidence.tokens).ok_or_else(|| Problem::new("form", "a timestamp is no base64"))?;
    for (number, (token, document)) in tokens.iter().zip(documents).enumerate() {
        let imprint = recorded(token, document).map_err(|message| wrong(format!("timestamp {number}: {message}")))?;
        over(bundle, act, number, &imprint).map_err(|message| wrong(format!("timestamp {number}: {message}")))?;
        if let Some(known) = known {
            one(findings, token, &imprint, &lists, act, known)?;
        }
    }
    Ok(())
}

/// The digest that the act says the token is over; and it is the very token that the act gave.
fn recorded(token: &[u8], document: &Value) -> Result<Digest, String> {
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    if digest(DigestAlgorithm::Sha256, token).to_string() != text("signature") && enforced!("verify.timestamps-print") {
        return Err("it is not the one that was given".to_owned());
    }
    text("digest").parse().map_err(|_| "its act names no digest".to_owned())
}

/// Whether that is the digest of the signature, where the view shows it.
fn over(bundle: &Bundle, act: &Event, number: usize, imprint: &Digest) -> Result<(), String> {
    let Some(value) = bundle.signatures.get(number).and_then(|signature| signature.value.as_ref()) else { return Ok(()) };
    let value = STANDARD.decode(value).map_err(|_| "its signature is no base64".to_owned())?;
    let format = act.told("format").and_then(Format::from_name).ok_or_else(|| "the act names no form".to_owned())?;
    let own = timestamp::imprint(format, &value, imprint.algorithm()).map_err(|problem| problem.message)?;
    if own == *imprint || !enforced!("verify.timestamps-over") { Ok(()) } else { Err("it is over another signature".to_owned()) }
}

/// The token by itself, at its own time, by whom the reader trusts with it; nothing else in the bundle makes an authority of anybody.
fn one(findings: &mut Findings, token: &[u8], imprint: &Digest, lists: &[Vec<u8>], act: &Event, known: &Known) -> Result<(), Problem> {
    let done = time(act)?;
    let crls = known.certificates.crls.iter().chain(lists).cloned().collect();
    let trust = Trust { timestamp_roots: known.certificates.timestamp_roots.clone(), crls, ..Trust::default() };
    let held = timestamp::verify(token, Imprint::Digest(imprint), &trust, done.after(SET_BACK));
    let witness = match held {
        Ok(witness) => witness,
        Err(problems) => {
            let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
            return Err(Problem::new("timestamp", format!("a timestamp does not hold: {}", told.join("; "))));
        }
    };
    if !not_revoked(findings, &witness.chain, lists, &known.certificates.crls, witness.at) {
        return Ok(());
    }
    findings.say("timestamp", format!("{} by {}", witness.at, witness.subject));
    Ok(())
}

fn time(event: &Event) -> Result<Timestamp, Problem> {
    Timestamp::parse(event.text("at")).map_err(|_| Problem::new("event", "an act has no time"))
}

/// A timestamp that is itself what the act made.
pub(crate) fn made(findings: &mut Findings, token: &[u8], imprint: &Digest, lists: &[Vec<u8>], act: &Event, known: Option<&Known>) {
    if let Some(known) = known
        && let Err(problem) = one(findings, token, imprint, lists, act, known)
    {
        findings.fault(problem.code, problem.message);
    }
}
