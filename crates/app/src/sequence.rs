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
use chancery_domain::{TenantId, broken, enforced, kill_point};
use chancery_store::TenantView;
use std::sync::Arc;
use std::time::Duration;

/// Half a second: with the batch itself a second is kept.
const TICK: Duration = Duration::from_millis(500);
/// Events that one checkpoint adds at most: a longer batch would be longer in the way of its realm's acts.
const BATCH: u32 = 1024;
/// Batches of one realm before others have their turn (I11).
const TURN: usize = 4;

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
        loop {
            tick.tick().await;
            if self.is_restored() {
                return;
            }
            for tenant in self.inner.store.take_unsequenced() {
                self.sequence(tenant).await;
            }
        }
    }

    /// Gives a turn's worth of the realm's events their places; whether none is left without one. What fails is tried again by the lane.
    pub(crate) async fn sequence(&self, tenant: TenantId) -> bool {
        if !enforced!("sequencer") {
            return true;
        }
        for _ in 0..TURN {
            match self.sequence_batch(tenant).await {
                Ok(true) => return true,
                Ok(false) | Err(Halt::Again) => {}
                Err(Halt::Failed(failure)) => {
                    tracing::warn!(%tenant, %failure, "events have no place in the log yet; it is tried again");
                    return false;
                }
                Err(Halt::Fatal(realm, unsound)) => {
                    self.raise_alarm(&realm, &unsound).await;
                    return false;
                }
            }
        }
        // More is left than a turn takes.
        self.inner.store.note_unsequenced(tenant);
        true
    }

    /// Sequences one batch; whether nothing is left.
    async fn sequence_batch(&self, tenant: TenantId) -> Result<bool, Halt> {
        let view = self.inner.store.tenant(tenant);
        let events = view.unsequenced(BATCH).await.map_err(Failure::from)?;
        if events.is_empty() {
            return Ok(true);
        }
        let realm = self.realm(tenant).await?;
        let epoch = self.newest_epoch(&realm, &view).await?;
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

    async fn newest_epoch(&self, realm: &Arc<Realm>, view: &TenantView) -> Result<Epoch, Halt> {
        let Some(read) = view.log().await.map_err(Failure::from)? else { return Ok(Epoch::new(realm, 1, self.ports())?) };
        let stored = view.log_tiles(read.epoch, &edge_of(read.size)).await.map_err(Failure::from)?;
        // Another node may have moved it between the two reads.
        let (row, tiles) = stored.filter(|(row, _)| row.size == read.size).ok_or(Halt::Again)?;
        Epoch::open(realm, row, tiles)?.map_err(|unsound| Halt::Fatal(Arc::clone(realm), unsound))
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
