//! Configuration: defaults, then a TOML file, then `CHANCERY_…` of the environment, then flags; the later wins.

mod flags;
mod load;
mod reference;
mod settings;
mod show;

pub use flags::ConfigFlags;
pub use load::{ConfigError, Environment, Loaded};
pub use reference::configuration_reference;
pub(crate) use settings::SETTINGS;
pub(crate) use show::{Effective, show};

use chancery_store::postgres::{DatabaseUrl, Durability};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a server runs with.
pub struct Config {
    /// Where it listens; with port 0 on a free port.
    pub listen: SocketAddr,
    /// Where the public addresses alone are served, without TLS.
    pub public_listen: Option<SocketAddr>,
    /// The base of the public addresses in certificates; `http://127.0.0.1:<port>` where it is not set.
    pub public_url: Option<String>,
    /// The data directory.
    pub data_dir: PathBuf,
    /// Where the tenants' wrapping keys are, sealed by the root key.
    pub keyring: KeyringPlace,
    /// Where the root key comes from.
    pub root_key: RootKeySource,
    /// PostgreSQL; without it SQLite files in the data directory.
    pub database: Option<Database>,
    /// Whether PostgreSQL, for the data or the keyring, must be set to keep what was acknowledged.
    pub durability: Durability,
    /// Certificate chain and key, PEM; without them only loopback is served.
    pub tls: Option<TlsFiles>,
    /// Threads that own SQLite connections.
    pub store_threads: usize,
    /// How many live certificates a new tenant may have.
    pub certificate_limit: i64,
    /// The file that names the witnesses of the platform's log.
    pub witness_policy: Option<PathBuf>,
    /// The folder below which each tenant that wants an archive has one.
    pub archive_dir: Option<PathBuf>,
    /// The log's form.
    pub log_format: LogFormat,
    /// What is logged: a level, or directives such as `info,chancery_app=debug`.
    pub log_level: String,
}

/// Where the keyring is.
pub enum KeyringPlace {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database of its own.
    Postgres(DatabaseUrl),
}

/// Where the root key comes from.
pub enum RootKeySource {
    /// From the environment: 64 hexadecimal digits.
    Value(Zeroizing<String>),
    /// A systemd credential.
    Credential(PathBuf),
    /// A file of mode 0600, made by `chancery init`.
    File(PathBuf),
}

/// The PostgreSQL database.
pub struct Database {
    /// As the restricted role.
    pub app_url: DatabaseUrl,
    /// As the owner, for migrations.
    pub owner_url: Option<DatabaseUrl>,
    /// As a role that row level security does not bind, for `chancery backup` alone.
    pub backup_url: Option<DatabaseUrl>,
    /// Connections at most.
    pub connections: usize,
}

/// Files for TLS, PEM.
pub struct TlsFiles {
    /// The certificate and its chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The log's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Everything under one folder, on a free loopback port: for demonstrations, tests and benchmarks.
    pub fn contained(folder: &Path) -> Self {
        let keyring = folder.join("keyring");
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_listen: None,
            public_url: None,
            data_dir: folder.join("data"),
            root_key: RootKeySource::File(keyring.join("root.key")),
            keyring: KeyringPlace::File(keyring.join("keyring.db")),
            database: None,
            durability: Durability::Required,
            tls: None,
            store_threads: 4,
            certificate_limit: 100_000,
            witness_policy: None,
            archive_dir: None,
            log_format: LogFormat::Text,
            log_level: "warn".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
