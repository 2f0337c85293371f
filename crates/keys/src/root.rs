//! The operator's root key, which guards the software keyring: the one stated exception to I6.

use crate::gcm;
use crate::secret::SecretKey;
use chancery_domain::disk::{Step, tell};
use chancery_domain::port::Entropy;
use chancery_domain::{enforced, kill_point};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// 64 hexadecimal digits.
const TEXT_LEN: usize = 64;

/// 32 bytes that only the operator holds; erased when dropped, never printed (I9). Text form: 64 hexadecimal digits, in
/// a file followed by a newline.
pub struct RootKey(SecretKey);

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The text is not a key. The text itself is never shown.
    #[error("a root key is 64 hexadecimal digits: check the value, it must be the whole key and nothing else")]
    NotAKey,
    /// The file holds something else.
    #[error("{0} holds no root key: 64 hexadecimal digits and a newline are expected; put back the key that was made for this keyring")]
    NotAKeyFile(PathBuf),
    /// Others than the owner may read or write the file.
    #[error(
        "{path} has mode {mode:04o}, so others can read the root key: run chmod 600 on it, and make a new key if somebody may have read it"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file is already there; it is never overwritten.
    #[error("{0} exists already: a root key is never overwritten, because what it guards would be lost")]
    Exists(PathBuf),
    /// The file system refused.
    #[error("cannot use the root key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The cryptographic library refused to work.
    #[error("the cryptographic library failed: no root key can be used in this process")]
    Cipher,
}

impl RootKey {
    /// From 64 hexadecimal digits, for example an environment variable's value.
    pub fn from_hex(text: &str) -> Result<Self, RootKeyError> {
        let mut decoded = Ok(());
        let key = SecretKey::filled_by(|bytes| decoded = hex::decode_to_slice(text, bytes));
        decoded.map(|()| Self(key)).map_err(|_| RootKeyError::NotAKey)
    }

    /// From a key file that only its owner may read (mode 0600 or 0400).
    pub fn from_file(path: &Path) -> Result<Self, RootKeyError> {
        Self::read(path, 0o600)
    }

    /// From a systemd credential (a file under `$CREDENTIALS_DIRECTORY`). systemd admits the service's user by an access
    /// list, whose mask shows as the group's read bit, so 0440 is accepted here.
    pub fn from_credential(path: &Path) -> Result<Self, RootKeyError> {
        Self::read(path, 0o640)
    }

    fn read(path: &Path, allowed: u32) -> Result<Self, RootKeyError> {
        let failed = |source| RootKeyError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // Of the opened file, so that it cannot be exchanged between the check and the reading.
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        if mode & !allowed != 0 && enforced!("root.mode") {
            return Err(RootKeyError::Mode { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN + 2));
        file.take(TEXT_LEN as u64 + 2).read_to_string(&mut text).map_err(failed)?;
        Self::from_hex(text.strip_suffix('\n').unwrap_or(&text)).map_err(|_| RootKeyError::NotAKeyFile(path.to_owned()))
    }

    /// Makes a key and writes it to a new file with mode 0600, which is on disk, with its directory entry, on return. A crash
    /// leaves it whole or not at all; beside it perhaps a `root.key.…` under which nothing was sealed.
    pub fn create_file(path: &Path, entropy: &dyn Entropy) -> Result<Self, RootKeyError> {
        let failed = |source| RootKeyError::File { path: path.to_owned(), source };
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Only its owner reads it.
        let mut file = tempfile::Builder::new().prefix("root.key.").tempfile_in(directory).map_err(failed)?;
        tell(Step::MadeFile(file.path()));
        kill_point!("root-key.create");
        let key = Self(SecretKey::random(entropy));
        let mut text = Zeroizing::new([b'\n'; TEXT_LEN + 1]);
        let (digits, _) = text.split_at_mut(TEXT_LEN);
        hex::encode_to_slice(key.0.expose(), digits).map_err(|_| RootKeyError::Cipher)?;
        file.write_all(text.as_slice()).map_err(failed)?;
        tell(Step::Appended(file.path(), text.as_slice()));
        file.as_file().sync_all().map_err(failed)?;
        tell(Step::SyncedFile(file.path()));
        kill_point!("root-key.written");
        let unnamed = file.path().to_owned();
        match file.persist_noclobber(path) {
            Err(refused) if refused.error.kind() == std::io::ErrorKind::AlreadyExists => return Err(RootKeyError::Exists(path.to_owned())),
            named => named.map_err(|refused| failed(refused.error))?,
        };
        tell(Step::Renamed(&unnamed, path));
        kill_point!("root-key.named");
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        tell(Step::SyncedFolder(directory));
        kill_point!("root-key.created");
        Ok(key)
    }

    /// Eight bytes that tell this key from another and say nothing about it; stored with the keyring.
    pub fn check_value(&self) -> Result<[u8; 8], RootKeyError> {
        let derived = gcm::derive(&self.0, &[b"chancery root check v1"]).map_err(|_| RootKeyError::Cipher)?;
        derived.expose().first_chunk().copied().ok_or(RootKeyError::Cipher)
    }

    /// The key that seals the keyring in one epoch.
    pub(crate) fn keyring_key(&self, epoch: u32) -> Result<SecretKey, RootKeyError> {
        gcm::derive(&self.0, &[b"chancery keyring", &epoch.to_be_bytes()]).map_err(|_| RootKeyError::Cipher)
    }
}

#[cfg(test)]
mod tests;
