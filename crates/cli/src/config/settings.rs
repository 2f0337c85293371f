//! The one table of settings: from it come the file's keys, the variables, the flags and the reference page.

use super::LogFormat;
use chancery_store::postgres::DatabaseUrl;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A setting.
pub(crate) struct Setting {
    /// Its key in the file; upper-case after `CHANCERY_` in the environment; with hyphens as a flag.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) help: &'static str,
    /// What holds without it.
    pub(crate) default: Default,
}

/// What holds where a setting is not given.
pub(crate) enum Default {
    /// This value.
    Value(&'static str),
    /// What these words say.
    Words(&'static str),
    /// What these words say; the value is a secret: never shown, and no flag, since others see a process's flags.
    Secret(&'static str),
}

impl Setting {
    pub(crate) const fn is_secret(&self) -> bool {
        matches!(self.default, Default::Secret(_))
    }
    pub(crate) fn variable(&self) -> String {
        format!("CHANCERY_{}", self.name.to_uppercase())
    }
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

macro_rules! settings {
    ($($(#[doc = $help:literal])+ $name:ident: $type:ty = $kind:ident($default:literal);)*) => {
        /// What was given, with the table's values for what was not.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Given { $(pub(super) $name: $type,)* }

        /// All settings.
        pub(crate) const SETTINGS: &[Setting] =
            &[$(Setting { name: stringify!($name), help: concat!($($help),+).trim_ascii(), default: Default::$kind($default) }),*];
    };
}

settings! {
    /// Where the data lies: `platform.db` and one file per tenant.
    data_dir: Option<PathBuf> = Words("`$XDG_DATA_HOME/chancery` or `~/.local/share/chancery`; for root `/var/lib/chancery`");
    /// Address and port to listen on. Other than loopback only with `tls_cert` and `tls_key`.
    listen: SocketAddr = Value("127.0.0.1:8400");
    /// A second listener, without TLS and on any address, for the public addresses alone: CRLs and issuer certificates under `/pki`.
    public_listen: Option<SocketAddr> = Words("none: `/pki` is served on `listen` alone");
    /// The base of the public addresses (CRL, issuer certificates) written into every certificate. Set it before the first issuer is made.
    public_url: Option<String> = Words("`http://127.0.0.1:` and the port");
    /// The keyring's SQLite file, apart from the data directory and from its backups.
    keyring_file: Option<PathBuf> = Words("`keyring.db` in a folder beside the data directory, with its name and `-keyring`");
    /// The keyring in a PostgreSQL database of its own, for more than one machine.
    keyring_url: Option<SecretUrl> = Secret("none: the keyring is a file");
    /// The root key's file: 64 hexadecimal digits, mode 0600; `chancery init` makes it.
    root_key_file: Option<PathBuf> = Words("`root.key` beside the keyring's file");
    /// PostgreSQL for the data, as the restricted role.
    database_url: Option<SecretUrl> = Secret("none: SQLite in the data directory");
    /// PostgreSQL as the owner, for migrations.
    database_owner_url: Option<SecretUrl> = Secret("none: the schema must fit already");
    /// PostgreSQL as a role with BYPASSRLS that may read all, for `backup` alone: set it there, not where the server runs.
    database_backup_url: Option<SecretUrl> = Secret("`database_owner_url`");
    /// Connections to PostgreSQL at most.
    database_connections: usize = Value("16");
    /// Start although PostgreSQL's `fsync`, `full_page_writes` or `synchronous_commit` is off, for the data or the keyring: a loss of
    /// power may then undo what was acknowledged. Each start warns of it.
    database_accept_unsafe_durability: bool = Value("false");
    /// The server's certificate with its chain, PEM.
    tls_cert: Option<PathBuf> = Words("none: no TLS, loopback only");
    /// The server's private key, PEM.
    tls_key: Option<PathBuf> = Words("none: no TLS, loopback only");
    /// Threads that own the SQLite files; each tenant's file belongs to one.
    store_threads: usize = Value("4");
    /// How many live certificates a new tenant may have.
    certificate_limit: i64 = Value("100000");
    /// A file that names the witnesses of the platform's log and how many of them must have cosigned, C2SP tlog-policy: lines
    /// `witness NAME KEY URL`, `group NAME all|any|NUMBER WITNESS…`, `quorum NAME`. With `quorum none` evidence goes out without them, too.
    witness_policy: Option<PathBuf> = Words("none: nobody is asked to cosign");
    /// The folder below which each tenant that wants an archive has one, named by its id: best on other disks than the data.
    archive_dir: Option<PathBuf> = Words("none: tenants cannot have an archive in a folder");
    /// The log's form on standard error: `text` or `json`.
    log_format: LogFormat = Value("text");
    /// What is logged: `error`, `warn`, `info`, `debug`, or directives such as `info,chancery_app=debug`.
    log_level: String = Value("info");
}

/// A database's URL, which may hold a password (I9).
pub(super) struct SecretUrl(pub(super) DatabaseUrl);

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|url| Self(DatabaseUrl::new(url)))
    }
}
