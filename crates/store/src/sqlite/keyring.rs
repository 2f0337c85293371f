//! The keyring in a single file, apart from the data directory and its backups.

use super::directory::medium;
use super::file::{self, store_error};
use crate::migration::SQLITE_KEYRING;
use crate::{KeyringDb, KeyringRow, StoreError, disk};
use chancery_domain::{Sealed, TenantId, kill_point};
use rusqlite::{Connection, OptionalExtension, params};
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Opens the keyring's file, making it if it is missing. No other process may have it open.
///
/// Errors: `Unavailable` when another process has it, `Schema` when a newer program wrote it, `Medium` otherwise.
pub async fn open_keyring(path: &Path) -> Result<Arc<dyn KeyringDb>, StoreError> {
    let path = path.to_owned();
    let (connection, _lock) = blocking(move || open(&path)).await?;
    Ok(Arc::new(SqliteKeyring { connection: Arc::new(Mutex::new(connection)), _lock }))
}

fn open(path: &Path) -> Result<(Connection, File), StoreError> {
    let folder = disk::folder_of(path);
    disk::make_folder(folder).map_err(|error| medium(folder, &error))?;
    if !path.try_exists().map_err(|error| medium(path, &error))? {
        disk::make_file(path).map_err(|error| medium(path, &error))?;
    }
    let lock = in_use(path).map_err(|error| medium(path, &error))?;
    let mut connection = file::open(path)?;
    let versions: Vec<_> = SQLITE_KEYRING.iter().map(|script| vec![*script]).collect();
    file::migrate(&mut connection, &versions)?;
    kill_point!("sqlite.keyring.made");
    disk::sync_folder(folder).map_err(|error| medium(folder, &error))?;
    Ok((connection, lock))
}

/// The file, locked together with whoever else has it open. Who is first writes a journal that was left once more: what SQLite takes for
/// committed in it is answered for, and must be on the disk.
fn in_use(path: &Path) -> io::Result<File> {
    let lock = File::open(path)?;
    match lock.try_lock() {
        Ok(()) => disk::write_again(&file::journal(path))?,
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    lock.lock_shared()?;
    Ok(lock)
}

struct SqliteKeyring {
    connection: Arc<Mutex<Connection>>,
    _lock: File,
}

impl SqliteKeyring {
    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || act(&connection.lock().unwrap_or_else(PoisonError::into_inner)).map_err(|error| store_error(&error))).await
    }
}

#[async_trait::async_trait]
impl KeyringDb for SqliteKeyring {
    async fn load(&self, tenant: TenantId, kind: &str) -> Result<Option<KeyringRow>, StoreError> {
        let kind = kind.to_owned();
        self.with(move |connection| select(connection, tenant, &kind).optional()).await
    }

    async fn insert_if_absent(&self, row: KeyringRow) -> Result<KeyringRow, StoreError> {
        self.with(move |connection| {
            kill_point!("sqlite.keyring.before");
            connection
                .prepare_cached("INSERT INTO keyring (tenant_id, kind, root_epoch, sealed) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?
                .execute(params![row.tenant.as_bytes(), row.kind, row.root_epoch, row.sealed.as_ref().map(Sealed::as_bytes)])?;
            kill_point!("sqlite.keyring.after");
            select(connection, row.tenant, &row.kind)
        })
        .await
    }
}

fn select(connection: &Connection, tenant: TenantId, kind: &str) -> rusqlite::Result<KeyringRow> {
    connection.prepare_cached("SELECT root_epoch, sealed FROM keyring WHERE tenant_id = ?1 AND kind = ?2")?.query_row(
        params![tenant.as_bytes(), kind],
        |row| {
            let sealed = row.get::<_, Option<Vec<u8>>>(1)?.map(Sealed::from_ciphertext);
            Ok(KeyringRow { tenant, kind: kind.to_owned(), root_epoch: row.get(0)?, sealed })
        },
    )
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(act).await.map_err(|error| StoreError::Unavailable(error.to_string()))?
}
