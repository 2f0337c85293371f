//! SQLite: one file per tenant, a few threads that own the connections, write-sets committed in groups.

mod batch;
mod directory;
mod file;
mod keyring;
mod queue;
mod thread;

use crate::engine::{Engine, Step};
use crate::statement::Statement;
use crate::value::Row;
use crate::{CommitError, Store, StoreError};
use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use directory::Directory;
pub use keyring::open_keyring;
use queue::{Request, Work};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thread::StoreThread;
use tokio::sync::oneshot;

/// Where the files are and what may be spent on them.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The data directory: `platform.db`, `tenants/<uuid>.db` and the lock file.
    pub directory: PathBuf,
    /// Threads that own the connections; at least one.
    pub threads: usize,
    /// Files kept open in all, about 0.2 MB and 3 descriptors each; at least one a thread.
    pub open_files: usize,
}

/// How long a caller waits; what was not begun by then never is, so that a lane need not wait for it (COMMIT_GRACE).
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens the data directory, making it if it is missing; no other process may have it open.
///
/// Errors: `Unavailable` when another process has it, `Schema` when a newer program wrote it, `Medium` otherwise.
pub async fn open(config: SqliteConfig, clock: Arc<dyn Clock>) -> Result<Store, StoreError> {
    let opening = tokio::task::spawn_blocking(move || SqliteEngine::open(&config));
    let engine = opening.await.map_err(|error| StoreError::Unavailable(error.to_string()))??;
    engine.create_realm(TenantId::PLATFORM).await?;
    Ok(Store::new(Arc::new(engine), clock))
}

/// Hands requests to the thread that has the tenant's file. Dropped, it lets the threads finish and waits for them.
struct SqliteEngine {
    threads: Vec<StoreThread>,
}

impl SqliteEngine {
    fn open(config: &SqliteConfig) -> Result<Self, StoreError> {
        let directory = Arc::new(Directory::open(&config.directory)?);
        let count = config.threads.max(1);
        let open_files = (config.open_files / count).max(1);
        let threads = (0..count).map(|number| StoreThread::start(number, Arc::clone(&directory), open_files)).collect::<Result<_, _>>()?;
        Ok(Self { threads })
    }

    async fn ask<T, E: From<StoreError>>(
        &self,
        tenant: TenantId,
        work: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Work,
    ) -> Result<T, E> {
        let stopped = || E::from(StoreError::Unavailable("a store thread has stopped: see its log".to_owned()));
        let (reply, answer) = oneshot::channel();
        // The end of an id is random, also in time-ordered ones.
        let [.., end] = *tenant.as_bytes();
        let thread = self.threads.get(usize::from(end) % self.threads.len().max(1)).ok_or_else(stopped)?;
        let answered = async {
            thread.send(Request { tenant, work: work(reply) }).await.map_err(|_| stopped())?;
            answer.await.map_err(|_| stopped())?
        };
        let late = |_| E::from(StoreError::Unavailable("the store is overloaded, or its disk does not answer".to_owned()));
        tokio::time::timeout(PATIENCE, answered).await.map_err(late)?
    }
}

#[async_trait::async_trait]
impl Engine for SqliteEngine {
    async fn read(&self, tenant: TenantId, queries: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        self.ask(tenant, |reply| Work::Read { queries, reply }).await
    }

    async fn commit(&self, tenant: TenantId, steps: Vec<Step>) -> Result<(), CommitError> {
        self.ask(tenant, |reply| Work::Commit { steps, reply }).await
    }

    async fn create_realm(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.ask(tenant, |reply| Work::Create { reply }).await
    }
}
