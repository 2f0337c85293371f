//! What waits for a store thread: tenants take turns, and a tenant's waiting write-sets are committed together.

use crate::engine::Step;
use crate::statement::Statement;
use crate::value::Row;
use crate::{CommitError, StoreError};
use chancery_domain::{TenantId, enforced};
use std::collections::{HashMap, VecDeque};
use tokio::sync::oneshot;

/// Write-sets that one transaction takes at most, and reads that a turn takes at most: more are a little faster, and longer in the way.
const TURN: usize = 16;

pub(super) struct Request {
    pub(super) tenant: TenantId,
    pub(super) work: Work,
}

/// What is asked of a tenant's file, and where the answer goes.
pub(super) enum Work {
    Read { queries: Vec<Statement>, reply: Reply<Vec<Vec<Row>>, StoreError> },
    Commit { steps: Vec<Step>, reply: Reply<(), CommitError> },
    Create { reply: Reply<(), StoreError> },
}

pub(super) type Reply<T, E> = oneshot::Sender<Result<T, E>>;
pub(super) type Read = (Vec<Statement>, Reply<Vec<Vec<Row>>, StoreError>);
pub(super) type Commit = (Vec<Step>, Reply<(), CommitError>);

/// One tenant's turn: in this order.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) creates: Vec<Reply<(), StoreError>>,
    pub(super) reads: Vec<Read>,
    pub(super) commits: Vec<Commit>,
}

/// The tenants with work, in the order of their turns (I11). No longer than the callers that wait.
#[derive(Default)]
pub(super) struct Queue {
    order: VecDeque<TenantId>,
    waiting: HashMap<TenantId, Waiting>,
}

#[derive(Default)]
struct Waiting {
    creates: Vec<Reply<(), StoreError>>,
    reads: VecDeque<Read>,
    commits: VecDeque<Commit>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn push(&mut self, request: Request) {
        let waiting = self.waiting.entry(request.tenant).or_insert_with(|| {
            self.order.push_back(request.tenant);
            Waiting::default()
        });
        match request.work {
            Work::Read { queries, reply } => waiting.reads.push_back((queries, reply)),
            Work::Commit { steps, reply } => waiting.commits.push_back((steps, reply)),
            Work::Create { reply } => waiting.creates.push(reply),
        }
    }

    /// The next tenant and its turn; what is left of its work waits behind the others.
    pub(super) fn next(&mut self) -> Option<(TenantId, Turn)> {
        let tenant = self.order.pop_front()?;
        let mut waiting = self.waiting.remove(&tenant)?;
        let most = if enforced!("lane.turn") { TURN } else { usize::MAX };
        let reads = waiting.reads.drain(..waiting.reads.len().min(most)).collect();
        let commits = waiting.commits.drain(..waiting.commits.len().min(most)).collect();
        let turn = Turn { creates: std::mem::take(&mut waiting.creates), reads, commits };
        if !waiting.reads.is_empty() || !waiting.commits.is_empty() {
            self.order.push_back(tenant);
            self.waiting.insert(tenant, waiting);
        }
        Some((tenant, turn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(tenant: u8) -> Request {
        let (reply, _) = oneshot::channel();
        Request { tenant: TenantId::from_bytes([tenant; 16]), work: Work::Commit { steps: Vec::new(), reply } }
    }

    #[test]
    fn a_flooding_tenant_delays_a_quiet_one_by_one_turn() {
        let mut queue = Queue::default();
        (0..1000).for_each(|_| queue.push(commit(1)));
        queue.push(commit(2));
        let turns: Vec<_> = std::iter::from_fn(|| queue.next()).map(|(tenant, turn)| (tenant.as_bytes()[0], turn.commits.len())).collect();
        assert_eq!(turns[..3], [(1, TURN), (2, 1), (1, TURN)]);
        assert_eq!(turns.iter().map(|(_, sets)| sets).sum::<usize>(), 1001);
        assert!(queue.is_empty() && queue.waiting.is_empty());
    }
}
