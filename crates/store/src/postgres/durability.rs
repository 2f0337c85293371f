//! The server's settings without which an acknowledged commit may be lost, as this role's sessions see them.
//!
//! They are read and never set: a session of ours that overrode them would hide what the operator chose for the role or the
//! database, and would weaken `remote_apply` to `on`.

use super::error::store_error;
use super::pool::connect;
use super::url::DatabaseUrl;
use crate::StoreError;
use chancery_domain::enforced;
use std::fmt;
use tokio_postgres::Client;

/// A setting that endangers what was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsafeSetting {
    /// `fsync`, `full_page_writes` or `synchronous_commit`.
    pub name: String,
    /// Its value for this role in this database.
    pub value: String,
}

impl UnsafeSetting {
    /// What may be lost by it.
    pub fn danger(&self) -> &'static str {
        match (self.name.as_str(), self.value.as_str()) {
            ("fsync", _) => "a loss of power may destroy the whole database",
            ("full_page_writes", _) => "a page that a loss of power tears cannot be mended",
            (_, "off") => "a loss of power undoes certificates and revocations that were acknowledged",
            _ => "a standby that takes over may lack certificates and revocations that were acknowledged",
        }
    }
}

impl fmt::Display for UnsafeSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}: {}", self.name, self.value, self.danger())
    }
}

/// What unsafe settings mean for a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// They refuse it.
    Required,
    /// They are warned of: the operator accepts the loss.
    Waived,
}

const UNSAFE: &str = "SELECT name::TEXT, setting::TEXT FROM pg_settings
     WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting NOT IN ('on', 'remote_apply') ORDER BY 1";
const MEND: &str = "set it to on, for the server (ALTER SYSTEM), this database and this role, or, if that loss is acceptable, \
     database_accept_unsafe_durability to true";

/// The unsafe settings, as the role of this URL sees them; none where all is well. For a report: [`super::open`] and
/// [`super::open_keyring`] ask by themselves.
pub async fn unsafe_settings(url: &DatabaseUrl) -> Result<Vec<UnsafeSetting>, StoreError> {
    read(&connect(&url.parse()?).await?).await
}

/// Refuses unsafe settings, or warns of them.
pub(super) async fn check(client: &Client, durability: Durability) -> Result<(), StoreError> {
    let found = read(client).await?;
    if durability == Durability::Waived {
        for setting in &found {
            tracing::warn!(%setting, "the database may lose what was acknowledged, as database_accept_unsafe_durability allows");
        }
        return Ok(());
    }
    if found.is_empty() || !enforced!("database.durable") {
        return Ok(());
    }
    let all: Vec<_> = found.iter().map(UnsafeSetting::to_string).collect();
    Err(StoreError::Unsafe(format!("{}; {MEND}", all.join("; "))))
}

async fn read(client: &Client) -> Result<Vec<UnsafeSetting>, StoreError> {
    let rows = client.query(UNSAFE, &[]).await.map_err(|error| store_error(&error))?;
    let malformed = |_| StoreError::Malformed("the server's settings are no texts");
    rows.iter()
        .map(|row| Ok(UnsafeSetting { name: row.try_get(0).map_err(malformed)?, value: row.try_get(1).map_err(malformed)? }))
        .collect()
}
