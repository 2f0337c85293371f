//! SQLite: one file per tenant, a few threads that own the connections, write-sets committed in groups.

mod backup;
mod batch;
mod directory;
mod file;
mod keyring;
mod queue;
mod restore;
#[cfg(feature = "simulation")]
pub mod simulation;
mod thread;

use crate::engine::{Engine, Step};
use crate::migration::SQLITE;
use crate::restored::ReadOnly;
use crate::statement::Statement;
use crate::value::Row;
use crate::{CommitError, Store, StoreError};
pub use backup::{backup, backup_keyring};
use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use directory::Directory;
pub use keyring::open_keyring;
use queue::{Request, Work};
pub use restore::{restore, restore_keyring};
use std::path::{Path, PathBuf};
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
/// Files that whoever only looks keeps open.
const LOOKED_AT: usize = 8;

/// Opens the data directory, making it if it is missing; no other process may have it open.
///
/// Errors: `Unavailable` when another process has it, `Schema` when a newer program wrote it, `Medium` otherwise.
pub async fn open(config: SqliteConfig, clock: Arc<dyn Clock>) -> Result<Store, StoreError> {
    let opening = tokio::task::spawn_blocking(move || SqliteEngine::open(&config));
    let engine = opening.await.map_err(|error| StoreError::Unavailable(error.to_string()))??;
    engine.create_realm(TenantId::PLATFORM).await?;
    Store::open(Arc::new(engine), clock).await
}

/// Opens a data directory to look at it while a server may have it open: nothing is made, migrated or written.
///
/// Errors: `NoRealm` when nothing was initialised there.
pub async fn look(directory: &Path, clock: Arc<dyn Clock>) -> Result<Store, StoreError> {
    let threads = vec![StoreThread::start(0, Arc::new(Directory::look(directory)), LOOKED_AT)?];
    Store::open(Arc::new(ReadOnly(Arc::new(SqliteEngine { threads }))), clock).await
}

/// Checks every file of a data directory, whether or not a server has it open: its name, and what is wrong with it.
pub async fn check_files(directory: &Path) -> Result<Vec<(String, Result<(), StoreError>)>, StoreError> {
    let directory = directory.to_owned();
    let checking = tokio::task::spawn_blocking(move || {
        let names = backup::names(&directory)?;
        Ok(names
            .into_iter()
            .map(|name| {
                let sound = check(&directory.join(&name));
                (name, sound)
            })
            .collect())
    });
    checking.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
}

fn check(path: &Path) -> Result<(), StoreError> {
    let connection = file::look(path, SQLITE.len())?;
    match backup::integrity(&connection).map_err(|error| file::store_error(&error))? {
        sound if sound == "ok" => Ok(()),
        fault => Err(StoreError::Medium(fault)),
    }
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
