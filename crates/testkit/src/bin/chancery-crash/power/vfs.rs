//! The file system below SQLite: it passes everything on and notes it.
//!
//! It is the process's default, so that the product opens its files as always. Its locks hold nobody and its shared memory is nobody
//! else's: the product has a lock of its own on the data directory and one connection to a file; whoever looks from outside, with the
//! server stopped, uses SQLite's own file system.

use super::fault;
use super::record::{self, Op, note};
use anyhow::{Result, anyhow};
use chancery::system::SystemEntropy;
use chancery_domain::port::Entropy;
use chancery_testkit::chance::Chance;
use sqlite_vfs::wip::{WalIndex, WalIndexLock};
use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, OpenKind, OpenOptions, Vfs};
use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Watched;

struct Handle {
    file: File,
    path: PathBuf,
    /// SQLite's own file system syncs the folder of a new journal when it first syncs the journal.
    folder_due: bool,
    lock: LockKind,
}

/// Makes it the process's default, and listens to what the product tells.
pub(super) fn install() -> Result<()> {
    sqlite_vfs::register("watched", Watched, true).map_err(|error| anyhow!("{error}"))?;
    chancery_domain::disk::listen(record::told);
    Ok(())
}

impl Vfs for Watched {
    type Handle = Handle;

    fn open(&self, path: &str, options: OpenOptions) -> Result<Handle, Error> {
        let path = PathBuf::from(path);
        let new = !path.try_exists()?;
        let create = matches!(options.access, OpenAccess::Create | OpenAccess::CreateNew);
        let mut open = File::options();
        open.read(true).write(options.access != OpenAccess::Read).create(create).mode(0o600);
        let file = open.create_new(options.access == OpenAccess::CreateNew).open(&path)?;
        if new {
            note(Op::MadeFile(path.clone()));
        }
        let journal = matches!(options.kind, OpenKind::MainJournal | OpenKind::SuperJournal | OpenKind::Wal);
        Ok(Handle { file, path, folder_due: journal && create, lock: LockKind::None })
    }

    /// SQLite asks for a sync of the folder with `synchronous = EXTRA` alone, and is asked for no more than FULL.
    fn delete(&self, path: &str) -> Result<(), Error> {
        fs::remove_file(path)?;
        note(Op::Removed(path.into()));
        Ok(())
    }

    fn exists(&self, path: &str) -> Result<bool, Error> {
        // As SQLite's own: an empty file is none.
        Ok(fs::metadata(path).is_ok_and(|file| !file.is_file() || file.len() > 0))
    }

    fn temporary_name(&self) -> String {
        let mut bytes = [0_u8; 8];
        SystemEntropy.fill(&mut bytes);
        std::env::temp_dir().join(format!("chancery-{:x}", u64::from_le_bytes(bytes))).display().to_string()
    }

    fn random(&self, buffer: &mut [i8]) {
        let mut bytes = vec![0_u8; buffer.len()];
        SystemEntropy.fill(&mut bytes);
        buffer.iter_mut().zip(bytes).for_each(|(to, from)| *to = from.cast_signed());
    }

    fn sleep(&self, duration: Duration) -> Duration {
        std::thread::sleep(duration);
        duration
    }
}

impl DatabaseHandle for Handle {
    type WalIndex = OwnIndex;

    fn size(&self) -> Result<u64, Error> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read as u64)? {
                0 => {
                    // SQLite counts on zeroes where nothing is.
                    rest.fill(0);
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                more => read += more,
            }
        }
        Ok(())
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let fault = fault::comes();
        let done = fault.map_or(bytes.len(), |drawn| Chance::of(drawn).below(bytes.len() + 1));
        let bytes = bytes.get(..done).unwrap_or_default();
        self.file.write_all_at(bytes, offset)?;
        note(Op::Written(self.path.clone(), Some(usize::try_from(offset).map_err(Error::other)?), bytes.to_owned()));
        fault.map_or(Ok(()), |_| Err(fault::error()))
    }

    fn sync(&mut self, _data_only: bool) -> Result<(), Error> {
        if let Some(drawn) = fault::comes() {
            note(Op::SyncFailed(self.path.clone(), drawn));
            return Err(fault::error());
        }
        self.file.sync_data()?;
        note(Op::SyncedFile(self.path.clone()));
        if std::mem::take(&mut self.folder_due) {
            note(Op::SyncedFolder(self.path.parent().unwrap_or(Path::new("/")).to_owned()));
        }
        Ok(())
    }

    fn set_len(&mut self, size: u64) -> Result<(), Error> {
        self.file.set_len(size)?;
        note(Op::Resized(self.path.clone(), usize::try_from(size).map_err(Error::other)?));
        Ok(())
    }

    fn lock(&mut self, lock: LockKind) -> Result<bool, Error> {
        self.lock = lock;
        Ok(true)
    }

    fn reserved(&mut self) -> Result<bool, Error> {
        Ok(matches!(self.lock, LockKind::Reserved | LockKind::Pending | LockKind::Exclusive))
    }

    fn current_lock(&self) -> Result<LockKind, Error> {
        Ok(self.lock)
    }

    fn wal_index(&self, _readonly: bool) -> Result<OwnIndex, Error> {
        Ok(OwnIndex)
    }
}

/// The journal's index of the one connection, lost with it as with the power.
struct OwnIndex;

impl WalIndex for OwnIndex {
    fn map(&mut self, _region: u32) -> Result<[u8; 32768], Error> {
        Ok([0; 32768])
    }

    fn lock(&mut self, _locks: std::ops::Range<u8>, _lock: WalIndexLock) -> Result<bool, Error> {
        Ok(true)
    }

    fn delete(self) -> Result<(), Error> {
        Ok(())
    }
}
