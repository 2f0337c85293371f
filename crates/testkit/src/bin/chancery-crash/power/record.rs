//! What happened to the disk, in order: SQLite's steps from below it, the product's own as it tells them.

use chancery_domain::disk::Step;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// One step.
#[derive(Debug)]
pub(crate) enum Op {
    MadeFolder(PathBuf),
    MadeFile(PathBuf),
    /// Bytes at an offset; at the end where none is given.
    Written(PathBuf, Option<usize>, Vec<u8>),
    Resized(PathBuf, usize),
    SyncedFile(PathBuf),
    /// A sync failed; the number says what of the file's changes is on the disk all the same, and the rest never will be.
    SyncFailed(PathBuf, u64),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
    SyncedFolder(PathBuf),
}

impl Op {
    /// For a finding: without the bytes.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Written(path, at, bytes) => format!("Written({}, {at:?}, {} bytes)", path.display(), bytes.len()),
            other => format!("{other:?}"),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::MadeFolder(path) | Self::MadeFile(path) | Self::Written(path, ..) | Self::Resized(path, _) => path,
            Self::SyncedFile(path)
            | Self::SyncFailed(path, _)
            | Self::Renamed(path, _)
            | Self::Removed(path)
            | Self::SyncedFolder(path) => path,
        }
    }
}

struct Recording {
    root: PathBuf,
    ops: Vec<Op>,
}

static RECORDING: Mutex<Option<Recording>> = Mutex::new(None);

/// From now on what happens under this folder, which is on the disk, is recorded.
pub(crate) fn begin(root: &Path) {
    *RECORDING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Recording { root: root.to_owned(), ops: Vec::new() });
}

/// Ends the recording: its steps.
pub(crate) fn end() -> Vec<Op> {
    RECORDING.lock().unwrap_or_else(PoisonError::into_inner).take().map(|recording| recording.ops).unwrap_or_default()
}

/// How many steps were recorded: what is known now was caused by them alone. 0 where nothing is recorded.
pub(crate) fn moment() -> usize {
    RECORDING.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |recording| recording.ops.len())
}

/// Notes a step, if it is under the folder.
pub(crate) fn note(op: Op) {
    if let Some(recording) = RECORDING.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        && op.path().starts_with(&recording.root)
    {
        recording.ops.push(op);
    }
}

/// Notes what the product tells.
pub(crate) fn told(step: Step<'_>) {
    note(match step {
        Step::MadeFolder(path) => Op::MadeFolder(path.to_owned()),
        Step::MadeFile(path) => Op::MadeFile(path.to_owned()),
        Step::Appended(path, bytes) => Op::Written(path.to_owned(), None, bytes.to_owned()),
        Step::Rewritten(path, bytes) => Op::Written(path.to_owned(), Some(0), bytes.to_owned()),
        Step::SyncedFile(path) => Op::SyncedFile(path.to_owned()),
        Step::Renamed(from, to) => Op::Renamed(from.to_owned(), to.to_owned()),
        Step::Removed(path) => Op::Removed(path.to_owned()),
        Step::SyncedFolder(path) => Op::SyncedFolder(path.to_owned()),
    });
}
