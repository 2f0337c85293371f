//! Witnesses of the platform's log (C2SP tlog-witness): each is asked to cosign its newest checkpoint, so that nobody, whoever holds the
//! log's key included, can show two histories of it (I14).
//!
//! Where they are says the operator's configuration alone, never a tenant or a peer; so they are asked without an egress guard (I12).
//! They are asked beside the jobs, for one that does not answer must keep no tenant waiting, and what is left to ask is seen from what is
//! stored: a crash costs a question. Asking leaves no event, which would make the log grow and be asked for in turn.

use crate::epoch::signed_head;
use crate::failure::Stop;
use crate::log::{self, grown};
use crate::{Chancery, Failure};
use async_trait::async_trait;
use chancery_domain::enforced;
use chancery_evidence::{Note, Witness, WitnessPolicy, add_checkpoint};
use chancery_store::{CosignedRow, LogRow, TenantView};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether there is something to cosign.
const TICK: Duration = Duration::from_secs(10);
/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// So often a witness is asked in a row: it tells what it cosigned last, and another node may ask it, too.
const TRIES: usize = 3;

/// The way to a witness (I10).
#[async_trait]
pub trait WitnessClient: Send + Sync {
    /// Posts to `<prefix>/add-checkpoint`.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn add_checkpoint(&self, prefix: &str, body: String) -> Result<WitnessAnswer, String>;
}

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Who watches the platform's log, and the way to them.
#[derive(Clone)]
pub struct Witnesses {
    /// Who, and how many of them must have cosigned.
    pub policy: WitnessPolicy,
    /// The way to them.
    pub client: Arc<dyn WitnessClient>,
}

impl fmt::Debug for Witnesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witnesses").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Chancery {
    /// Asks the witnesses for what they have not cosigned, until dropped.
    pub(crate) async fn cosign_for_ever(&self) {
        if self.inner.settings.witnesses.is_none() {
            return std::future::pending().await;
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = BTreeMap::new();
        loop {
            tick.tick().await;
            if self.is_restored() {
                return std::future::pending().await;
            }
            match self.ask_witnesses().await {
                Err(failure) => tracing::warn!(%failure, "the witnesses could not be asked; it is tried again"),
                Ok(refused) => {
                    // What is wrong with a witness is said once, until it is something else.
                    refused.iter().filter(|(name, why)| told.get(*name) != Some(*why)).for_each(|(witness, why)| {
                        tracing::warn!(%witness, %why, "a witness did not cosign the platform's checkpoint; it is asked again");
                    });
                    told = refused;
                }
            }
        }
    }

    /// Asks each witness that has not cosigned the newest checkpoint of the platform's log, and keeps the cosignatures; who did not
    /// cosign, and why.
    ///
    /// # Errors
    /// If the store does not answer, or the stored checkpoint is not what was signed.
    pub async fn ask_witnesses(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut refused = BTreeMap::new();
        let platform = self.inner.store.platform();
        let (Some(witnesses), Some(log)) = (&self.inner.settings.witnesses, platform.log().await?) else { return Ok(refused) };
        let before = platform.cosigned(log.epoch).await?;
        let own = before.iter().find(|row| row.size == log.size).map_or(&log.checkpoint, |row| &row.note);
        signed_head(&log).map_err(log::changed)?;
        let (note, policy) = (Note::parse(own)?, &witnesses.policy);
        let left: Vec<_> = policy.witnesses().iter().filter(|witness| !note.is_signed_by(&witness.key)).collect();
        let asked = left.iter().map(|witness| ask(&platform, witnesses, witness, &log, &note, &before));
        let mut cosigned = note.clone();
        for (witness, answer) in left.iter().zip(join_all(asked).await) {
            match answer.and_then(|lines| taken(&cosigned, witness, &lines)) {
                Ok(more) => cosigned = more,
                Err(why) => drop(refused.insert(witness.name.clone(), why)),
            }
        }
        if cosigned != note {
            let mut changes = platform.changes();
            changes.put_cosigned(&CosignedRow { epoch: log.epoch, size: log.size, note: cosigned.to_string().into_bytes() });
            if policy.is_met(&cosigned) {
                changes.forget_cosigned(log.epoch, log.size);
            }
            changes.commit().await.map_err(Stop::from)?;
        }
        Ok(refused)
    }

    /// An epoch of the platform's log, by default the newest, as of its newest checkpoint that enough witnesses cosigned and that has
    /// this leaf. If no cosignature is needed and none is there, as of its own newest; else nothing.
    pub(crate) async fn cosigned_head(&self, number: Option<u32>, index: Option<u64>) -> Result<Option<LogRow>, Failure> {
        let platform = self.inner.store.platform();
        let log = log::find(&platform, number).await?;
        let Some(Witnesses { policy, .. }) = &self.inner.settings.witnesses else { return Ok(Some(log)) };
        for CosignedRow { size, note, .. } in platform.cosigned(log.epoch).await? {
            if index.is_none_or(|index| index < size) && policy.is_met(&Note::parse(&note)?) {
                return Ok(Some(LogRow { size, checkpoint: note, ..log }));
            }
        }
        Ok((policy.threshold() == 0 || !enforced!("witness.closed")).then_some(log))
    }
}

/// Asks one witness, from what it is known to have cosigned last; the signature lines that it answered.
async fn ask(
    view: &TenantView,
    witnesses: &Witnesses,
    witness: &Witness,
    log: &LogRow,
    note: &Note,
    before: &[CosignedRow],
) -> Result<Vec<u8>, String> {
    let signed = |row: &&CosignedRow| Note::parse(&row.note).is_ok_and(|note| note.is_signed_by(&witness.key));
    let mut old = before.iter().find(signed).map_or(0, |row| row.size);
    for _ in 0..TRIES {
        let proof = match old {
            0 => Vec::new(),
            old => grown(view, Some(log.epoch), old, Some(log.size)).await.map_err(|failure| failure.to_string())?.1,
        };
        let sent = witnesses.client.add_checkpoint(&witness.url, add_checkpoint(old, &proof, note));
        let answer =
            tokio::time::timeout(PATIENCE, sent).await.map_err(|_| format!("it did not answer for {} s", PATIENCE.as_secs()))??;
        match answer.status {
            200 => return Ok(answer.body),
            409 => match size(&answer.body) {
                Some(known) if known > log.size => {
                    return Err(format!(
                        "it cosigned {known} events, more than there are: the log was rolled back, or is asked about by a newer node"
                    ));
                }
                Some(known) if known != old => old = known,
                _ => return Err(format!("it cosigned another root of {old} events: the log was forked")),
            },
            403 => {
                return Err("it does not believe the log's key: give its operator the one of `chancery audit checkpoint --platform --key`"
                    .to_owned());
            }
            404 => {
                return Err(
                    "it does not know the log: give its operator the key of `chancery audit checkpoint --platform --key`".to_owned()
                );
            }
            422 => return Err(format!("it says that the log did not grow from the {old} events that it cosigned: the log was forked")),
            status => return Err(format!("it answered {status}")),
        }
    }
    Err("others ask it for the same log all the time".to_owned())
}

/// The checkpoint with the witness's cosignature, if it is among what it answered and holds.
fn taken(note: &Note, witness: &Witness, lines: &[u8]) -> Result<Note, String> {
    let more = note.with_lines(lines, std::slice::from_ref(&witness.key)).map_err(|error| format!("what it answered: {error}"))?;
    if more == *note { Err("its cosignature does not hold, or is of another key".to_owned()) } else { Ok(more) }
}

/// The size in a conflict's body: decimal, and a newline.
fn size(body: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    digits.parse().ok().filter(|size: &u64| size.to_string() == digits)
}
