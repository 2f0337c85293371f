//! A backup of SQLite files put back, whole or not at all: until it is, a file in the directory says so, and no server opens it.

use super::backup::blocking;
use super::directory::{LOCK, RESTORING, lock};
use super::file::{beside, store_error};
use crate::backup::{compare, damaged, failed, listing, sync};
use crate::migration::{SQLITE, SQLITE_KEYRING};
use crate::restored::{INCARNATION, MARK, RestoreMark};
use crate::{BackupEngine, BackupError, Content, FileSum, Manifest, disk};
use chancery_domain::{Timestamp, enforced, kill_point};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Restores a backup into an empty or missing data directory, and marks it: it is read-only until it is reconciled.
///
/// # Errors
/// [`BackupError::Damaged`] before anything is touched, `Place` when the directory is not empty.
pub async fn restore(from: &Path, directory: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    let (from, directory) = (from.to_owned(), directory.to_owned());
    blocking(move || {
        let manifest = Manifest::verified(&from)?;
        manifest.expect(Content::Data, BackupEngine::Sqlite, SQLITE.len())?;
        fits(&manifest)?;
        let _lock = begin(&directory)?;
        let tenants = directory.join("tenants");
        DirBuilder::new().recursive(true).mode(0o700).create(&tenants).map_err(failed(&tenants))?;
        for (name, sum) in &manifest.files {
            write(&from.join(name), &directory.join(name), name, sum)?;
            kill_point!("restore.file");
        }
        mark(&directory.join("platform.db"), &manifest, now)?;
        kill_point!("restore.marked");
        sync(&tenants)?;
        end(&directory)?;
        Ok(manifest)
    })
    .await
}

/// Restores a keyring's file where there is none.
///
/// # Errors
/// As [`restore`].
pub async fn restore_keyring(from: &Path, file: &Path) -> Result<Manifest, BackupError> {
    let (from, file) = (from.to_owned(), file.to_owned());
    blocking(move || {
        let manifest = Manifest::verified(&from)?;
        manifest.expect(Content::Keyring, BackupEngine::Sqlite, SQLITE_KEYRING.len())?;
        // SQLite would play what is left of another file's log into this one.
        for end in ["", "-wal", "-shm", "-journal"] {
            let over = beside(&file, end);
            if over.try_exists().map_err(failed(&over))? && enforced!("restore.keyring-over") {
                let over = over.display();
                return Err(BackupError::Place(format!("{over} exists: a keyring is never restored over another, move it away first")));
            }
        }
        let folder = disk::folder_of(&file).to_owned();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
        let unfinished = file.with_extension("restoring");
        if unfinished.try_exists().map_err(failed(&unfinished))? {
            fs::remove_file(&unfinished).map_err(failed(&unfinished))?;
        }
        let (name, sum) = manifest.files.first_key_value().ok_or_else(|| BackupError::Place("the backup is empty".to_owned()))?;
        write(&from.join(name), &unfinished, name, sum)?;
        kill_point!("restore.keyring.before");
        fs::rename(&unfinished, &file).map_err(failed(&file))?;
        kill_point!("restore.keyring.after");
        sync(&folder)?;
        Ok(manifest)
    })
    .await
}

/// Locks the directory and says in it that a restore is under way. What an earlier one left is removed.
fn begin(directory: &Path) -> Result<File, BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed(directory))?;
    let lock = lock(&directory.join(LOCK))?;
    let marker = directory.join(RESTORING);
    if marker.try_exists().map_err(failed(&marker))? {
        for name in listing(directory)?.iter().filter(|name| name.as_str() != LOCK && name.as_str() != RESTORING) {
            let path = directory.join(name);
            fs::remove_file(&path).map_err(failed(&path))?;
        }
    } else if let Some(found) = listing(directory)?.iter().find(|name| name.as_str() != LOCK).filter(|_| enforced!("restore.over")) {
        let place = directory.display();
        return Err(BackupError::Place(format!("{place} is not empty ({found}): a backup is restored into an empty directory alone")));
    }
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&marker).map_err(failed(&marker))?;
    sync(directory)?;
    kill_point!("restore.begun");
    Ok(lock)
}

fn end(directory: &Path) -> Result<(), BackupError> {
    sync(directory)?;
    kill_point!("restore.end.before");
    let marker = directory.join(RESTORING);
    fs::remove_file(&marker).map_err(failed(&marker))?;
    kill_point!("restore.end.after");
    sync(directory)
}

/// A manifest is written by whoever could write the backup: it names the files of a data directory with these tenants and nothing else.
fn fits(manifest: &Manifest) -> Result<(), BackupError> {
    let tenants = manifest.tenants.iter().map(|tenant| format!("tenants/{tenant}.db"));
    let expected: BTreeSet<String> = tenants.chain(["platform.db".to_owned()]).collect();
    if let Some(name) = manifest.files.keys().find(|name| !expected.contains(*name)).filter(|_| enforced!("restore.names")) {
        return Err(damaged(name, "no such file belongs into a data directory with the tenants that the manifest names"));
    }
    match expected.iter().find(|name| !manifest.files.contains_key(*name)) {
        Some(name) if enforced!("restore.tenants") => Err(damaged(name, "the manifest names what is in it, and not the file")),
        _ => Ok(()),
    }
}

/// Copies the file, comparing what is read this time, too.
fn write(from: &Path, to: &Path, name: &str, sum: &FileSum) -> Result<(), BackupError> {
    let source = File::open(from).map_err(failed(from))?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed(to))?;
    let found = FileSum::copying(source, &mut copy).map_err(failed(to))?;
    compare(name, sum, &found)?;
    // no kill point: the callers have theirs
    copy.sync_all().map_err(failed(to))
}

/// Marks the store, and every lane as due: settled ones may be of another moment than the jobs.
fn mark(platform: &Path, manifest: &Manifest, now: Timestamp) -> Result<(), BackupError> {
    let failure = |error: rusqlite::Error| BackupError::Store(store_error(&error));
    let mut connection = Connection::open(platform).map_err(failure)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failure)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(failure)?;
    let before: Option<Vec<u8>> =
        transaction.query_row("SELECT value FROM setting WHERE name = ?1", params![MARK], |row| row.get(0)).optional().map_err(failure)?;
    let mark = RestoreMark::renewed(before.as_deref(), manifest.taken_at, now)?;
    let set = "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)";
    transaction.execute(set, params![MARK, mark.to_bytes()]).map_err(failure)?;
    transaction.execute(set, params![INCARNATION, mark.incarnation()]).map_err(failure)?;
    let lanes = "INSERT INTO lane (tenant_id, due_at, virtual_time, marked_at)
         SELECT tenant_id, ?1, 0, ?1 FROM (SELECT tenant_id FROM registered_tenant UNION SELECT zeroblob(16)) WHERE true
         ON CONFLICT (tenant_id) DO UPDATE SET due_at = excluded.due_at, marked_at = excluded.marked_at";
    transaction.execute(lanes, params![now.millis()]).map_err(failure)?;
    kill_point!("restore.mark.before");
    transaction.commit().map_err(failure)?;
    connection.close().map_err(|(_, error)| failure(error))
}
