//! An evidence bundle, verified: proofs first, then what the act says, then what came of it.

use crate::proofs::{self, Event};
use crate::report::{Findings, Report};
use crate::trust::Known;
use crate::{rules, signatures, timestamps};
use chancery_domain::enforced;
use chancery_evidence::{BUNDLE, Bundle, Checkpoint};
use serde_json::Value;

/// What reports call it.
pub(crate) const KIND: &str = "evidence bundle";
/// A longer bundle is not read.
pub const LONGEST_BUNDLE: usize = 16 << 20;
/// Most events and checkpoints of a bundle.
const MOST_EVENTS: usize = 1000;

/// Verifies a bundle against what is trusted, without which it can only be found consistent; and that it is about this content, if there
/// is any.
pub fn verify_bundle(bytes: &[u8], known: Option<&Known>, content: Option<&[u8]>) -> Report {
    let mut findings = Findings::of(KIND);
    if let Some(bundle) = read(&mut findings, bytes) {
        look(&mut findings, &bundle, known, content);
    }
    findings.report(known.is_some()).in_plain_text()
}

fn read(findings: &mut Findings, bytes: &[u8]) -> Option<Bundle> {
    if bytes.len() > LONGEST_BUNDLE {
        findings.fault("bounds", format!("longer than {LONGEST_BUNDLE} bytes"));
        return None;
    }
    let bundle: Bundle = match serde_json::from_slice(bytes) {
        Ok(bundle) => bundle,
        Err(error) => {
            findings.fault("form", format!("not an evidence bundle: {error}"));
            return None;
        }
    };
    if bundle.format != BUNDLE {
        findings.fault("form", format!("its format is {:?}; this version reads {BUNDLE}", bundle.format));
        return None;
    }
    if bundle.lineage.len() + bundle.later.len() + bundle.checkpoints.len() > MOST_EVENTS {
        findings.fault("bounds", format!("more than {MOST_EVENTS} events and checkpoints"));
        return None;
    }
    Some(bundle)
}

fn look(findings: &mut Findings, bundle: &Bundle, known: Option<&Known>, content: Option<&[u8]>) {
    findings.say("tenant", bundle.tenant.to_string());
    let keys = known.map(|known| known.log_keys(bundle.tenant));
    let mut logs = Vec::new();
    for note in &bundle.checkpoints {
        let Some(log) = proofs::checkpoint(findings, note, keys.as_deref(), "the tenant's") else { return };
        // Two faces of one log could each have a part of what is claimed.
        if logs.iter().any(|other: &Checkpoint| other.origin == log.origin) && enforced!("verify.one-face") {
            findings.fault("checkpoint", format!("two checkpoints of the log {}", log.origin));
            return;
        }
        findings.say("log", format!("{}, {} events", log.origin, log.size));
        logs.push(log);
    }
    let act = proofs::event(findings, "the act", &bundle.act, &logs, bundle.tenant);
    let mut events = |what: &str, from: &[chancery_evidence::EventProof]| -> Vec<Event> {
        let one = |(number, proof)| proofs::event(findings, &format!("{what} {number}"), proof, &logs, bundle.tenant);
        from.iter().enumerate().filter_map(one).collect()
    };
    let lineage = events("lineage", &bundle.lineage);
    let later = events("later event", &bundle.later);
    let given = bundle.timestamps.as_ref();
    let given = given.and_then(|timestamps| proofs::event(findings, "the timestamps", &timestamps.act, &logs, bundle.tenant));
    let mut compared = logs.clone();
    if let Some(platform) = &bundle.platform {
        // Without the act's checkpoint the act is refused above.
        if let Some(log) = logs.get(bundle.act.checkpoint) {
            let known = known.and_then(|known| known.platform.as_ref());
            compared.extend(proofs::platform(findings, platform, log, keys.as_deref(), known));
        }
    } else if known.is_some_and(|known| known.platform.as_ref().is_some_and(|platform| platform.cosignatures > 0))
        && enforced!("verify.platform")
    {
        findings.fault("platform", "the trust file asks for witnesses, and the bundle does not say where the platform's log has it");
    }
    if let Some(known) = known {
        let platform = known.platform.iter().flat_map(|platform| platform.keys.clone());
        let keys: Vec<_> = keys.into_iter().flatten().chain(platform).collect();
        known.kept.compare(findings, &compared, &keys);
    }
    let Some(act) = act else {
        if bundle.act.opened.is_none() {
            findings.fault("event", "the act is not opened: the bundle says nothing of what was done");
        }
        return;
    };
    tell(findings, &act);
    rules::rests_upon(findings, bundle.view, &act, &lineage);
    rules::versions(findings, bundle.view, &act, &lineage);
    signatures::verify(findings, bundle, &act, known, content);
    timestamps::verify(findings, bundle, &act, given.as_ref(), known);
    rules::taken_back(findings, &act, &later);
}

/// What was done, by whom, when.
fn tell(findings: &mut Findings, act: &Event) {
    findings.say("act", act.text("act"));
    findings.say("at", act.text("at"));
    let actor = act.value.get("actor");
    let of = |field| actor.and_then(|actor| actor.get(field)).and_then(Value::as_str).unwrap_or_default();
    findings.say("by", if of("name").is_empty() { of("kind").to_owned() } else { format!("{} ({})", of("name"), of("id")) });
    findings.say("outcome", act.text("outcome"));
}
