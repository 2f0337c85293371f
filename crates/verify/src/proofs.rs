//! Events in a log: the checkpoint is the log's, each leaf is in it, and what is opened is what the leaf commits to.

use crate::report::Findings;
use crate::trust::KnownPlatform;
use chancery_domain::{TenantId, Timestamp, enforced};
use chancery_evidence::{
    Checkpoint, EventProof, Hash, Note, OpenedEvent, Opening, PlatformProof, VerifierKey, canonical_value, verify_consistency,
    verify_inclusion,
};
use serde_json::Value;

/// An event that was opened, and stands in the log.
pub(crate) struct Event {
    pub(crate) value: Value,
    /// Which of the bundle's checkpoints, and where in its log.
    place: (usize, u64),
}

impl Event {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.value.get(field).and_then(Value::as_str).unwrap_or_default()
    }
    pub(crate) fn detail(&self) -> &Value {
        self.value.get("detail").unwrap_or(&Value::Null)
    }
    pub(crate) fn number(&self, field: &str) -> Option<i64> {
        self.detail().get(field).and_then(Value::as_i64)
    }
    /// By the place in the log; of two epochs by the time.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        let time = |event: &Self| Timestamp::parse(event.text("at")).ok();
        if self.place.0 == other.place.0 { self.place.1 < other.place.1 } else { time(self) <= time(other) }
    }
    pub(crate) fn told(&self, field: &str) -> Option<&str> {
        self.detail().get(field).and_then(Value::as_str)
    }
}

/// The checkpoint of a note that one of these keys signed; with no keys, whatever it says, and nobody vouches for it.
pub(crate) fn checkpoint(findings: &mut Findings, note: &str, keys: Option<&[VerifierKey]>, whose: &str) -> Option<Checkpoint> {
    let parsed = match Note::parse(note.as_bytes()) {
        Ok(parsed) => parsed,
        Err(error) => {
            findings.fault("checkpoint", format!("{whose} checkpoint: {error}"));
            return None;
        }
    };
    let claimed = match Checkpoint::parse(parsed.text()) {
        Ok(claimed) => claimed,
        Err(error) => {
            findings.fault("checkpoint", format!("{whose} checkpoint: {error}"));
            return None;
        }
    };
    let Some(keys) = keys else { return Some(claimed) };
    let Some(key) = keys.iter().find(|key| key.name() == claimed.origin).or_else(|| keys.first().filter(|_| !enforced!("verify.log")))
    else {
        findings.fault("log", format!("{whose} checkpoint is of the log {}, which the trust file does not name for it", claimed.origin));
        return None;
    };
    match Checkpoint::open(note.as_bytes(), key) {
        Ok(checkpoint) => Some(checkpoint),
        Err(_) if !enforced!("verify.checkpoint") => Some(claimed),
        Err(error) => {
            findings.fault("checkpoint", format!("{whose} checkpoint: {error}"));
            None
        }
    }
}

/// Whether the leaf stands in the log, and what it says if it is opened.
pub(crate) fn event(findings: &mut Findings, what: &str, proof: &EventProof, logs: &[Checkpoint], tenant: TenantId) -> Option<Event> {
    let Some(log) = logs.get(proof.checkpoint) else {
        findings.fault("proof", format!("{what}: the bundle has no checkpoint {}", proof.checkpoint));
        return None;
    };
    let (Some(leaf), Some(path)) = (hash(&proof.leaf), hashes(&proof.inclusion)) else {
        findings.fault("proof", format!("{what}: a hash is not 64 lower-case hexadecimal digits"));
        return None;
    };
    if let Err(error) = verify_inclusion(&path, proof.index, log.size, &leaf, &log.root)
        && enforced!("verify.inclusion")
    {
        findings.fault("inclusion", format!("{what}: it is not in the log at {}: {error}", proof.index));
        return None;
    }
    let place = (proof.checkpoint, proof.index);
    proof.opened.as_ref().and_then(|opened| open(findings, what, opened, &leaf, tenant, place))
}

fn open(findings: &mut Findings, what: &str, opened: &OpenedEvent, leaf: &Hash, tenant: TenantId, place: (usize, u64)) -> Option<Event> {
    let Some(salt) = hash(&opened.salt) else {
        findings.fault("event", format!("{what}: its salt is not 64 lower-case hexadecimal digits"));
        return None;
    };
    let opening = Opening { salt: &salt, canonical: opened.event.as_bytes() };
    if opening.leaf() != *leaf && enforced!("verify.leaf") {
        findings.fault("event", format!("{what}: what it is said to say is not what the log has"));
        return None;
    }
    let value: Value = match serde_json::from_str(&opened.event) {
        Ok(value) => value,
        Err(error) => {
            findings.fault("event", format!("{what}: it is no JSON: {error}"));
            return None;
        }
    };
    // One event, one text: no reader takes it for another.
    if canonical_value(&value).ok().as_deref() != Some(opened.event.as_bytes()) && enforced!("verify.canonical") {
        findings.fault("event", format!("{what}: its text is not canonical"));
        return None;
    }
    let event = Event { value, place };
    if event.text("tenant") != tenant.to_string() && enforced!("verify.tenant") {
        findings.fault("tenant", format!("{what}: it is of the tenant {}, not of {tenant}", event.text("tenant")));
        return None;
    }
    Some(event)
}

/// Whether the platform's log holds the tenant's checkpoint, or one that grew from it; the platform's checkpoint, if so.
pub(crate) fn platform(
    findings: &mut Findings,
    proof: &PlatformProof,
    log: &Checkpoint,
    own: Option<&[VerifierKey]>,
    known: Option<&KnownPlatform>,
) -> Option<Checkpoint> {
    let given = checkpoint(findings, &proof.note, own, "the tenant's published")?;
    if given.origin != log.origin && enforced!("verify.platform.origin") {
        findings.fault("platform.origin", "the published checkpoint is of another log than the bundle's");
        return None;
    }
    let Some(path) = hashes(&proof.consistency) else {
        findings.fault("platform", "a hash of the consistency proof is not 64 lower-case hexadecimal digits");
        return None;
    };
    if let Err(error) = verify_consistency(&path, log.size, &log.root, given.size, &given.root)
        && enforced!("verify.platform.consistency")
    {
        findings.fault("platform.consistency", format!("the published checkpoint did not grow from the bundle's: {error}"));
        return None;
    }
    let keys = known.map(|known| known.keys.as_slice());
    let platform = checkpoint(findings, &proof.checkpoint, keys, "the platform's")?;
    let Some(event) = event(findings, "the platform's event", &proof.event, std::slice::from_ref(&platform), TenantId::PLATFORM) else {
        if proof.event.opened.is_none() {
            findings.fault("platform", "the platform's event is not opened, so it says nothing of this log");
        }
        return None;
    };
    let Some(salt) = hash(&proof.salt) else {
        findings.fault("platform", "the blinding salt is not 64 lower-case hexadecimal digits");
        return None;
    };
    let blinded = hex::encode(chancery_evidence::blinded(&salt, proof.note.as_bytes()));
    if event.told("blinded") != Some(blinded.as_str()) && enforced!("verify.platform.blinded") {
        findings.fault("platform.blinded", "the platform's event is of another checkpoint");
        return None;
    }
    findings.say("platform log", format!("checkpoint of size {} stands at {} of {}", given.size, proof.event.index, platform.origin));
    if let Some(known) = known {
        witnesses(findings, proof, known);
    }
    Some(platform)
}

fn witnesses(findings: &mut Findings, proof: &PlatformProof, known: &KnownPlatform) {
    let signed = Note::parse(proof.checkpoint.as_bytes()).map(|note| note.only(&known.witnesses));
    let mut names: Vec<_> = signed
        .ok()
        .and_then(|note| note.verify(&known.witnesses).ok().map(|held| held.iter().map(|(key, _)| key.name().to_owned()).collect()))
        .unwrap_or_default();
    names.sort();
    names.dedup();
    if names.len() < known.cosignatures && enforced!("verify.witnesses") {
        findings.fault(
            "witnesses",
            format!("{} witnesses cosigned the platform's checkpoint, {} are asked for", names.len(), known.cosignatures),
        );
    } else if !names.is_empty() {
        findings.say("witnesses", names.join(", "));
    }
}

fn hash(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    (hex::encode(hash) == text).then_some(hash)
}

fn hashes(texts: &[String]) -> Option<Vec<Hash>> {
    texts.iter().map(|text| hash(text)).collect()
}
