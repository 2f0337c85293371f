//! The engines under test, and the clock they get.

use crate::cluster::{TestDatabase, cluster};
use chancery_domain::port::Clock;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{TenantId, Timestamp};
use chancery_store::postgres::{self, DatabaseUrl, Durability, PostgresConfig};
use chancery_store::sqlite::{self, SqliteConfig};
use chancery_store::{Store, TenantRow, TenantView};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Which engine a test runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// An empty store, and what keeps it alive.
pub(crate) struct Harness {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: Option<TestDatabase>,
    _directory: Option<TempDir>,
}

/// A clock that stands still until it is set.
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn starting() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_800_000_000_000)))
    }
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst) as u64)
    }
}

impl Engine {
    pub(crate) async fn start(self) -> Harness {
        let clock = ManualClock::starting();
        match self {
            Self::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                let store = open_sqlite(directory.path(), clock.clone()).await;
                Harness { store, clock, database: None, _directory: Some(directory) }
            }
            Self::Postgres => {
                let database = cluster().await.database().await;
                let store = open_postgres(&database, clock.clone()).await;
                Harness { store, clock, database: Some(database), _directory: None }
            }
        }
    }
}

pub(crate) async fn open_sqlite(directory: &Path, clock: Arc<ManualClock>) -> Store {
    let config = SqliteConfig { directory: directory.to_owned(), threads: 2, open_files: 4 };
    sqlite::open(config, clock).await.unwrap()
}

/// As a node without the owner's URL does.
pub(crate) async fn open_postgres(database: &TestDatabase, clock: Arc<ManualClock>) -> Store {
    let config = PostgresConfig {
        app_url: DatabaseUrl::new(database.app_url.clone()),
        owner_url: None,
        connections: 8,
        durability: Durability::Required,
    };
    postgres::open(config, clock).await.unwrap()
}

impl Harness {
    /// The view of a tenant with a record and a counter `things` with this ceiling.
    pub(crate) async fn tenant(&self, number: u8, ceiling: i64) -> TenantView {
        let id = tenant_id(number);
        self.store.create_realm(id).await.unwrap();
        let view = self.store.tenant(id);
        let mut changes = view.changes();
        changes.insert_tenant(&tenant_row(number));
        changes.insert_counter("things", ceiling);
        changes.commit().await.unwrap();
        view
    }
}

pub(crate) fn tenant_id(number: u8) -> TenantId {
    TenantId::from_bytes([number; 16])
}

pub(crate) fn tenant_row(number: u8) -> TenantRow {
    TenantRow {
        slug: format!("tenant-{number}"),
        status: TenantStatus::Active,
        epoch: 1,
        created_at: Timestamp::from_seconds(1_800_000_000),
    }
}
