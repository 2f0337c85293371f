//! Where a test's server keeps its data, on either engine, and a way to look at it from below.

use crate::Engine;
use crate::clock::SimClock;
use crate::cluster::{TestDatabase, cluster};
use chancery_store::postgres::{self, DatabaseUrl, Durability, PostgresConfig};
use chancery_store::sqlite::{self, SqliteConfig};
use chancery_store::{KeyringDb, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) database: Option<TestDatabase>,
}

impl Place {
    pub(crate) async fn new(engine: Engine) -> Self {
        // In memory where that is to be had: thousands of synced commits would wait for a disk otherwise.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { TempDir::with_prefix_in("chancery-", memory) } else { TempDir::with_prefix("chancery-") };
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(cluster().await.database().await),
        };
        Self { directory: directory.expect("a temporary directory is made"), database }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) async fn open(&self, clock: Arc<SimClock>) -> Store {
        match &self.database {
            None => {
                let config = SqliteConfig { directory: self.data(), threads: 2, open_files: 32 };
                sqlite::open(config, clock).await.expect("the data directory opens")
            }
            Some(database) => {
                // As the restricted role: what the owner could do must not be needed.
                let config = PostgresConfig {
                    app_url: DatabaseUrl::new(database.app_url.clone()),
                    owner_url: None,
                    connections: 6,
                    durability: Durability::Required,
                };
                postgres::open(config, clock).await.expect("the database opens")
            }
        }
    }

    pub(crate) async fn open_keyring(&self) -> Arc<dyn KeyringDb> {
        sqlite::open_keyring(&self.directory.path().join("keyring/keyring.db")).await.expect("the keyring opens")
    }
}
