//! One SQLite file: how it is opened, migrated, and what its errors mean.

use super::directory::medium;
use crate::{StoreError, disk};
use chancery_domain::{broken, enforced, kill_point};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::path::{Path, PathBuf};

/// Statements kept prepared in a connection: all that this crate has.
const STATEMENTS: usize = 160;

/// Opens a file that exists.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| store_error(&error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A batch's dirty pages should fit the cache (4 MB, taken only when used). The WAL goes back into the file after 1,000 pages, as by
    // default: with 16,384 one tenant alone is a fifth faster, and while the disk takes 64 MB at once every other tenant waits (I11).
    // The directory's lock keeps other writers out; not SQLite's exclusive mode, which would keep out backups, too.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;
             PRAGMA cache_size = -4096; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;
             PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216",
        )
        .map_err(|error| store_error(&error))?;
    for (fault, pragma) in [
        (broken!("sqlite.synchronous-normal"), "PRAGMA synchronous = NORMAL"),
        (broken!("sqlite.synchronous-off"), "PRAGMA synchronous = OFF"),
    ] {
        if fault {
            connection.execute_batch(pragma).map_err(|error| store_error(&error))?;
        }
    }
    Ok(connection)
}

/// Closes the only connection to a file, which writes the journal back and removes it.
pub(super) fn close(connection: Connection, path: &Path) -> Result<(), StoreError> {
    connection.close().map_err(|(_, error)| store_error(&error))?;
    // Of a journal that could not be written back SQLite says nothing, and the file without it may be empty.
    let journal = journal(path);
    if journal.try_exists().map_err(|error| medium(&journal, &error))? && enforced!("journal.written-back") {
        return Err(StoreError::Medium(format!("{} was not written back", journal.display())));
    }
    Ok(())
}

/// The write-ahead log beside a file.
pub(super) fn journal(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// The file whose name is that of this one and an ending.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Opens a file that exists for reading alone; its schema must be the known one.
pub(super) fn look(path: &Path, known: usize) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| store_error(&error))?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(|error| store_error(&error))?;
    let at = version(&connection)?;
    if usize::try_from(at).is_ok_and(|at| at == known) {
        return Ok(connection);
    }
    Err(StoreError::Schema(format!(
        "{} has version {at}, this program knows {known}: a server brings it up when it opens it",
        path.display()
    )))
}

/// Makes an empty file that only this user reads, and opens it.
pub(super) fn create(path: &Path) -> Result<Connection, StoreError> {
    disk::make_file(path).map_err(|error| medium(path, &error))?;
    open(path)
}

/// The schema that the file has; zero where it has none.
pub(super) fn version(connection: &Connection) -> Result<u32, StoreError> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| store_error(&error))
}

/// Brings the file's schema up to date: one transaction a version, numbered by `user_version`.
pub(super) fn migrate(connection: &mut Connection, versions: &[Vec<&str>]) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| store_error(&error);
    let at = version(connection)?;
    let known = versions.len();
    if usize::try_from(at).is_ok_and(|at| at > known) {
        return Err(StoreError::Schema(format!("the file has version {at}, this program knows {known}: use a newer program")));
    }
    for (number, scripts) in (1_u32..).zip(versions).filter(|(number, _)| *number > at) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(failed)?;
        for script in scripts {
            transaction.execute_batch(script).map_err(failed)?;
        }
        transaction.pragma_update(None, "user_version", number).map_err(failed)?;
        kill_point!("sqlite.migration.before");
        transaction.commit().map_err(failed)?;
        kill_point!("sqlite.migration.after");
    }
    Ok(())
}

/// What SQLite's error means.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::ReadOnly | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase,
        ) => StoreError::Medium(text),
        Some(ErrorCode::DiskFull) => StoreError::Full(text),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OutOfMemory) => StoreError::Unavailable(text),
        _ => StoreError::Statement(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_journal_stays_is_not_closed_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realm.db");
        let connection = create(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
        // As long as somebody else has it open the journal is not removed, as where it cannot be written back.
        let other = open(&path).unwrap();
        assert_eq!(other.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        let closed = close(connection, &path);
        assert!(matches!(closed, Err(StoreError::Medium(_))), "{closed:?}");
        close(other, &path).unwrap();
        assert!(!journal(&path).exists());
    }
}
