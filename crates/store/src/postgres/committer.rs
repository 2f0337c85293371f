//! Group commit: while one transaction of a tenant is made durable, its next write-sets gather and share the next one.

use super::pipeline::{self, Refusal};
use super::pool::Pool;
use crate::engine::Step;
use crate::{CommitError, StoreError};
use chancery_domain::TenantId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Write-sets that one transaction takes at most.
const BATCH: usize = 64;

/// How long a caller waits. What was not begun by then never is; what was begun ends within the deadlines of the pipeline,
/// so that all is over before a lane trusts it to be (COMMIT_GRACE).
const PATIENCE: Duration = Duration::from_secs(10);

type Waiting = (Vec<Step>, oneshot::Sender<Result<(), CommitError>>);

/// Commits each tenant's write-sets in batches; tenants do not wait for each other.
pub(super) struct Committer {
    pool: Arc<Pool>,
    /// The tenants with a transaction under way, and what waits for it to end. Otherwise two of a tenant's transactions
    /// would wait for each other's row locks, holding a connection each.
    waiting: Mutex<HashMap<TenantId, Vec<Waiting>>>,
}

impl Committer {
    pub(super) fn new(pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self { pool, waiting: Mutex::default() })
    }

    pub(super) async fn commit(self: &Arc<Self>, tenant: TenantId, steps: Vec<Step>) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        let first = match self.waiting().entry(tenant) {
            Entry::Occupied(mut waiting) => {
                waiting.get_mut().push((steps, reply));
                false
            }
            Entry::Vacant(none) => {
                none.insert(vec![(steps, reply)]);
                true
            }
        };
        if first {
            // A task of its own: whoever waits for it may go away.
            tokio::spawn(Arc::clone(self).drain(tenant));
        }
        let given_up = || StoreError::Unavailable("the database took too long to commit".to_owned());
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_| given_up())?.map_err(|_| given_up())?
    }

    async fn drain(self: Arc<Self>, tenant: TenantId) {
        while let Some(batch) = self.next_batch(tenant) {
            self.commit_batch(tenant, batch).await;
        }
    }

    /// The next write-sets; when there are none, the tenant has no transaction under way any more.
    fn next_batch(&self, tenant: TenantId) -> Option<Vec<Waiting>> {
        let mut all = self.waiting();
        let waiting = all.get_mut(&tenant)?;
        let batch: Vec<_> = waiting.drain(..waiting.len().min(BATCH)).filter(|(_, reply)| !reply.is_closed()).collect();
        if batch.is_empty() && waiting.is_empty() {
            all.remove(&tenant);
            return None;
        }
        Some(batch)
    }

    /// Commits the batch. A set that is refused takes the others back with it, so they are tried again without it; and it
    /// is tried again alone, for it may have been refused only because of one before it, which was then not kept.
    async fn commit_batch(&self, tenant: TenantId, mut batch: Vec<Waiting>) {
        loop {
            batch.retain(|(_, reply)| !reply.is_closed());
            if batch.is_empty() {
                return;
            }
            let sets: Vec<_> = batch.iter().map(|(steps, _)| steps.as_slice()).collect();
            let refused = match pipeline::commit(&self.pool, tenant, &sets).await {
                Ok(()) => return batch.into_iter().for_each(|(_, reply)| drop(reply.send(Ok(())))),
                Err(Refusal::All(error)) => {
                    return batch.into_iter().for_each(|(_, reply)| drop(reply.send(Err(CommitError::Store(error.again())))));
                }
                // Nothing of this transaction stood before the first set: its refusal is final.
                Err(refusal @ (Refusal::Guard { set: 0, .. } | Refusal::Set { set: 0, .. })) => {
                    let (_, reply) = batch.remove(0);
                    let _ = reply.send(Err(refusal.into()));
                    continue;
                }
                Err(Refusal::Guard { set, .. } | Refusal::Set { set, .. }) => set,
            };
            // Those before it did not fail: commit them, then it stands first.
            let rest = batch.split_off(refused);
            let sets: Vec<_> = batch.iter().map(|(steps, _)| steps.as_slice()).collect();
            match pipeline::commit(&self.pool, tenant, &sets).await {
                Ok(()) => batch.into_iter().for_each(|(_, reply)| drop(reply.send(Ok(())))),
                Err(_) => self.one_by_one(tenant, batch).await,
            }
            batch = rest;
        }
    }

    /// The sure way, when other nodes' commits came between.
    async fn one_by_one(&self, tenant: TenantId, batch: Vec<Waiting>) {
        for (steps, reply) in batch {
            if reply.is_closed() {
                continue;
            }
            let outcome = pipeline::commit(&self.pool, tenant, &[&steps]).await;
            let _ = reply.send(outcome.map_err(CommitError::from));
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<TenantId, Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
