//! PostgreSQL: forced row level security, one pipelined round trip a read or commit.

use crate::{KeyringDb, Store, StoreError};
use chancery_domain::port::Clock;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A database's URL, which may hold a password: it never prints (I9).
#[derive(Clone)]
pub struct DatabaseUrl(Zeroizing<String>);

impl DatabaseUrl {
    /// Takes the URL, for example `postgres://chancery_app@localhost/chancery`.
    pub fn new(url: String) -> Self {
        Self(Zeroizing::new(url))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

/// Which database, as whom, and how many connections.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// As the restricted role: neither owner nor superuser nor BYPASSRLS.
    pub app_url: DatabaseUrl,
    /// As the owner, for migrations; without it the schema must already fit.
    pub owner_url: Option<DatabaseUrl>,
    /// At most so many connections; at least one.
    pub connections: usize,
}

/// Opens the database, after migrating it when there is an owner's URL.
pub async fn open(config: PostgresConfig, clock: Arc<dyn Clock>) -> Result<Store, StoreError> {
    let _ = (config, clock);
    Err(StoreError::Unavailable("the engine is on its way".to_owned()))
}

/// Opens the keyring's database: a URL of its own, apart from all data.
pub async fn open_keyring(url: &DatabaseUrl) -> Result<Arc<dyn KeyringDb>, StoreError> {
    let _ = url;
    Err(StoreError::Unavailable("the engine is on its way".to_owned()))
}
