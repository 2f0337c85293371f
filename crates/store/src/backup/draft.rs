//! A backup in the making: a folder beside its place that gets its name when it is whole.

use super::{BackupError, FileSum, MANIFEST, MANIFEST_SUM, Manifest, failed, listing, manifest_sum};
use crate::disk;
use chancery_domain::{enforced, kill_point};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub(crate) struct Draft {
    to: PathBuf,
    at: PathBuf,
    /// The folder, locked for as long as it is a draft.
    lock: File,
}

impl Draft {
    /// Makes the folder. What an earlier one left unfinished beside the same place is removed, but not what another is writing.
    pub(crate) fn begin(to: &Path) -> Result<Self, BackupError> {
        let nameless = || BackupError::Place(format!("{} names no folder", to.display()));
        let mut name = to.file_name().ok_or_else(nameless)?.to_owned();
        name.push(".unfinished");
        let at = to.with_file_name(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&at).map_err(failed(&at))?;
        let lock = File::open(&at).map_err(failed(&at))?;
        let busy = || BackupError::Place(format!("another backup to {} is under way: name another folder, or wait", to.display()));
        if enforced!("backup.lock") {
            lock.try_lock().map_err(|error| match error {
                TryLockError::WouldBlock => busy(),
                TryLockError::Error(error) => failed(&at)(error),
            })?;
        }
        // What is there is emptied, so it must be a folder of our own, and no link to one.
        let (is, own) = (fs::symlink_metadata(&at).map_err(failed(&at))?, fs::metadata("/proc/self").map_err(failed(&at))?.uid());
        if (!is.is_dir() || is.uid() != own) && enforced!("backup.own-draft") {
            return Err(BackupError::Place(format!("{} is not a folder of this user: remove it, or name another place", at.display())));
        }
        // The other one may have ended between, and with it the name.
        let held = lock.metadata().map_err(failed(&at))?;
        if fs::symlink_metadata(&at).ok().as_ref().map(disk::identity) != Some(disk::identity(&held)) {
            return Err(busy());
        }
        if to.try_exists().map_err(failed(to))? {
            fs::remove_dir_all(&at).map_err(failed(&at))?;
            return Err(BackupError::Place(format!("{} exists already: a backup is never written over, name a new folder", to.display())));
        }
        fs::set_permissions(&at, fs::Permissions::from_mode(0o700)).map_err(failed(&at))?;
        for entry in fs::read_dir(&at).map_err(failed(&at))? {
            let path = entry.map_err(failed(&at))?.path();
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.map_err(failed(&path))?;
        }
        kill_point!("backup.begun");
        Ok(Self { to: to.to_owned(), at, lock })
    }

    /// Where its files go.
    pub(crate) fn folder(&self) -> &Path {
        &self.at
    }

    /// Writes the manifest, makes everything durable, and gives the folder its name.
    pub(crate) fn finish(self, mut manifest: Manifest) -> Result<Manifest, BackupError> {
        for name in listing(&self.at)? {
            let path = self.at.join(&name);
            // no kill point: a crash here is one before the rename
            File::open(&path).and_then(|file| file.sync_all()).map_err(failed(&path))?;
            manifest.files.insert(name, FileSum::of(&path)?);
        }
        let path = self.at.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(&path)(error.into()))?;
        write(&path, &text)?;
        write(&self.at.join(MANIFEST_SUM), manifest_sum(&path)?.as_bytes())?;
        let folders = manifest.files.keys().filter_map(|name| Path::new(name).parent()).map(|parent| self.at.join(parent));
        for folder in folders.collect::<std::collections::BTreeSet<_>>().iter().chain([&self.at]) {
            sync(folder)?;
        }
        kill_point!("backup.rename.before");
        fs::rename(&self.at, &self.to).map_err(failed(&self.to))?;
        kill_point!("backup.rename.after");
        drop(self.lock);
        sync(parent(&self.to))?;
        Ok(manifest)
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), BackupError> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed(path))?;
    // no kill point: a crash here is one before the rename
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed(path))
}

/// Makes the entries of a folder durable.
pub(crate) fn sync(folder: &Path) -> Result<(), BackupError> {
    // no kill point: the callers have theirs
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_leads_to_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (own, to) = (folder.path().join("own"), folder.path().join("backup"));
        fs::create_dir(&own).unwrap();
        fs::write(own.join("letter"), "kept").unwrap();
        std::os::unix::fs::symlink(&own, folder.path().join("backup.unfinished")).unwrap();
        let refused = Draft::begin(&to).err().unwrap().to_string();
        assert!(refused.contains("is not a folder of this user"), "{refused}");
        assert_eq!(fs::read(own.join("letter")).unwrap(), b"kept");
    }
}
