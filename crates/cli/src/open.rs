//! Wiring: from a configuration to the service, with the store, the keyring and the ports that it names.

use crate::archive::Folders;
use crate::config::{Config, KeyringPlace, RootKeySource};
use crate::system;
use crate::witness;
use chancery_app::{Chancery, Failure, Ports, Settings, StoredKeyring};
use chancery_domain::port::Entropy;
use chancery_keys::{ProviderError, RootKey, RootKeyError, SoftwareProvider};
use chancery_store::postgres::{self, PostgresConfig};
use chancery_store::sqlite::{self, SqliteConfig};
use chancery_store::{KeyringDb, Store, StoreError, disk};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in a data directory that says: a demonstration's, with keys that nobody should rely on.
pub(crate) const DEMO_MARKER: &str = "DEMONSTRATION";

/// SQLite files kept open: each about 0.2 MB and some descriptors, which stays below the usual limit of 1024.
pub(crate) const OPEN_FILES: usize = 256;
/// Descriptors of a SQLite file that is open: itself, its log, their index.
pub(crate) const DESCRIPTORS: usize = 3;

/// Whether keys and stores may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// `chancery init`: what is missing is made.
    First,
    /// `chancery serve`: everything must be there.
    Again,
    /// `chancery reconcile`: the same, and a restored store is written.
    Reconcile,
}

/// Why the service cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Never initialised.
    #[error("{0} is not initialised: run `chancery init` with the same configuration first")]
    NotInitialised(String),
    /// The keyring is not there, and none is made beside data that another one opens.
    #[error("{0} holds no keyring: put it back with `chancery restore --keyring`; `chancery init` makes one where nothing was ever made")]
    NoKeyring(String),
    /// A demonstration's directory.
    #[error("{} belongs to a demonstration: its keys and tokens are not to be relied on; choose another data directory", .0.display())]
    Demonstration(PathBuf),
    /// Addresses in certificates would lead nowhere.
    #[error("with TLS set public_url, the http:// address at which others reach /pki (CRLs are fetched without TLS)")]
    PublicUrl,
    /// The witnesses' policy.
    #[error("witness_policy, {}: {what}", path.display())]
    Witnesses {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The root key.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The keyring's or the data's storage.
    #[error("{what}: {source}")]
    Store {
        /// Which.
        what: &'static str,
        /// What it said.
        source: StoreError,
    },
    /// The keyring's content.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A folder cannot be made.
    #[error("cannot make {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The service.
    #[error(transparent)]
    Service(#[from] Failure),
}

/// Opens the service. `address` is where it will be served, for the public addresses where none are configured.
pub async fn open(config: &Config, address: SocketAddr, start: Start) -> Result<Chancery, OpenError> {
    open_with(config, address, start, Ports { archives: Arc::new(Folders::below(config.archive_dir.clone())), ..system::ports() }).await
}

/// Opens the service under a clock and a randomness of the caller's.
pub async fn open_with(config: &Config, address: SocketAddr, start: Start, ports: Ports) -> Result<Chancery, OpenError> {
    let witnesses = witness::witnesses(config.witness_policy.as_deref())?;
    let settings = Settings { public_url: public_url(config, address)?, certificate_limit: config.certificate_limit, witnesses };
    // A keyring is made before what makes the data whole: beside that, or where it is restored, one that is made anew opens nothing.
    if start != Start::First {
        refuse_new(config).await?;
    }
    let root = root_key(&config.root_key, start, &*ports.entropy)?;
    // The data first: if another process has it, that is said at once.
    let store = open_store(config, &ports).await?;
    let first = start == Start::First && !is_initialised(&store).await?;
    let store = if start == Start::Reconcile { store.reconciling() } else { store };
    let keyring = open_keyring(config, if first { Start::First } else { Start::Again }).await?;
    let provider = SoftwareProvider::open(root, Arc::new(StoredKeyring::new(keyring)), Arc::clone(&ports.entropy)).await?;
    let service = Chancery::new(store, Arc::new(provider), ports, settings);
    if start != Start::First && !service.is_initialised().await? {
        return Err(not_initialised(config));
    }
    Ok(service)
}

/// The service over a store that is only looked at, beside a running server or without it: nothing is made, migrated or written.
pub(crate) async fn look(config: &Config) -> Result<Chancery, OpenError> {
    let ports = system::ports();
    let root = root_key(&config.root_key, Start::Again, &*ports.entropy)?;
    let store = look_at_store(config).await.map_err(data)?;
    let keyring = open_keyring(config, Start::Again).await?;
    let provider = SoftwareProvider::open(root, Arc::new(StoredKeyring::new(keyring)), Arc::clone(&ports.entropy)).await?;
    // Neither is used: nothing is issued, and no tenant is made.
    let settings = Settings { public_url: String::new(), certificate_limit: 0, witnesses: None };
    Ok(Chancery::new(store, Arc::new(provider), ports, settings))
}

/// The store to look at.
pub(crate) async fn look_at_store(config: &Config) -> Result<Store, StoreError> {
    let clock = system::ports().clock;
    match &config.database {
        None => sqlite::look(&config.data_dir, clock).await,
        Some(database) => {
            // Without the owner nothing is migrated.
            let (app_url, durability) = (database.app_url.clone(), config.durability);
            postgres::open(PostgresConfig { app_url, owner_url: None, connections: 2, durability }, clock).await
        }
    }
}

/// Refuses a place where nothing is, before anything is made there that a restore would find.
pub(crate) async fn refuse_new(config: &Config) -> Result<(), OpenError> {
    let new = match &config.database {
        None => !config.data_dir.join("platform.db").exists(),
        // Without the owner nothing is made.
        Some(database) => match &database.owner_url {
            Some(owner) => postgres::is_new(owner).await.map_err(data)?,
            None => false,
        },
    };
    if new { Err(not_initialised(config)) } else { Ok(()) }
}

fn not_initialised(config: &Config) -> OpenError {
    let place = config.database.as_ref().map_or_else(|| config.data_dir.display().to_string(), |_| "the database".to_owned());
    OpenError::NotInitialised(place)
}

async fn is_initialised(store: &Store) -> Result<bool, OpenError> {
    Ok(store.platform().tenant().await.map_err(data)?.is_some())
}

fn data(source: StoreError) -> OpenError {
    OpenError::Store { what: "the data", source }
}

/// Refuses a demonstration's directory.
pub(crate) fn refuse_demonstration(config: &Config) -> Result<(), OpenError> {
    let marked = config.data_dir.join(DEMO_MARKER).exists();
    if marked { Err(OpenError::Demonstration(config.data_dir.clone())) } else { Ok(()) }
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make_folder(path: &Path) -> Result<(), OpenError> {
    disk::make_folder(path).map_err(|source| OpenError::Folder { path: path.to_owned(), source })
}

fn public_url(config: &Config, address: SocketAddr) -> Result<String, OpenError> {
    match &config.public_url {
        Some(url) => Ok(url.clone()),
        None if config.tls.is_some() => Err(OpenError::PublicUrl),
        None => {
            let ip = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
            Ok(format!("http://{}", SocketAddr::new(ip, address.port())))
        }
    }
}

pub(crate) fn root_key(source: &RootKeySource, start: Start, entropy: &dyn Entropy) -> Result<RootKey, OpenError> {
    match source {
        RootKeySource::Value(text) => Ok(RootKey::from_hex(text)?),
        RootKeySource::Credential(path) => Ok(RootKey::from_credential(path)?),
        // A server never makes one: under a new key the old keyring could not be read.
        RootKeySource::File(path) if start == Start::First && !path.exists() => {
            make_folder(disk::folder_of(path))?;
            Ok(RootKey::create_file(path, entropy)?)
        }
        RootKeySource::File(path) => Ok(RootKey::from_file(path)?),
    }
}

/// Opens the keyring; only a first start makes it.
pub(crate) async fn open_keyring(config: &Config, start: Start) -> Result<Arc<dyn KeyringDb>, OpenError> {
    let failed = |source| OpenError::Store { what: "the keyring", source };
    let (exists, place) = match &config.keyring {
        KeyringPlace::File(path) => (path.exists(), path.display().to_string()),
        KeyringPlace::Postgres(url) => (postgres::has_keyring(url).await.map_err(failed)?, "its database".to_owned()),
    };
    if !exists && start != Start::First {
        return Err(OpenError::NoKeyring(place));
    }
    let opened = match &config.keyring {
        KeyringPlace::File(path) => sqlite::open_keyring(path).await,
        KeyringPlace::Postgres(url) => postgres::open_keyring(url, config.durability).await,
    };
    opened.map_err(failed)
}

pub(crate) async fn open_store(config: &Config, ports: &Ports) -> Result<Store, OpenError> {
    let clock = Arc::clone(&ports.clock);
    let opened = match &config.database {
        Some(database) => {
            let (app_url, owner_url) = (database.app_url.clone(), database.owner_url.clone());
            let (connections, durability) = (database.connections, config.durability);
            postgres::open(PostgresConfig { app_url, owner_url, connections, durability }, clock).await
        }
        None => {
            make_folder(&config.data_dir)?;
            let (directory, threads) = (config.data_dir.clone(), config.store_threads);
            sqlite::open(SqliteConfig { directory, threads, open_files: OPEN_FILES }, clock).await
        }
    };
    opened.map_err(data)
}
