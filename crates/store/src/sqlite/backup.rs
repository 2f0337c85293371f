//! Backups of SQLite files, taken while a server runs.
//!
//! Each file is one snapshot, but not all of them are one. No act spans two files, so what may differ is how far the platform's
//! projections are: the tenants come first and the platform last. So every message that left an outbox has arrived in the copy of the
//! platform; one that had not left is delivered again, which changes nothing. A tenant that was made meanwhile is copied, too, and the
//! platform once more after it. Where the register is ahead of a tenant's own status, reconciliation lets it follow; lanes are all due
//! after a restore.

use super::file::store_error;
use crate::backup::{Draft, failed};
use crate::{BackupEngine, BackupError, Content, Manifest, StoreError};
use chancery_domain::{TenantId, Timestamp, enforced};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// As often new tenants may come while the others are copied.
const ROUNDS: usize = 20;
/// As often a file's lock may be in the way, 50 ms each.
const TRIES: usize = 200;

/// Backs up a data directory into a new folder, whether or not a server has it open.
///
/// # Errors
/// [`BackupError::Damaged`] when a copy does not pass SQLite's own check, with the file's name.
pub async fn backup(directory: &Path, to: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    let (directory, to) = (directory.to_owned(), to.to_owned());
    blocking(move || {
        if !directory.join("platform.db").try_exists().map_err(failed(&directory))? {
            return Err(BackupError::Place(format!("{} holds no data: nothing was initialised there", directory.display())));
        }
        let draft = Draft::begin(&to)?;
        let mut manifest = Manifest::new(Content::Data, BackupEngine::Sqlite, now);
        copy_all(&directory, draft.folder(), &mut manifest)?;
        draft.finish(manifest)
    })
    .await
}

/// Backs up a keyring's file into a new folder, whether or not a server has it open.
///
/// # Errors
/// As [`backup`].
pub async fn backup_keyring(file: &Path, to: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    let (file, to) = (file.to_owned(), to.to_owned());
    blocking(move || {
        if !file.try_exists().map_err(failed(&file))? {
            return Err(BackupError::Place(format!("{} does not exist: there is no keyring there", file.display())));
        }
        let draft = Draft::begin(&to)?;
        let mut manifest = Manifest::new(Content::Keyring, BackupEngine::Sqlite, now);
        manifest.schema = copy(&file, &draft.folder().join("keyring.db"))?;
        draft.finish(manifest)
    })
    .await
}

fn copy_all(directory: &Path, to: &Path, manifest: &mut Manifest) -> Result<(), BackupError> {
    let tenants = to.join("tenants");
    DirBuilder::new().mode(0o700).create(&tenants).map_err(failed(&tenants))?;
    let platform = to.join("platform.db");
    let mut copied = BTreeSet::new();
    for _ in 0..ROUNDS {
        for tenant in files(&directory.join("tenants"))? {
            if copied.insert(tenant) {
                let name = format!("tenants/{tenant}.db");
                manifest.schema = manifest.schema.max(copy(&directory.join(&name), &to.join(&name))?);
            }
        }
        if platform.try_exists().map_err(failed(&platform))? {
            fs::remove_file(&platform).map_err(failed(&platform))?;
        }
        manifest.schema = manifest.schema.max(copy(&directory.join("platform.db"), &platform)?);
        let registered = registered(&platform)?;
        let missing: Vec<_> = registered.difference(&copied).collect();
        if missing.is_empty() {
            manifest.tenants = copied.into_iter().collect();
            return Ok(());
        }
        if let Some(lost) = missing.iter().find(|tenant| !directory.join(format!("tenants/{tenant}.db")).exists()) {
            return Err(BackupError::Place(format!("the register names tenant {lost}, and its file is missing from the data directory")));
        }
    }
    Err(BackupError::Place("tenants are made faster than they are copied: try again".to_owned()))
}

/// The files of a data directory that exist, by their names in it.
pub(super) fn names(directory: &Path) -> Result<Vec<String>, StoreError> {
    let tenants = files(&directory.join("tenants")).map_err(|error| StoreError::Medium(error.to_string()))?;
    Ok(std::iter::once("platform.db".to_owned()).chain(tenants.iter().map(|tenant| format!("tenants/{tenant}.db"))).collect())
}

fn files(folder: &Path) -> Result<BTreeSet<TenantId>, BackupError> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()).map_err(failed(folder))?;
    let names = entries.iter().map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.to_str()?.strip_suffix(".db")?.parse().ok()).collect())
}

/// The tenants that must have a file.
fn registered(platform: &Path) -> Result<BTreeSet<TenantId>, BackupError> {
    let connection = Connection::open_with_flags(platform, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| store_error(&error))?;
    let ids = connection.prepare("SELECT tenant_id FROM registered_tenant WHERE status <> 'creating'").and_then(|mut statement| {
        let rows = statement.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
        rows.map(|id| id.map(TenantId::from_bytes)).collect::<Result<_, _>>()
    });
    Ok(ids.map_err(|error| store_error(&error))?)
}

/// Copies one file as it is in one snapshot and checks the copy; the version of its schema.
fn copy(from: &Path, to: &Path) -> Result<u32, BackupError> {
    let failure = |error: rusqlite::Error| BackupError::Store(store_error(&error));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(failure)?;
    source.busy_timeout(Duration::from_secs(5)).map_err(failure)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed(to))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags).map_err(failure)?;
    // All pages in one step: one snapshot, which the writer need not wait for.
    let backup = Backup::new(&source, &mut copy).map_err(failure)?;
    for attempt in 0.. {
        match backup.step(-1).map_err(failure)? {
            StepResult::Done => break,
            _ if attempt > TRIES => return Err(StoreError::Unavailable(format!("{} is locked by another process", from.display())).into()),
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    drop(backup);
    // The copy has no log beside it, not even while it is read.
    copy.pragma_update(None, "journal_mode", "DELETE").map_err(failure)?;
    let version = copy.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failure)?;
    match integrity(&copy).map_err(failure)? {
        sound if sound == "ok" || !enforced!("backup.integrity") => Ok(version),
        fault => Err(crate::backup::damaged(&from.display().to_string(), format!("SQLite's integrity check says: {fault}"))),
    }
}

/// What SQLite's integrity check says first; `ok` if nothing is wrong.
pub(super) fn integrity(connection: &Connection) -> rusqlite::Result<String> {
    match connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)) {
        // Too broken to be checked.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) => Ok(error.to_string()),
        other => other,
    }
}

pub(super) async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T, BackupError> + Send + 'static) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(act).await;
    done.map_err(|error| BackupError::Store(StoreError::Unavailable(error.to_string())))?
}
