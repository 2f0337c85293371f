//! Group commit: while one transaction of a tenant is made durable, its next write-sets gather and share the next one.

use super::pipeline::{self, Refusal};
use super::pool::Pool;
use crate::engine::Step;
use crate::{CommitError, StoreError};
use chancery_domain::{TenantId, kill_point};
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

/// Where write-sets are committed together, or nothing of them.
pub(super) trait Transactions: Send + Sync + 'static {
    fn commit(&self, tenant: TenantId, sets: &[&[Step]]) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// The database as it was opened.
pub(super) struct Opened {
    pub(super) pool: Arc<Pool>,
    /// Which restore made it; empty if none did.
    pub(super) incarnation: Vec<u8>,
}

impl Transactions for Opened {
    async fn commit(&self, tenant: TenantId, sets: &[&[Step]]) -> Result<(), Refusal> {
        pipeline::commit(self, tenant, sets).await
    }
}

/// Commits each tenant's write-sets in batches; tenants do not wait for each other.
pub(super) struct Committer<T = Opened> {
    transactions: Arc<T>,
    /// The tenants with a transaction under way, and what waits for it to end. Otherwise two of a tenant's transactions
    /// would wait for each other's row locks, holding a connection each.
    waiting: Mutex<HashMap<TenantId, Vec<Waiting>>>,
}

impl<T: Transactions> Committer<T> {
    pub(super) fn new(transactions: Arc<T>) -> Arc<Self> {
        Arc::new(Self { transactions, waiting: Mutex::default() })
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
    /// is tried again alone, for it may have been refused only because of one before it, which was then not kept. After a refusal
    /// the next ones go alone, then two, four and more together: where most are refused, none takes many others back with it.
    async fn commit_batch(&self, tenant: TenantId, mut batch: Vec<Waiting>) {
        let mut most = usize::MAX;
        loop {
            batch.retain(|(_, reply)| !reply.is_closed());
            if batch.is_empty() {
                return;
            }
            let mut later = batch.split_off(batch.len().min(most));
            let refused = match self.together(tenant, &batch).await {
                Ok(()) => {
                    kept(batch);
                    (batch, most) = (later, most.saturating_mul(2));
                    continue;
                }
                Err(Refusal::All(error)) => {
                    batch.append(&mut later);
                    return in_doubt(batch, &error);
                }
                // Nothing of this transaction stood before the first set: its refusal is final.
                Err(refusal @ (Refusal::Guard { set: 0, .. } | Refusal::Set { set: 0, .. })) => {
                    let (_, reply) = batch.remove(0);
                    let _ = reply.send(Err(refusal.into()));
                    batch.append(&mut later);
                    most = 1;
                    continue;
                }
                Err(Refusal::Guard { set, .. } | Refusal::Set { set, .. }) => set,
            };
            most = 1;
            // Those before it did not fail: commit them, then it stands first.
            let mut rest = batch.split_off(refused);
            rest.append(&mut later);
            batch.retain(|(_, reply)| !reply.is_closed());
            match self.together(tenant, &batch).await {
                Ok(()) => kept(batch),
                // It may have been kept: the same again would meet its own rows and deny what was done (I4).
                Err(Refusal::All(error)) => in_doubt(batch, &error),
                Err(Refusal::Guard { .. } | Refusal::Set { .. }) => self.one_by_one(tenant, batch).await,
            }
            batch = rest;
        }
    }

    async fn together(&self, tenant: TenantId, batch: &[Waiting]) -> Result<(), Refusal> {
        let sets: Vec<_> = batch.iter().map(|(steps, _)| steps.as_slice()).collect();
        self.transactions.commit(tenant, &sets).await
    }

    /// The sure way, when other nodes' commits came between.
    async fn one_by_one(&self, tenant: TenantId, batch: Vec<Waiting>) {
        for (steps, reply) in batch {
            if reply.is_closed() {
                continue;
            }
            let outcome = self.transactions.commit(tenant, &[&steps]).await;
            let _ = reply.send(outcome.map_err(CommitError::from));
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<TenantId, Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept(batch: Vec<Waiting>) {
    batch.into_iter().for_each(|(_, reply)| drop(reply.send(Ok(()))));
    kill_point!("postgres.commit.answered");
}

/// Nothing is known of the outcome, which the caller looks up.
fn in_doubt(batch: Vec<Waiting>, error: &StoreError) {
    batch.into_iter().for_each(|(_, reply)| drop(reply.send(Err(CommitError::Store(error.again())))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Guard;
    use std::collections::VecDeque;

    /// Answers in this order, and notes how many sets each transaction had.
    #[derive(Default)]
    struct Script {
        answers: Mutex<VecDeque<Result<(), Refusal>>>,
        asked: Mutex<Vec<usize>>,
    }

    impl Transactions for Script {
        async fn commit(&self, _: TenantId, sets: &[&[Step]]) -> Result<(), Refusal> {
            self.asked.lock().unwrap().push(sets.len());
            self.answers.lock().unwrap().pop_front().unwrap()
        }
    }

    fn guard(set: usize) -> Result<(), Refusal> {
        Err(Refusal::Guard { set, guard: Guard::Epoch })
    }

    fn lost() -> Result<(), Refusal> {
        Err(Refusal::All(StoreError::Unavailable("the connection was lost".to_owned())))
    }

    /// Commits a batch of four; how large the transactions were, and what became of each set.
    async fn run<const N: usize>(answers: [Result<(), Refusal>; N]) -> (Vec<usize>, Vec<&'static str>) {
        let script = Arc::new(Script { answers: Mutex::new(answers.into()), ..Script::default() });
        let (batch, replies): (Vec<_>, Vec<_>) =
            (0..4).map(|_| oneshot::channel()).map(|(reply, answer)| ((Vec::new(), reply), answer)).unzip();
        Committer::new(Arc::clone(&script)).commit_batch(TenantId::PLATFORM, batch).await;
        let mut outcomes = Vec::new();
        for reply in replies {
            outcomes.push(match reply.await.unwrap() {
                Ok(()) => "kept",
                Err(CommitError::Guard(_)) => "guard",
                Err(CommitError::Store(StoreError::Unavailable(_))) => "in doubt",
                Err(CommitError::Store(_)) => "refused",
            });
        }
        assert!(script.answers.lock().unwrap().is_empty(), "not asked for all");
        let asked = script.asked.lock().unwrap().clone();
        (asked, outcomes)
    }

    #[tokio::test]
    async fn what_may_have_been_kept_is_not_committed_again() {
        let (asked, outcomes) = run([guard(2), lost(), guard(0), Ok(())]).await;
        assert_eq!(asked, [4, 2, 1, 1], "two before the refused one, in doubt; then the rest");
        assert_eq!(outcomes, ["in doubt", "in doubt", "guard", "kept"]);

        let (asked, outcomes) = run([lost()]).await;
        assert_eq!((asked, outcomes), (vec![4], vec!["in doubt"; 4]));
    }

    #[tokio::test]
    async fn what_was_refused_together_is_tried_alone() {
        let (asked, outcomes) = run([guard(2), guard(1), Ok(()), guard(0), Ok(()), Ok(())]).await;
        assert_eq!(asked, [4, 2, 1, 1, 1, 1]);
        assert_eq!(outcomes, ["kept", "guard", "kept", "kept"]);
    }

    #[tokio::test]
    async fn after_a_refusal_few_are_tried_together() {
        let (asked, outcomes) = run([guard(0), guard(0), Ok(()), Ok(())]).await;
        assert_eq!(asked, [4, 1, 1, 1], "one refused, then each alone until one is kept");
        assert_eq!(outcomes, ["guard", "guard", "kept", "kept"]);

        let (asked, outcomes) = run([guard(0), Ok(()), Ok(())]).await;
        assert_eq!(asked, [4, 1, 2]);
        assert_eq!(outcomes, ["guard", "kept", "kept", "kept"]);
    }
}
