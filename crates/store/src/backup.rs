//! Backups as they lie on a disk: a folder with a manifest, which names every file in it with its size and hash.

mod draft;

use crate::StoreError;
use aws_lc_rs::digest::{Context, SHA256};
use chancery_domain::{TenantId, Timestamp, enforced};
pub(crate) use draft::{Draft, sync};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The manifest's name. Whatever else lies in the folder stands in it.
const MANIFEST: &str = "manifest.json";
/// The manifest's own hash, as `sha256sum -c` reads it.
const MANIFEST_SUM: &str = "manifest.sha256";
/// The form of manifest and folder.
const FORMAT: u32 = 1;

/// What was backed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// The tenants' and the platform's data.
    Data,
    /// The keyring, without which the data cannot be read.
    Keyring,
}

/// Which engine it came from, and goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupEngine {
    /// SQLite files.
    Sqlite,
    /// An archive of `pg_dump`.
    Postgres,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of manifest and folder.
    pub format: u32,
    /// The program's version that made it.
    pub program: String,
    /// What was backed up.
    pub content: Content,
    /// From which engine.
    pub engine: BackupEngine,
    /// When it began: what was acknowledged before is in it.
    pub taken_at: Timestamp,
    /// The newest version of the schema in it.
    pub schema: u32,
    /// The tenants whose data is in it.
    pub tenants: Vec<TenantId>,
    /// Rows of each table in the snapshot, by schema and name; of PostgreSQL alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, i64>,
    /// Every file but the manifest, by its path in the folder.
    pub files: BTreeMap<String, FileSum>,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSum {
    /// Bytes.
    pub size: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

/// Why nothing was backed up or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Asked for at a place, or from one, where it must not be.
    #[error("{0}")]
    Place(String),
    /// The backup is not what was written.
    #[error("the backup is damaged, nothing was restored from it: {file}: {fault}")]
    Damaged {
        /// Which file, by its path in the folder.
        file: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A file or folder cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program of PostgreSQL failed.
    #[error("{program}: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// The end of what it said.
        said: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Manifest {
    pub(crate) fn new(content: Content, engine: BackupEngine, taken_at: Timestamp) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let (rows, files) = (BTreeMap::new(), BTreeMap::new());
        Self { format: FORMAT, program, content, engine, taken_at, schema: 0, tenants: Vec::new(), rows, files }
    }

    /// Reads the manifest of a backup and nothing else of it.
    ///
    /// # Errors
    /// `Place` where there is none, `Damaged` where it cannot be understood.
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(MANIFEST);
        let text = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BackupError::Place(format!("{} is no finished backup: it has no {MANIFEST}", folder.display())),
            _ => BackupError::File { path: path.clone(), source },
        })?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| damaged(MANIFEST, error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(BackupError::Place(format!("the backup has format {}, this program knows {FORMAT}", manifest.format)));
        }
        Ok(manifest)
    }

    /// Reads the manifest, and every file to compare it.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] with the first file that is changed, missing or too many.
    pub fn verified(folder: &Path) -> Result<Self, BackupError> {
        let manifest = Self::read(folder)?;
        let expected = fs::read(folder.join(MANIFEST_SUM)).unwrap_or_default();
        if expected != manifest_sum(&folder.join(MANIFEST))?.as_bytes() && enforced!("backup.manifest") {
            return Err(damaged(MANIFEST, format!("its content is not what {MANIFEST_SUM} says")));
        }
        for (name, sum) in &manifest.files {
            let found = match FileSum::of(&folder.join(name)) {
                Err(BackupError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Err(damaged(name, "it is missing")),
                other => other,
            }?;
            compare(name, sum, &found)?;
        }
        let extra =
            listing(folder)?.into_iter().find(|name| name != MANIFEST && name != MANIFEST_SUM && !manifest.files.contains_key(name));
        match extra {
            Some(name) if enforced!("backup.extra") => Err(damaged(&name, "the manifest does not name it")),
            _ => Ok(manifest),
        }
    }

    /// Refuses what is not the backup that was asked for.
    pub(crate) fn expect(&self, content: Content, engine: BackupEngine, known: usize) -> Result<(), BackupError> {
        if self.content != content {
            let (what, other) = match self.content {
                Content::Keyring => ("the keyring's", "with --keyring"),
                Content::Data => ("the data's", "without --keyring"),
            };
            return Err(BackupError::Place(format!("this is {what} backup: it is restored {other}")));
        }
        if self.engine != engine {
            return Err(BackupError::Place(format!("the backup is of {:?}, the configuration names {engine:?}", self.engine)));
        }
        if usize::try_from(self.schema).is_ok_and(|schema| schema > known) {
            return Err(StoreError::Schema(format!("the backup has version {}, this program knows {known}", self.schema)).into());
        }
        Ok(())
    }
}

fn manifest_sum(manifest: &Path) -> Result<String, BackupError> {
    Ok(format!("{}  {MANIFEST}\n", FileSum::of(manifest)?.sha256))
}

pub(crate) fn compare(name: &str, expected: &FileSum, found: &FileSum) -> Result<(), BackupError> {
    if found.size != expected.size && enforced!("backup.hash") {
        return Err(damaged(name, format!("it has {} bytes and had {}", found.size, expected.size)));
    }
    if found.sha256 != expected.sha256 && enforced!("backup.hash") {
        return Err(damaged(name, "its content is not what was written (SHA-256)"));
    }
    Ok(())
}

impl FileSum {
    pub(crate) fn of(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(failed(path))?;
        Self::copying(file, io::sink()).map_err(failed(path))
    }

    /// The sum of what is copied.
    pub(crate) fn copying(mut from: impl Read, mut to: impl Write) -> io::Result<Self> {
        let mut hash = Context::new(&SHA256);
        let (mut size, mut part) = (0_u64, vec![0; 1 << 16]);
        loop {
            let length = from.read(&mut part)?;
            let read = part.get(..length).unwrap_or_default();
            if read.is_empty() {
                return Ok(Self { size, sha256: hex::encode(hash.finish()) });
            }
            hash.update(read);
            to.write_all(read)?;
            size += read.len() as u64;
        }
    }
}

/// Every file under the folder, by its path in it.
pub(crate) fn listing(folder: &Path) -> Result<Vec<String>, BackupError> {
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(inner) = folders.pop() {
        let path = folder.join(&inner);
        for entry in fs::read_dir(&path).map_err(failed(&path))? {
            let entry = entry.map_err(failed(&path))?;
            let name = Path::new(&inner).join(entry.file_name()).display().to_string();
            if entry.file_type().map_err(failed(&path))?.is_dir() { folders.push(name) } else { found.push(name) }
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn damaged(file: &str, fault: impl Into<String>) -> BackupError {
    BackupError::Damaged { file: file.to_owned(), fault: fault.into() }
}

pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}
