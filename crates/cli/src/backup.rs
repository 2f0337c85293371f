//! `chancery backup`: data or keyring, never both in one place.

use crate::client;
use crate::config::{Config, ConfigFlags, KeyringPlace};
use crate::ended::Ended;
use crate::output::{self, Form};
use crate::system::SystemClock;
use chancery_domain::Timestamp;
use chancery_domain::port::Clock;
use chancery_store::{BackupError, Content, Manifest, postgres, sqlite};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What is backed up or restored, and where it lies.
#[derive(clap::Args)]
pub(crate) struct BackupArgs {
    /// The backup's folder; one that is made is a new one.
    pub(crate) folder: PathBuf,
    /// The keyring instead of the data.
    #[arg(long)]
    pub(crate) keyring: bool,
    /// The folder of pg_dump and pg_restore, of the server's version or newer [default: the search path].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) postgres_programs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigFlags,
}

/// What was written or read.
#[derive(Serialize)]
pub(crate) struct Summary {
    folder: String,
    content: Content,
    taken_at: Timestamp,
    tenants: usize,
    files: usize,
    bytes: u64,
}

impl Summary {
    pub(crate) fn of(folder: &Path, manifest: &Manifest) -> Self {
        Self {
            folder: folder.display().to_string(),
            content: manifest.content,
            taken_at: manifest.taken_at,
            tenants: manifest.tenants.len(),
            files: manifest.files.len(),
            bytes: manifest.files.values().map(|file| file.size).sum(),
        }
    }

    pub(crate) fn fields(&self) -> String {
        let (tenants, files, bytes) = (self.tenants.to_string(), self.files.to_string(), self.bytes.to_string());
        let content = match self.content {
            Content::Data => "data",
            Content::Keyring => "keyring",
        };
        output::fields(&[
            ("folder", &self.folder),
            ("content", content),
            ("taken at", &self.taken_at.to_string()),
            ("tenants", if self.content == Content::Data { &tenants } else { "" }),
            ("files", &files),
            ("bytes", &bytes),
        ])
    }
}

/// Backs up.
pub(crate) async fn backup(args: &BackupArgs, form: Form) -> Result<(), Ended> {
    let config = args.config.load()?.config;
    let content = if args.keyring { Content::Keyring } else { Content::Data };
    apart(&args.folder, content, &config)?;
    let manifest = client::during("backing up", write(&config, content, &args.folder, args.postgres_programs.as_deref())).await?;
    output::result(form, &Summary::of(&args.folder, &manifest), |summary| {
        let next = match content {
            Content::Data => "The keyring is not in it: `chancery backup --keyring` into another place, and keep the root key in a third.",
            Content::Keyring => "The root key is not in it: keep a copy of that apart from this and from the data's backups.",
        };
        format!("{}\n{next}\n", summary.fields())
    });
    Ok(())
}

async fn write(config: &Config, content: Content, to: &Path, programs: Option<&Path>) -> Result<Manifest, BackupError> {
    let now = SystemClock::new().now();
    match (content, &config.database, &config.keyring) {
        (Content::Data, None, _) => sqlite::backup(&config.data_dir, to, now).await,
        (Content::Data, Some(database), _) => {
            let url = database.backup_url.as_ref().or(database.owner_url.as_ref());
            let url = url.ok_or_else(|| BackupError::Place("set database_backup_url: the server's own role sees no rows".to_owned()))?;
            postgres::backup(url, content, to, now, programs).await
        }
        (Content::Keyring, _, KeyringPlace::File(file)) => sqlite::backup_keyring(file, to, now).await,
        (Content::Keyring, _, KeyringPlace::Postgres(url)) => postgres::backup(url, content, to, now, programs).await,
    }
}

/// Refuses a place inside what is backed up, and one where data and keyring would lie together.
fn apart(to: &Path, content: Content, config: &Config) -> Result<(), Ended> {
    let to = std::path::absolute(to)?;
    let keyring = match &config.keyring {
        KeyringPlace::File(file) => file.parent().filter(|_| content == Content::Data),
        KeyringPlace::Postgres(_) => None,
    };
    for folder in std::iter::once(config.data_dir.as_path()).chain(keyring) {
        if to.starts_with(std::path::absolute(folder)?) {
            return Err(Ended::Usage(format!("{} is inside {}: back up into another place", to.display(), folder.display())));
        }
    }
    let parent = to.parent().unwrap_or(Path::new("/"));
    let beside = std::fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    for other in to.ancestors().map(Path::to_owned).chain(beside) {
        match Manifest::read(&other) {
            Ok(found) if found.content != content => {
                let what = if found.content == Content::Data { "the data's" } else { "the keyring's" };
                return Err(Ended::Usage(format!(
                    "{} is {what} backup: data and keyring are kept apart, whoever finds both needs the root key alone; choose another folder",
                    other.display()
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_keyring_never_lie_together() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::contained(folder.path());
        let at = |path: &str| folder.path().join(path);
        assert!(apart(&at("a/data"), Content::Data, &config).is_ok());
        assert!(apart(&at("data/backup"), Content::Data, &config).is_err());
        assert!(apart(&at("keyring/backup"), Content::Data, &config).is_err());
        let manifest = r#"{"format":1,"program":"0","content":"data","engine":"sqlite","taken_at":"2026-11-21T00:00:00Z","schema":1,"tenants":[],"files":{}}"#;
        std::fs::create_dir_all(at("a/data")).unwrap();
        std::fs::write(at("a/data/manifest.json"), manifest).unwrap();
        for together in ["a/keyring", "a/data/keyring", "a/data/deep/keyring"] {
            let said = apart(&at(together), Content::Keyring, &config).unwrap_err().to_string();
            assert!(said.contains("kept apart"), "{said}");
        }
        assert!(apart(&at("b/keyring"), Content::Keyring, &config).is_ok());
        assert!(apart(&at("a/data2"), Content::Data, &config).is_ok());
    }
}
