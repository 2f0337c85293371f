//! Checkpoints kept elsewhere: a bundle's logs must be those that were seen before, or have grown from them (I14).

use crate::report::Findings;
use crate::trust::LONGEST_TRUST;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::enforced;
use chancery_evidence::{Checkpoint, Hash, VerifierKey, verify_consistency};
use chancery_x509::Problem;
use serde::Deserialize;

/// What was kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// Signed notes.
    pub(crate) checkpoints: Vec<Vec<u8>>,
    pub(crate) proofs: Vec<Growth>,
}

/// That a log of one size is the beginning of that of another, as `chancery audit consistency` writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Growth {
    from: u64,
    to: u64,
    hashes: Vec<String>,
}

impl Growth {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let bad = |what: String| Problem::new("consistency", format!("the proof of consistency: {what}"));
        if bytes.len() > LONGEST_TRUST {
            return Err(bad(format!("it is longer than {LONGEST_TRUST} bytes")));
        }
        serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))
    }

    fn hashes(&self) -> Option<Vec<Hash>> {
        self.hashes.iter().map(|text| STANDARD.decode(text).ok()?.try_into().ok()).collect()
    }
}

impl Kept {
    /// Compares each with the log of its name among the bundle's; one that can be compared with none of them proves nothing.
    pub(crate) fn compare(&self, findings: &mut Findings, logs: &[Checkpoint], keys: &[VerifierKey]) {
        for note in &self.checkpoints {
            match self.compare_one(note, logs, keys) {
                Ok(agrees) => findings.say("kept elsewhere", agrees),
                Err(why) => findings.fault("kept", format!("the checkpoint kept elsewhere: {why}")),
            }
        }
    }

    fn compare_one(&self, note: &[u8], logs: &[Checkpoint], keys: &[VerifierKey]) -> Result<String, String> {
        let mut why = "nobody whom the trust file names signed it".to_owned();
        let mut opened = None;
        for key in keys {
            match Checkpoint::open(note, key) {
                Ok(checkpoint) => opened = Some(checkpoint),
                Err(error) if note.starts_with(format!("{}\n", key.name()).as_bytes()) => why = error.to_string(),
                Err(_) => {}
            }
        }
        let kept = opened.ok_or(why)?;
        let same = logs.iter().find(|log| log.origin == kept.origin);
        let log = same.ok_or_else(|| format!("it is of the log {}, in which nothing of this bundle stands", kept.origin))?;
        let (sizes, origin) = ((kept.size, log.size), &kept.origin);
        if kept.size == log.size {
            if kept.root != log.root && enforced!("verify.kept.root") {
                return Err(format!(
                    "{} events of {origin} have another root in the bundle: it is of another history than was kept",
                    kept.size
                ));
            }
            return Ok(format!("the same {} events of {origin}", kept.size));
        }
        let (old, new) = if kept.size < log.size { (&kept, log) } else { (log, &kept) };
        let proof = self.proofs.iter().find(|proof| (proof.from, proof.to) == (old.size, new.size));
        let proof = proof.ok_or_else(|| {
            format!(
                "it has {} events of {origin} and the bundle's {}: give the proof that one grew from the other, --consistency FILE, \
                 which `chancery audit consistency --from {} --to {}` writes",
                sizes.0, sizes.1, old.size, new.size
            )
        })?;
        let hashes = proof.hashes().ok_or("a hash of the proof of consistency is not 32 bytes in base64")?;
        match verify_consistency(&hashes, old.size, &old.root, new.size, &new.root) {
            Err(error) if enforced!("verify.kept.growth") => Err(format!(
                "{} events of {origin} did not grow from {}: one of the two is of another history ({error})",
                new.size, old.size
            )),
            _ => Ok(format!("{} events of {origin}, the bundle's {}: one grew from the other", sizes.0, sizes.1)),
        }
    }
}
