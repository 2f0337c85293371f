//! Files that hold secrets: readable by their owner alone, and never written over.

use chancery_store::disk;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes a new file of mode 0600; one that exists is left as it is, and that is an error.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    // no kill point: a client's own file, not the server's state
    file.sync_all()
}

/// A new file of mode 0600 for a secret that comes once: it is there, and so is its folder's entry, before the secret is asked for.
/// Dropped without one it is removed.
pub(crate) struct Reserved {
    path: PathBuf,
    file: File,
    written: bool,
}

impl Reserved {
    /// Makes the file; one that exists is an error.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let reserved = Self { path: path.to_owned(), file, written: false };
        // no kill point: a client's own file, not the server's state
        disk::sync_folder(disk::folder_of(path))?;
        Ok(reserved)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the secret; on an error nothing is left of the file.
    pub(crate) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        // no kill point: a client's own file, not the server's state
        self.file.sync_all()?;
        self.written = true;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.written {
            // Empty, it would only stand in the way of the next attempt.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_the_owner_reads_it_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write_secret(&path, b"first").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_secret(&path, b"second").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn a_reserved_file_is_there_before_its_secret_and_goes_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let reserved = Reserved::new(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Reserved::new(&path).is_err());
        drop(reserved);
        assert!(!path.exists());
        let mut reserved = Reserved::new(&path).unwrap();
        reserved.write(b"secret").unwrap();
        drop(reserved);
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
        assert!(Reserved::new(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
        assert!(Reserved::new(&folder.path().join("missing/token")).is_err());
    }
}
