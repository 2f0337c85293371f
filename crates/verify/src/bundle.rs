//! An evidence bundle, verified: proofs first, then what the act says, then what came of it.

use crate::proofs::{self, Event};
use crate::report::{Findings, Report};
use crate::signatures;
use crate::trust::Known;
use chancery_domain::enforced;
use chancery_evidence::{BUNDLE, Bundle, View};
use serde_json::Value;

/// What reports call it.
pub(crate) const KIND: &str = "evidence bundle";
/// A longer bundle is not read.
pub const LONGEST_BUNDLE: usize = 16 << 20;
/// Most events and checkpoints of a bundle.
const MOST_EVENTS: usize = 1000;

/// Verifies a bundle against what is trusted; without that it can only be found consistent.
pub fn verify_bundle(bytes: &[u8], known: Option<&Known>) -> Report {
    let mut findings = Findings::of(KIND);
    if let Some(bundle) = read(&mut findings, bytes) {
        look(&mut findings, &bundle, known);
    }
    findings.report(known.is_some())
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

fn look(findings: &mut Findings, bundle: &Bundle, known: Option<&Known>) {
    findings.say("tenant", bundle.tenant.to_string());
    let keys = known.map(|known| known.log_keys(bundle.tenant));
    let mut logs = Vec::new();
    for note in &bundle.checkpoints {
        let Some(log) = proofs::checkpoint(findings, note, keys.as_deref(), "the tenant's") else { return };
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
    if let Some(platform) = &bundle.platform {
        // Without the act's checkpoint the act is refused above.
        if let Some(log) = logs.get(bundle.act.checkpoint) {
            proofs::platform(findings, platform, log, keys.as_deref(), known.and_then(|known| known.platform.as_ref()));
        }
    } else if known.is_some_and(|known| known.platform.as_ref().is_some_and(|platform| platform.cosignatures > 0))
        && enforced!("verify.platform")
    {
        findings.fault("platform", "the trust file asks for witnesses, and the bundle does not say where the platform's log has it");
    }
    let Some(act) = act else {
        if bundle.act.opened.is_none() {
            findings.fault("event", "the act is not opened: the bundle says nothing of what was done");
        }
        return;
    };
    tell(findings, &act);
    rules(findings, bundle, &act, &lineage);
    signatures::verify(findings, bundle, &act, known);
    taken_back(findings, &act, &later);
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

/// The version of the policy that decided must stand in the log, before the act, where the view shows what the act rests upon.
fn rules(findings: &mut Findings, bundle: &Bundle, act: &Event, lineage: &[Event]) {
    let Some(version) = act.detail().get("policy_version").and_then(Value::as_i64) else { return };
    let (field, name) = match (act.told("signer"), act.told("profile")) {
        (Some(signer), _) => ("signer", signer),
        (None, Some(profile)) => ("profile", profile),
        (None, None) => return,
    };
    if bundle.view == View::Partner {
        findings.say("policy", format!("{name}, version {version}, not disclosed in this view"));
        return;
    }
    let said = |told: &Value| {
        told.get(field).and_then(Value::as_str) == Some(name)
            && told.get("version").and_then(Value::as_i64) == Some(version)
            && told.get("content").is_some()
    };
    // With a tenant come its first profiles, all by one event.
    let first = |event: &Event| event.detail().get("profiles").and_then(Value::as_array).is_some_and(|all| all.iter().any(said));
    match lineage.iter().find(|event| said(event.detail()) || first(event)) {
        Some(event) => findings.say("policy", format!("{name}, version {version}, in force since {}", event.text("at"))),
        None if enforced!("verify.policy") => {
            findings.fault("policy", format!("version {version} of {name}, under which it was decided, is not among the events"));
        }
        None => {}
    }
}

/// A withdrawal or revocation after the act.
fn taken_back(findings: &mut Findings, act: &Event, later: &[Event]) {
    let same =
        |event: &&Event| ["signature", "certificate"].iter().any(|field| act.told(field).is_some() && act.told(field) == event.told(field));
    for event in later {
        if !same(&event) && enforced!("verify.later") {
            findings.fault("later", format!("{} is about something else", event.text("act")));
        } else if event.text("act") == "signature.withdraw" && enforced!("verify.withdrawn") {
            findings.fault(
                "withdrawn",
                format!("the signature was withdrawn at {}: {}", event.text("at"), event.told("reason").unwrap_or("no reason given")),
            );
        } else {
            findings.say("later", format!("{} at {}", event.text("act"), event.text("at")));
        }
    }
}
