//! The worker: takes the fairest due lane and works in that tenant's view, one tenant at a time (I11).

use crate::failure::Stop;
use crate::sequence::Turn;
use crate::{Chancery, Failure};
use chancery_domain::{TenantId, Timestamp, kill_point};
use chancery_store::JobRow;
use std::time::Duration;

/// A job is held at least this long; a crashed worker's job comes back after it.
const LEASE: Duration = Duration::from_secs(60);
/// So many jobs of one tenant are done before others get their turn.
const TURN: u32 = 32;

impl Chancery {
    /// Works until dropped: at once on what this process's commits left, and every second on what is due; beside it the logs grow, and witnesses are asked.
    pub async fn work(&self) {
        if self.is_restored() {
            return std::future::pending().await;
        }
        tokio::join!(self.work_on_jobs(), self.sequence_for_ever(), self.cosign_for_ever());
    }

    async fn work_on_jobs(&self) {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // The tick first: it comes once a second, and many nudges do not keep it waiting.
                biased;
                _ = tick.tick() => {
                    if self.was_replaced().await {
                        return std::future::pending().await;
                    }
                    self.logged(self.work_due_lanes().await);
                    self.record_counted().await;
                    self.logged(self.record_token_uses().await);
                    // Keys of tenants at rest do not stay in memory.
                    self.inner.realms.drop_lapsed(&*self.inner.ports.clock);
                }
                tenants = self.inner.store.nudged() => {
                    for tenant in tenants {
                        self.logged(self.work_for(tenant).await.map(|_| ()));
                    }
                }
            }
        }
    }

    /// Whether a backup was restored under this process, which it says.
    async fn was_replaced(&self) -> bool {
        match self.inner.store.find_replaced().await {
            Ok(true) => {
                tracing::error!("a backup was restored while this server ran: it writes nothing; stop it, reconcile, start it again");
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::warn!(%error, "whether the store is the same as before is not known; it is looked at again");
                false
            }
        }
    }

    /// Takes up sagas that a crash left half-way; called once at start. One that cannot be ended now is left to its job.
    pub async fn resume_sagas(&self) -> Result<usize, Failure> {
        if self.is_restored() {
            return Ok(0);
        }
        let unsettled = self.inner.store.platform().unsettled().await?;
        for tenant in &unsettled {
            self.logged(self.settle(tenant.id).await.map(|_| ()));
        }
        Ok(unsettled.len())
    }

    /// Does everything that is due now, in every lane; how many jobs that were. For tests and orderly shutdown.
    pub async fn work_until_idle(&self) -> Result<usize, Failure> {
        self.record_token_uses().await?;
        let mut done = 0;
        loop {
            let lanes = self.inner.store.platform().due_lanes(self.now(), 1000).await?;
            let mut round = 0;
            for lane in lanes {
                round += self.work_for(lane.tenant).await?;
                self.inner.store.note_unsequenced(lane.tenant);
            }
            if round == 0 {
                break;
            }
            done += round;
        }
        loop {
            let tenants = self.inner.store.take_unsequenced();
            if tenants.is_empty() {
                return Ok(done);
            }
            for tenant in tenants {
                self.sequence(tenant).await;
            }
        }
    }

    async fn work_due_lanes(&self) -> Result<(), Failure> {
        let platform = self.inner.store.platform();
        for lane in platform.due_lanes(self.now(), 64).await? {
            // What is wrong with one tenant keeps nobody else's work from being done.
            let (next, done) = match self.turn(lane.tenant).await {
                Ok(turn) => turn,
                Err(failure) => {
                    tracing::warn!(tenant = %lane.tenant, %failure, "no work can be done for a tenant; it is tried again");
                    (Some(self.now().after(LEASE)), 1)
                }
            };
            platform.settle_lane(&lane, next, done, self.now()).await?;
        }
        Ok(())
    }

    /// One turn of a tenant: when its next job is due, and how many were done.
    async fn turn(&self, tenant: TenantId) -> Result<(Option<Timestamp>, i64), Failure> {
        let done = self.work_for(tenant).await?;
        let mut next = self.inner.store.tenant(tenant).next_due().await?;
        if self.sequence(tenant).await != Turn::Done {
            let again = self.now().after(LEASE);
            next = Some(next.map_or(again, |next| next.min(again)));
        }
        Ok((next, i64::try_from(done).unwrap_or(i64::MAX)))
    }

    /// Does one turn of a tenant's due jobs; how many were done.
    async fn work_for(&self, tenant: TenantId) -> Result<usize, Failure> {
        let view = self.inner.store.tenant(tenant);
        let mut done = 0;
        for job in view.due_jobs(self.now(), TURN).await? {
            let until = self.now().after(LEASE * 2_u32.saturating_pow(u32::try_from(job.attempts).unwrap_or(0).min(6)));
            let Some(held) = self.lease(&view, job, until).await? else { continue };
            kill_point!("job.begun");
            let realm = self.realm(tenant).await?;
            match self.run_job(&realm, &held).await {
                Ok(()) => {
                    kill_point!("job.done");
                    done += 1;
                }
                // Something it read changed: it comes back when its lease ends.
                Err(Stop::Again | Stop::Unexpected) => {
                    tracing::debug!(%tenant, kind = held.kind, "job postponed: what it read has changed")
                }
                Err(Stop::Failure(failure)) => {
                    tracing::warn!(%tenant, kind = held.kind, attempts = held.attempts, %failure, "job failed; it is tried again");
                }
            }
        }
        Ok(done)
    }

    async fn lease(&self, view: &chancery_store::TenantView, job: JobRow, until: Timestamp) -> Result<Option<JobRow>, Failure> {
        let mut changes = view.changes();
        changes.lease_job(&job, until);
        match changes.commit().await.map_err(Stop::from) {
            Ok(()) => Ok(Some(JobRow { due_at: until, attempts: job.attempts.saturating_add(1), ..job })),
            Err(Stop::Again | Stop::Unexpected) => Ok(None),
            Err(Stop::Failure(failure)) => Err(failure),
        }
    }

    fn logged(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            tracing::warn!(%failure, "the worker could not go on with a tenant; it is tried again");
        }
    }
}
