//! Files and folders that stay: each step is on the disk when the one after it begins, if its folder is synced between.

use chancery_domain::broken;
use chancery_domain::disk::{Step, tell};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Makes a folder that only its owner may enter, with those above it that are missing; on return they are on the disk.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_folder(folder_of(path))?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    tell(Step::MadeFolder(path));
    sync_folder(folder_of(path))
}

/// Makes an empty file that only its owner reads, or empties the one that is there.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    tell(Step::MadeFile(path));
    Ok(())
}

/// Which file it is, whatever its name becomes.
pub(crate) fn identity(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    // no kill point: each caller has its own
    File::open(path)?.sync_all()?;
    tell(Step::SyncedFile(path));
    Ok(())
}

/// Writes what is in a file into it once more and syncs it, if there is such a file. After a sync that failed the kernel still shows what
/// is not on the disk, and takes it for written at the next one.
pub(crate) fn write_again(path: &Path) -> io::Result<()> {
    // no kill point: nothing new is done
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if broken!("journal-as-shown") {
        return Ok(());
    }
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&content, 0)?;
    tell(Step::Rewritten(path, &content));
    file.sync_data()?;
    tell(Step::SyncedFile(path));
    Ok(())
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    // no kill point: each caller has its own
    fs::rename(from, to)?;
    tell(Step::Renamed(from, to));
    Ok(())
}

pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    tell(Step::Removed(path));
    Ok(())
}

/// Without it a file that was made, renamed or removed may be back as it was after a loss of power.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    if broken!("folder-unsynced") {
        return Ok(());
    }
    // no kill point: each caller has its own
    File::open(path)?.sync_all()?;
    tell(Step::SyncedFolder(path));
    Ok(())
}

/// The folder in which this stands.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
