//! Where a world lies: a folder, and on PostgreSQL a database for the data and one for the keyring.

use anyhow::{Context, Result};
use chancery::Config;
use chancery::config::{Database, KeyringPlace};
use chancery::system::SystemClock;
use chancery_domain::TenantId;
use chancery_store::postgres::{self, DatabaseUrl, Durability, PostgresConfig};
use chancery_store::{Store, sqlite};
use chancery_testkit::cluster::{TestDatabase, cluster};
use chancery_testkit::{Engine, Raw};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const PUBLIC_URL: &str = "http://pki.crash.example";

pub(crate) struct Place {
    folder: TempDir,
    data: Option<TestDatabase>,
    keyring: Option<TestDatabase>,
}

impl Place {
    pub(crate) async fn new(engine: Engine) -> Result<Self> {
        // In memory where that is to be had: these are crashes of the process, not of the machine.
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { TempDir::with_prefix_in("chancery-crash-", memory) } else { TempDir::with_prefix("chancery-crash-") }?;
        let (data, keyring) = match engine {
            Engine::Sqlite => (None, None),
            // Empty, so that the server's own migrations are among what is killed.
            Engine::Postgres => (Some(cluster().await.empty_database().await), Some(cluster().await.empty_database().await)),
        };
        Ok(Self { folder, data, keyring })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server's configuration, for a process.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut variables = vec![
            ("CHANCERY_DATA_DIR", path("data")),
            ("CHANCERY_ROOT_KEY_FILE", path("keyring/root.key")),
            ("CHANCERY_LISTEN", "127.0.0.1:0".to_owned()),
            ("CHANCERY_PUBLIC_URL", PUBLIC_URL.to_owned()),
            ("CHANCERY_LOG_FORMAT", "json".to_owned()),
            ("CHANCERY_STORE_THREADS", "2".to_owned()),
        ];
        match (&self.data, &self.keyring) {
            (Some(data), Some(keyring)) => {
                variables.push(("CHANCERY_DATABASE_URL", data.app_url.clone()));
                variables.push(("CHANCERY_DATABASE_OWNER_URL", data.owner_url.clone()));
                variables.push(("CHANCERY_DATABASE_CONNECTIONS", "6".to_owned()));
                variables.push(("CHANCERY_KEYRING_URL", keyring.owner_url.clone()));
            }
            _ => variables.push(("CHANCERY_KEYRING_FILE", path("keyring/keyring.db"))),
        }
        variables
    }

    /// The same, for a server in this process.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::contained(self.folder.path());
        config.public_url = Some(PUBLIC_URL.to_owned());
        if let (Some(data), Some(keyring)) = (&self.data, &self.keyring) {
            let app_url = DatabaseUrl::new(data.app_url.clone());
            config.database = Some(Database { app_url, owner_url: None, backup_url: None, connections: 6 });
            config.keyring = KeyringPlace::Postgres(DatabaseUrl::new(keyring.owner_url.clone()));
        }
        config
    }

    /// What the stopped server stored, from below.
    pub(crate) async fn raw(&self) -> Raw {
        match &self.data {
            None => Raw::Sqlite(self.data()),
            Some(database) => Raw::connect(database).await,
        }
    }

    /// What the stopped server stored, through the store's own door, to be looked at.
    pub(crate) async fn store(&self) -> Result<Store> {
        let clock = Arc::new(SystemClock::new());
        Ok(match &self.data {
            None => sqlite::look(&self.data(), clock).await?,
            Some(database) => {
                let app_url = DatabaseUrl::new(database.app_url.clone());
                postgres::open(PostgresConfig { app_url, owner_url: None, connections: 2, durability: Durability::Required }, clock).await?
            }
        })
    }

    /// What a killed server left of these realms: of files a copy, so that it is the next server that takes them up.
    pub(crate) async fn raw_of_killed(&self, realms: impl Iterator<Item = &str>) -> Result<(Raw, Option<TempDir>)> {
        let Some(folder) = self.folder.path().parent().filter(|_| self.data.is_none()) else { return Ok((self.raw().await, None)) };
        let copy = TempDir::with_prefix_in("chancery-crash-", folder)?;
        std::fs::create_dir(copy.path().join("tenants"))?;
        for realm in realms {
            let name = if realm == TenantId::PLATFORM.to_string() { "platform.db".to_owned() } else { format!("tenants/{realm}.db") };
            for name in [name.clone(), format!("{name}-wal")] {
                let from = self.data().join(&name);
                if from.try_exists()? {
                    std::fs::copy(from, copy.path().join(name))?;
                }
            }
        }
        Ok((Raw::Sqlite(copy.path().to_owned()), Some(copy)))
    }

    /// Tenants' files that stand in the data directory, by name; on PostgreSQL there are none.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        if self.data.is_some() {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(self.data().join("tenants")).context("the data directory has no folder of tenants")?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    pub(crate) async fn discard(self) {
        for database in self.data.into_iter().chain(self.keyring) {
            cluster().await.discard(database).await;
        }
    }
}
