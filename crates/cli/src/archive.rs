//! Archives in folders: one for each tenant, below one that the operator keeps for them (THREATS 27).

use chancery_app::{ArchiveError, Archives, Destination, Object};
use chancery_domain::{TenantId, enforced, kill_point};
use chancery_store::disk;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The folder for archives, if the operator keeps one.
pub struct Folders(Option<PathBuf>);

impl Folders {
    /// No archives.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Archives below this folder.
    pub const fn below(base: Option<PathBuf>) -> Self {
        Self(base)
    }
}

#[async_trait::async_trait]
impl Archives for Folders {
    fn offers(&self, destination: &Destination) -> Result<(), &'static str> {
        match (destination, &self.0) {
            (Destination::Folder, Some(_)) => Ok(()),
            (Destination::Folder, None) => Err("this server keeps no folder for archives: its operator sets archive_dir"),
        }
    }

    async fn put(&self, tenant: TenantId, _: &Destination, object: &Object) -> Result<(), ArchiveError> {
        let base = self.0.clone().ok_or_else(|| ArchiveError::Refused("archive_dir is not set".to_owned()))?;
        if !is_plain(&object.key) && enforced!("archive.key") {
            return Err(ArchiveError::Refused(format!("{} is no name in an archive", object.key)));
        }
        let (path, content) = (base.join(tenant.to_string()).join(&object.key), object.content.clone());
        let written = tokio::task::spawn_blocking(move || write_once(&base, &path, &content)).await;
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => ArchiveError::Refused(error.to_string()),
            _ => ArchiveError::Unavailable(error.to_string()),
        };
        written.map_err(|error| ArchiveError::Unavailable(error.to_string()))?.map_err(failed)
    }
}

/// Names below the tenant's folder, and nothing that leads elsewhere.
fn is_plain(key: &str) -> bool {
    let part = |part: &str| {
        let letters = part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        !part.is_empty() && !part.starts_with('.') && letters
    };
    key.split('/').all(part)
}

/// Writes a new file beside its place, and puts it there when it is on the disk: whoever reads the archive sees whole files alone. One that is
/// there already stays as it is.
fn write_once(base: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    // A folder that is not mounted is not made in its place.
    if !base.is_dir() {
        return Err(io::Error::new(ErrorKind::NotFound, format!("{} is not there", base.display())));
    }
    if path.try_exists()? && enforced!("archive.once") {
        return Ok(());
    }
    let folder = disk::folder_of(path);
    disk::make_folder(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    kill_point!("archive.file.written");
    std::fs::rename(&part, path)?;
    kill_point!("archive.file.named");
    disk::sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_name_leads_nowhere_else() {
        for good in ["log/00001/000000000000.p/017.jsonl", "evidence/a-b/c.json", "a"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "a//b", "../a", "a/../b", "a/./b", ".hidden", "a\\b", "A", "a b", "a\0", "a/"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn what_leads_elsewhere_is_refused_and_nothing_is_offered_without_a_folder() {
        let base = tempfile::tempdir().unwrap();
        let (folders, tenant) = (Folders::below(Some(base.path().join("archives"))), TenantId::from_bytes([7; 16]));
        std::fs::create_dir(base.path().join("archives")).unwrap();
        let object = |key: &str| Object { key: key.to_owned(), content: b"one".to_vec(), metadata: BTreeMap::new(), kept_until: None };
        for key in ["../../elsewhere", "/elsewhere"] {
            let refused = folders.put(tenant, &Destination::Folder, &object(key)).await;
            assert!(matches!(refused, Err(ArchiveError::Refused(_))), "{key}");
        }
        folders.put(tenant, &Destination::Folder, &object("log/a.json")).await.unwrap();
        assert!(base.path().join("archives").join(tenant.to_string()).join("log/a.json").exists());
        assert!(folders.offers(&Destination::Folder).is_ok() && Folders::none().offers(&Destination::Folder).is_err());
    }

    #[test]
    fn what_is_there_stays_and_what_is_not_mounted_is_not_made() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("tenant/log/a.json");
        write_once(base.path(), &path, b"one").unwrap();
        write_once(base.path(), &path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        let files: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files, ["a.json"]);
        let gone = base.path().join("not-mounted");
        assert_eq!(write_once(&gone, &gone.join("a"), b"one").unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!gone.exists());
    }
}
