//! The data directory: its lock, its names, and how a realm's file comes to be.

use super::file;
use crate::migration::SQLITE;
use crate::{StoreError, disk};
use chancery_domain::{TenantId, enforced, kill_point};
use rusqlite::Connection;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// An opened data directory. The lock ends with it.
pub(super) struct Directory {
    root: PathBuf,
    /// None for whoever only looks, while a server may have it open.
    lock: Option<File>,
}

impl Drop for Directory {
    /// Said, and not left to the closing of the file: a child process has a copy of its descriptor between fork and exec.
    fn drop(&mut self) {
        if let Some(Err(error)) = self.lock.as_ref().map(File::unlock) {
            tracing::warn!(%error, "the data directory stays locked until this process has ended");
        }
    }
}

/// Suffix of a realm's file that is not complete.
const UNFINISHED: &str = "new";
/// The file whose lock the process holds that has the directory open.
pub(super) const LOCK: &str = "lock";
/// The file that stands in the directory while a backup is restored into it.
pub(super) const RESTORING: &str = "RESTORING";

impl Directory {
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        let tenants = root.join("tenants");
        disk::make_folder(&tenants).map_err(|error| medium(&tenants, &error))?;
        let lock = lock(&root.join(LOCK))?;
        if root.join(RESTORING).try_exists().map_err(|error| medium(root, &error))? && enforced!("restore.unfinished") {
            return Err(StoreError::Unavailable(format!(
                "a restore into {} was not finished: run `chancery restore` again with the same backup",
                root.display()
            )));
        }
        for directory in [root, &tenants] {
            // What a process renamed before it died may not be on the disk yet. no kill point: nothing new is done
            let tidied = remove_unfinished(directory).and_then(|()| disk::sync_folder(directory));
            tidied.map_err(|error| medium(directory, &error))?;
        }
        Ok(Self { root: root.to_owned(), lock: Some(lock) })
    }

    /// The directory for whoever only reads it: nothing is made, locked or migrated.
    pub(super) fn look(root: &Path) -> Self {
        Self { root: root.to_owned(), lock: None }
    }

    fn path(&self, tenant: TenantId) -> PathBuf {
        match tenant {
            TenantId::PLATFORM => self.root.join("platform.db"),
            _ if !enforced!("file.tenant") => self.root.join("tenants").join("all.db"),
            _ => self.root.join("tenants").join(format!("{tenant}.db")),
        }
    }

    /// Which file has the realm's name now.
    pub(super) fn identity(&self, tenant: TenantId) -> Option<(u64, u64)> {
        fs::metadata(self.path(tenant)).ok().as_ref().map(disk::identity)
    }

    /// Refuses a directory that was emptied and filled anew: a lock on a file that was removed keeps nobody out.
    fn still_ours(&self) -> Result<(), StoreError> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let path = self.root.join(LOCK);
        let held = lock.metadata().map_err(|error| medium(&path, &error))?;
        if fs::metadata(&path).ok().as_ref().map(disk::identity) != Some(disk::identity(&held)) && enforced!("directory.lock") {
            let place = self.root.display();
            return Err(StoreError::Unavailable(format!("{place} was emptied or restored while this server had it open: stop the server")));
        }
        Ok(())
    }

    /// Opens the realm's file, bringing its schema up to date; never makes one.
    pub(super) fn open_realm(&self, tenant: TenantId) -> Result<Connection, StoreError> {
        let path = self.path(tenant);
        self.still_ours()?;
        if !path.try_exists().map_err(|error| medium(&path, &error))? {
            return Err(StoreError::NoRealm);
        }
        if self.lock.is_none() {
            return file::look(&path, SQLITE.len());
        }
        // What SQLite takes for committed in a journal that was left is answered for: it must be on the disk.
        let journal = file::journal(&path);
        disk::write_again(&journal).map_err(|error| medium(&journal, &error))?;
        let mut connection = file::open(&path)?;
        // Made anew it would be a tenant that has nothing.
        if file::version(&connection)? == 0 && enforced!("file.empty") {
            return Err(StoreError::Medium(format!("{} is empty: restore it from a backup", path.display())));
        }
        file::migrate(&mut connection, &scripts(tenant))?;
        Ok(connection)
    }

    /// Makes the realm's file unless there is one. A crash leaves it whole or not at all.
    pub(super) fn create_realm(&self, tenant: TenantId) -> Result<(), StoreError> {
        let path = self.path(tenant);
        self.still_ours()?;
        if path.try_exists().map_err(|error| medium(&path, &error))? {
            return Ok(());
        }
        let unfinished = path.with_extension(UNFINISHED);
        kill_point!("sqlite.realm.create");
        let mut connection = file::create(&unfinished)?;
        file::migrate(&mut connection, &scripts(tenant))?;
        // One file is left to be renamed.
        file::close(connection, &unfinished)?;
        let finished = || {
            kill_point!("sqlite.realm.written");
            disk::sync_file(&unfinished)?;
            kill_point!("sqlite.realm.rename.before");
            disk::rename(&unfinished, &path)?;
            kill_point!("sqlite.realm.rename.after");
            disk::sync_folder(disk::folder_of(&path))
        };
        finished().map_err(|error| medium(&path, &error))?;
        kill_point!("sqlite.realm.created");
        Ok(())
    }
}

/// The scripts of each version for this realm's file.
fn scripts(tenant: TenantId) -> Vec<Vec<&'static str>> {
    let platform = tenant == TenantId::PLATFORM;
    SQLITE.iter().map(|step| if platform { vec![step.tenant, step.platform] } else { vec![step.tenant] }).collect()
}

pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(path).map_err(|error| medium(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
            "another process has this data directory open ({}): stop it first, or use the API",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(medium(path, &error)),
    }
}

fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // With its journals: `<uuid>.new`, `<uuid>.new-wal`, `<uuid>.new-shm`.
        if name.rsplit_once('.').is_some_and(|(_, end)| end == UNFINISHED || end.starts_with("new-")) {
            disk::remove(&path)?;
        }
    }
    Ok(())
}

pub(super) fn medium(path: &Path, error: &io::Error) -> StoreError {
    let text = format!("{}: {error}", path.display());
    if error.kind() == io::ErrorKind::StorageFull { StoreError::Full(text) } else { StoreError::Medium(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_ends_with_the_directory_though_a_child_has_its_descriptor() {
        let folder = tempfile::TempDir::new().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        let inherited = directory.lock.as_ref().unwrap().try_clone().unwrap();
        assert!(matches!(Directory::open(folder.path()), Err(StoreError::Unavailable(_))));
        drop(directory);
        Directory::open(folder.path()).unwrap();
        drop(inherited);
    }
}
