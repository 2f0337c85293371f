//! The sequencer: gives every event its place in its realm's log within a second of its commit, and signs a checkpoint over them.
//!
//! Indexes, tiles and checkpoint are one write-set, guarded by the size that was read: a crash leaves all of a batch or nothing of it, and
//! of two nodes that sequence at once one starts over. An act pays nothing for it: what this process commits it remembers, and what it left
//! when it ended is found by the lane, which is marked for a minute later with the first event of half a minute.

use crate::deed::{Deed, detail};
use crate::epoch::{Epoch, Unsound, edge_of};
use crate::failure::Stop;
use crate::realm::Realm;
use crate::{Chancery, Failure};
use chancery_domain::{EventId, TenantId, broken, enforced, kill_point};
use chancery_evidence::Hash;
use chancery_store::TenantView;
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Half a second: with the batch itself a second is kept.
const TICK: Duration = Duration::from_millis(500);
/// Events that one checkpoint adds at most: a longer batch would be longer in the way of its realm's acts.
const BATCH: u32 = 1024;
/// Batches of one realm before others have their turn (I11).
const TURN: usize = 4;
/// How long a turn may take: a realm whose store hangs holds up the others no longer (I11). A batch that is left is guarded, whenever it
/// comes to its end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Realms that have their turns at once.
const ABREAST: usize = 8;
/// What failed is tried again with every so-manieth tick: in 5 s.
const AGAIN: usize = 10;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing is left.
    Done,
    /// More is left than a turn takes.
    More,
    /// It is tried again soon.
    Failed,
    /// The stored log is not what was signed; the lane looks whether it was mended.
    Stopped,
}

/// Why a batch was not sequenced.
enum Halt {
    /// Another node sequenced meanwhile.
    Again,
    /// It is tried again later.
    Failed(Failure),
    /// The stored log is not what was signed: nothing is ever signed over it.
    Fatal(Arc<Realm>, Unsound),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Again | Stop::Unexpected => Self::Again,
            Stop::Failure(failure) => Self::Failed(failure),
        }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Chancery {
    /// Sequences what this process's commits leave, until dropped.
    pub(crate) async fn sequence_for_ever(&self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failed = BTreeSet::new();
        for round in 1_usize.. {
            tick.tick().await;
            if self.is_restored() {
                return;
            }
            let mut tenants = self.inner.store.take_unsequenced();
            // Neither held up by what fails with every act, nor forgotten until the lane's minute.
            tenants.retain(|tenant| !failed.contains(tenant));
            if round.is_multiple_of(AGAIN) {
                tenants.extend(std::mem::take(&mut failed));
            }
            for some in tenants.chunks(ABREAST) {
                let turns = join_all(some.iter().map(|tenant| self.sequence(*tenant))).await;
                failed.extend(some.iter().zip(turns).filter(|(_, turn)| *turn == Turn::Failed).map(|(tenant, _)| *tenant));
            }
        }
    }

    /// Gives a turn's worth of the realm's events their places.
    pub(crate) async fn sequence(&self, tenant: TenantId) -> Turn {
        if !enforced!("sequencer") {
            return Turn::Done;
        }
        let slow = |_| Err(Halt::Failed(Failure::Unavailable(format!("the tenant's store did not answer for {} s", PATIENCE.as_secs()))));
        match tokio::time::timeout(PATIENCE, self.sequence_turn(tenant)).await.unwrap_or_else(slow) {
            Ok(Turn::More) | Err(Halt::Again) => {
                self.inner.store.note_unsequenced(tenant);
                Turn::More
            }
            Ok(turn) => turn,
            Err(Halt::Failed(failure)) => {
                tracing::warn!(%tenant, %failure, "events have no place in the log yet; it is tried again");
                Turn::Failed
            }
            Err(Halt::Fatal(realm, unsound)) => {
                self.raise_alarm(&realm, &unsound).await;
                Turn::Stopped
            }
        }
    }

    async fn sequence_turn(&self, tenant: TenantId) -> Result<Turn, Halt> {
        for _ in 0..TURN {
            match self.sequence_batch(tenant).await {
                Ok(true) => return Ok(Turn::Done),
                Ok(false) | Err(Halt::Again) => {}
                Err(halt) => return Err(halt),
            }
        }
        Ok(Turn::More)
    }

    /// Sequences one batch; whether nothing is left.
    async fn sequence_batch(&self, tenant: TenantId) -> Result<bool, Halt> {
        let view = self.inner.store.tenant(tenant);
        let events = view.unsequenced(BATCH).await.map_err(Failure::from)?;
        if events.is_empty() {
            return Ok(true);
        }
        let realm = self.realm(tenant).await?;
        let epoch = self.newest_epoch(&realm, &view, &events).await?;
        let mut changes = view.changes();
        let mut apart = view.changes();
        let places = epoch.append(&mut changes, &events, self.now())?;
        let with = if broken!("places-apart") { &mut apart } else { &mut changes };
        places.iter().for_each(|places| places.give(with));
        kill_point!("log.sequence.before");
        changes.commit().await.map_err(Stop::from)?;
        kill_point!("log.sequence.after");
        if broken!("places-apart") {
            apart.commit().await.map_err(Stop::from)?;
        }
        Ok(events.len() < BATCH as usize)
    }

    /// The epoch that these events are appended to.
    async fn newest_epoch(&self, realm: &Arc<Realm>, view: &TenantView, events: &[(EventId, Hash)]) -> Result<Epoch, Halt> {
        let fatal = |unsound| Halt::Fatal(Arc::clone(realm), unsound);
        let last = events.last().map_or(EventId::from_bytes([0xff; 16]), |(id, _)| *id);
        let head = view.log_head(last).await.map_err(Failure::from)?;
        // A row that was deleted is not begun anew under another key.
        if let Some(gone) = head.told.filter(|told| head.row.as_ref().is_none_or(|row| row.epoch < *told) && enforced!("log.gone")) {
            return Err(fatal(Unsound::Gone(gone)));
        }
        let Some(read) = head.row else { return Ok(Epoch::new(realm, 1, self.ports())?) };
        let stored = view.log_tiles(read.epoch, &edge_of(read.size)).await.map_err(Failure::from)?;
        // Another node may have moved it between the two reads.
        let (row, tiles) = stored.filter(|(row, _)| row.size == read.size).ok_or(Halt::Again)?;
        Epoch::open(realm, row, tiles).map_err(fatal)
    }

    /// Says that a log stopped, in the realm's own log, too: the event waits there, as all others do now, and says so at the next epoch.
    async fn raise_alarm(&self, realm: &Arc<Realm>, unsound: &Unsound) {
        tracing::error!(tenant = %realm.id, %unsound, "the log was changed in the store: nothing is signed over it any more");
        let now = self.now();
        if !matches!(self.inner.alarms.note(realm.id, now), crate::tally::Record::This { .. }) {
            return;
        }
        let detail = detail! { "reason" => unsound.to_string() };
        if let Err(stop) = Deed::system(realm).commit(self.ports(), "log.stopped", *realm.id.as_bytes(), detail).await {
            tracing::error!(tenant = %realm.id, failure = %Failure::from(stop), "the alarm cannot be recorded");
        }
    }
}
