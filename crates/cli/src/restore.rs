//! `chancery restore`: a backup put back into an empty place.

use crate::backup::{BackupArgs, Summary};
use crate::client;
use crate::config::{Config, KeyringPlace};
use crate::ended::Ended;
use crate::output::{self, Form};
use crate::system::SystemClock;
use chancery_domain::port::Clock;
use chancery_store::{BackupError, Manifest, postgres, sqlite};
use std::path::Path;

/// Restores into the places that the configuration names.
pub(crate) async fn restore(args: &BackupArgs, form: Form) -> Result<(), Ended> {
    let config = args.config.load()?.config;
    let programs = args.postgres_programs.as_deref();
    let manifest = client::during("restoring", async {
        if args.keyring { keyring(&config, &args.folder, programs).await } else { data(&config, &args.folder, programs).await }
    })
    .await?;
    output::result(form, &Summary::of(&args.folder, &manifest), |summary| {
        let next = if args.keyring {
            "Restored the keyring. It opens with the root key that it was made under."
        } else {
            "Restored, and read-only: collect the CRLs that were published since, then run `chancery reconcile --lists FOLDER`."
        };
        format!("{}\n{next}\n", summary.fields())
    });
    Ok(())
}

async fn data(config: &Config, from: &Path, programs: Option<&Path>) -> Result<Manifest, BackupError> {
    let now = SystemClock::new().now();
    match &config.database {
        None => sqlite::restore(from, &config.data_dir, now).await,
        Some(database) => {
            let missing = || BackupError::Place("set database_owner_url: the owner makes and owns the tables".to_owned());
            let owner = database.owner_url.as_ref().ok_or_else(missing)?;
            postgres::restore(from, owner, &database.app_url, now, programs).await
        }
    }
}

async fn keyring(config: &Config, from: &Path, programs: Option<&Path>) -> Result<Manifest, BackupError> {
    match &config.keyring {
        KeyringPlace::File(file) => sqlite::restore_keyring(from, file).await,
        KeyringPlace::Postgres(url) => postgres::restore_keyring(from, url, programs).await,
    }
}
