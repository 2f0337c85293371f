//! The files without their threads, for simulations: each request waits, fails, loses its answer or shares its transaction as the
//! seed says. The transactions themselves are the product's own.

use super::directory::Directory;
use super::queue::{Commit, Turn};
use super::thread::OpenFiles;
use super::{Engine, PATIENCE};
use crate::engine::Step;
use crate::statement::{Statement, sql};
use crate::value::{Row, Value};
use crate::{CommitError, Store, StoreError};
use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fate {
    /// How often others come first, before it is done and again before it is answered.
    pub yields: (u32, u32),
    /// How long it waits before it is done; past the patience of the store it is given up.
    pub wait: Duration,
    /// It fails and nothing is done.
    pub fails: bool,
    /// It is done, and fails all the same: its caller is in doubt.
    pub answer_lost: bool,
}

/// Who decides.
pub trait Fates: Send + Sync + 'static {
    /// The fate of a request of this tenant; `what` is `read`, `commit` or `create`.
    fn fate(&self, tenant: TenantId, what: &'static str) -> Fate;
    /// A number below `end`: which write-set is next, and how many share a transaction.
    fn below(&self, end: usize) -> usize;
}

/// The database of a simulation. It outlives the nodes, as a database server does.
pub struct SimulatedFiles {
    state: Mutex<State>,
    fates: Arc<dyn Fates>,
}

struct State {
    files: OpenFiles,
    waiting: BTreeMap<TenantId, Vec<Waiting>>,
    changed: BTreeSet<TenantId>,
}

/// A write-set that was sent. Its sender may be gone: what was sent may be done all the same.
struct Waiting {
    set: Commit,
    sent: Instant,
    _answer: Answer,
}

/// Held by the sender and by what was sent, so that the end of one of them does not close it.
type Answer = Arc<Mutex<oneshot::Receiver<Result<(), CommitError>>>>;

impl SimulatedFiles {
    /// Opens the data directory.
    pub fn open(directory: &Path, fates: Arc<dyn Fates>) -> Result<Arc<Self>, StoreError> {
        let files = OpenFiles::new(Arc::new(Directory::open(directory)?), usize::MAX);
        Ok(Arc::new(Self { state: Mutex::new(State { files, waiting: BTreeMap::new(), changed: BTreeSet::new() }), fates }))
    }

    /// A node's door to it, with that node's clock.
    pub fn store(self: &Arc<Self>, clock: Arc<dyn Clock>) -> Store {
        Store::new(Arc::new(Door(Arc::clone(self))), clock)
    }

    /// The tenants in which something was committed since the last call.
    pub fn changed(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut self.state().changed)
    }

    /// The rows of a query over the tenant's file, whose `?1`, if it has one, is the tenant; bytes as hexadecimal digits, NULL as nothing.
    pub fn select(&self, tenant: TenantId, query: &'static str) -> Result<Vec<Vec<String>>, StoreError> {
        let query = if query.contains("?1") { sql!(query, tenant.as_bytes()) } else { sql!(query) };
        let rows = self.state().read(tenant, vec![query])?;
        let text = |value: Value| match value {
            Value::Null => String::new(),
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        Ok(rows.into_iter().flatten().map(|Row(values)| values.into_iter().map(text).collect()).collect())
    }

    /// The database ends and starts anew: what was not begun never is.
    pub fn restart(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.files.close();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits some of what waits for this tenant in one transaction, in any order: write-sets under way together have none.
    fn take_turn(&self, tenant: TenantId) {
        let mut state = self.state();
        let mut waiting = state.waiting.remove(&tenant).unwrap_or_default();
        // An engine gives up what it did not begin in time.
        waiting.retain(|waiting| waiting.sent.elapsed() < PATIENCE);
        let count = 1 + self.fates.below(waiting.len());
        let mut commits = Vec::new();
        while commits.len() < count && !waiting.is_empty() {
            commits.push(waiting.swap_remove(self.fates.below(waiting.len())));
        }
        if !waiting.is_empty() {
            state.waiting.insert(tenant, waiting);
        }
        let (commits, _answers): (Vec<_>, Vec<_>) = commits.into_iter().map(|waiting| (waiting.set, waiting._answer)).unzip();
        state.changed.insert(tenant);
        state.files.take_turn(tenant, Turn { commits, ..Turn::default() });
    }
}

impl State {
    fn read(&mut self, tenant: TenantId, queries: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let (reply, mut answer) = oneshot::channel();
        self.files.take_turn(tenant, Turn { reads: vec![(queries, reply)], ..Turn::default() });
        answer.try_recv().map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

/// The engine of one node.
struct Door(Arc<SimulatedFiles>);

impl Door {
    async fn subjected<T, E: From<StoreError>>(
        &self,
        tenant: TenantId,
        what: &'static str,
        act: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let fate = self.0.fates.fate(tenant, what);
        let unavailable = || E::from(StoreError::Unavailable("the simulated store does not answer".to_owned()));
        yield_often(fate.yields.0).await;
        if fate.wait >= PATIENCE {
            tokio::time::sleep(PATIENCE).await;
            return Err(unavailable());
        }
        if !fate.wait.is_zero() {
            tokio::time::sleep(fate.wait).await;
        }
        if fate.fails {
            return Err(unavailable());
        }
        let done = act().await;
        yield_often(fate.yields.1).await;
        if fate.answer_lost { Err(unavailable()) } else { done }
    }
}

#[async_trait::async_trait]
impl Engine for Door {
    async fn read(&self, tenant: TenantId, queries: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        self.subjected(tenant, "read", async || self.0.state().read(tenant, queries)).await
    }

    async fn commit(&self, tenant: TenantId, steps: Vec<Step>) -> Result<(), CommitError> {
        let committed = async || {
            let (reply, answer) = oneshot::channel();
            let answer: Answer = Arc::new(Mutex::new(answer));
            let waiting = Waiting { set: (steps, reply), sent: Instant::now(), _answer: Arc::clone(&answer) };
            self.0.state().waiting.entry(tenant).or_default().push(waiting);
            loop {
                yield_often(1).await;
                let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut *locked(&answer)).poll(context))).await;
                match polled {
                    Poll::Ready(answered) => break answered.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string()).into())),
                    Poll::Pending => self.0.take_turn(tenant),
                }
            }
        };
        self.subjected(tenant, "commit", committed).await
    }

    async fn create_realm(&self, tenant: TenantId) -> Result<(), StoreError> {
        let create = async || {
            let (reply, mut answer) = oneshot::channel();
            self.0.state().files.take_turn(tenant, Turn { creates: vec![reply], ..Turn::default() });
            answer.try_recv().map_err(|error| StoreError::Unavailable(error.to_string()))?
        };
        self.subjected(tenant, "create", create).await
    }
}

async fn yield_often(times: u32) {
    for _ in 0..times {
        let mut yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
