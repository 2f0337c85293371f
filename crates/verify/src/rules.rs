//! What the act rests upon, and what took it back: other events, each in its place before or after it.

use crate::proofs::Event;
use crate::report::Findings;
use chancery_domain::enforced;
use chancery_evidence::View;
use serde_json::Value;

/// The version of the policy that decided, and the making of the signer's key, must stand in the log before the act, where the view shows
/// what it rests upon. Of a refusal the version is told alone.
pub(crate) fn rests_upon(findings: &mut Findings, view: View, act: &Event, lineage: &[Event]) {
    let Some(version) = act.number("policy_version") else { return };
    let signs = act.text("act") == "signature.create";
    let field = if signs { "signer" } else { "profile" };
    let name = act.told(field).unwrap_or_default();
    if act.text("outcome") != "done" {
        findings.say("policy", format!("refused under version {version}"));
        return;
    }
    if view == View::Partner {
        findings.say("policy", format!("{name}, version {version}, not disclosed in this view"));
        return;
    }
    let before = || lineage.iter().filter(|event| event.text("outcome") == "done" && (event.is_before(act) || !enforced!("verify.order")));
    let said = |told: &Value| {
        told.get(field).and_then(Value::as_str) == Some(name)
            && told.get("version").and_then(Value::as_i64) == Some(version)
            && told.get("content").is_some()
            && (!signs || told.get("signer_id") == act.detail().get("signer_id"))
    };
    // With a tenant come its first profiles, all by one event.
    let first = |event: &Event| event.detail().get("profiles").and_then(Value::as_array).is_some_and(|all| all.iter().any(said));
    match before().find(|event| said(event.detail()) || first(event)) {
        Some(event) => findings.say("policy", format!("{name}, version {version}, in force since {}", event.text("at"))),
        None if enforced!("verify.policy") => {
            findings.fault("policy", format!("version {version} of {name}, under which it was decided, is not among the events"));
        }
        None => {}
    }
    if signs {
        let made = |event: &&Event| {
            matches!(event.text("act"), "signer.create" | "signer.roll")
                && ["signer_id", "chain"].iter().all(|field| event.detail().get(field) == act.detail().get(field))
                && event.number("version") == act.number("signer_version")
        };
        match before().find(made) {
            Some(event) => {
                findings.say("key", format!("version {} of {name}, since {}", event.number("version").unwrap_or(0), event.text("at")))
            }
            None if enforced!("verify.key") => findings.fault("key", "the making of the signer's key is not among the events"),
            None => {}
        }
    }
}

/// Which version of a document was signed, and the one before it, which must stand in the log before the act, where the view shows it.
pub(crate) fn versions(findings: &mut Findings, view: View, act: &Event, lineage: &[Event]) {
    let Some(own) = version(act) else { return };
    findings.say("document", format!("{}, version {}", own.name, own.number));
    let Some((number, digest)) = own.supersedes else { return };
    let before = |event: &&Event| {
        let is_it = version(event).is_some_and(|other| other.document == own.document && other.number == number);
        is_it && digests(event).any(|found| found == digest) && event.is_before(act)
    };
    match lineage.iter().find(before) {
        Some(event) => findings.say("supersedes", format!("version {number}, {digest}, signed at {}", event.text("at"))),
        None if view == View::Partner => findings.say("supersedes", format!("version {number}, {digest}")),
        None if enforced!("verify.version") => {
            findings.fault("version", format!("version {number}, which it supersedes, is not among the events"));
        }
        None => {}
    }
}

/// A version of a document, as its signing tells.
struct Version<'a> {
    document: &'a str,
    name: &'a str,
    number: i64,
    /// The number and the digest of the version before it.
    supersedes: Option<(i64, &'a str)>,
}

fn version(event: &Event) -> Option<Version<'_>> {
    let told = event.detail().get("version_of").filter(|_| event.text("act") == "signature.create")?;
    let number = |value: &Value| value.get("version").and_then(Value::as_i64);
    let before = told.get("supersedes");
    Some(Version {
        document: told.get("document")?.as_str()?,
        name: told.get("name")?.as_str()?,
        number: number(told)?,
        supersedes: before.and_then(number).zip(before.and_then(|before| before.get("digest")?.as_str())),
    })
}

fn digests(event: &Event) -> impl Iterator<Item = &str> {
    let documents = event.detail().get("documents").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    documents.iter().filter_map(|document| document.get("digest")?.as_str())
}

/// A later version of the same document: it takes nothing back, and whoever relies on this one should know of it.
fn superseded(act: &Event, event: &Event) -> Option<String> {
    let (own, other) = (version(act)?, version(event)?);
    let is_later = own.document == other.document && own.number < other.number;
    let digest = digests(event).next().unwrap_or_default();
    is_later.then(|| format!("by version {}, {digest}, signed at {}", other.number, event.text("at")))
}

/// A withdrawal or revocation after the act, or a later version.
pub(crate) fn taken_back(findings: &mut Findings, act: &Event, later: &[Event]) {
    let same =
        |event: &&Event| ["signature", "certificate"].iter().any(|field| act.told(field).is_some() && act.told(field) == event.told(field));
    for event in later {
        let name = event.text("act");
        let newer = superseded(act, event);
        if !same(&event) && newer.is_none() && enforced!("verify.later") {
            findings.fault("later", format!("{name} is about something else"));
        } else if !act.is_before(event) && enforced!("verify.later-order") {
            findings.fault("later", format!("{name} stands before the act"));
        } else if name == "signature.withdraw" && enforced!("verify.withdrawn") {
            let reason = event.told("reason").unwrap_or("no reason given");
            findings.fault("withdrawn", format!("the signature was withdrawn at {}: {reason}", event.text("at")));
        } else if let Some(newer) = newer {
            findings.say("superseded", newer);
        } else {
            findings.say("later", format!("{name} at {}", event.text("at")));
        }
    }
}
