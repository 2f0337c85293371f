//! PostgreSQL: forced row level security, one pipelined round trip a read or commit.

mod backup;
mod check;
mod committer;
mod durability;
mod error;
mod keyring;
mod merge;
mod migrate;
mod pipeline;
mod pool;
mod program;
mod restore;
mod text;
mod tls;
mod url;
mod value;

use crate::engine::{Engine, Step};
use crate::statement::Statement;
use crate::value::Row;
use crate::{CommitError, Store, StoreError};
pub use backup::backup;
use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use committer::{Committer, Opened};
pub use durability::{Durability, UnsafeSetting, unsafe_settings};
pub use keyring::{has_keyring, open_keyring};
use pool::Pool;
pub use restore::{restore, restore_keyring};
use std::sync::Arc;
pub use url::DatabaseUrl;

/// The tables readable without a tenant, in schema `platform`; all others are in schema `tenant`, under row level security.
pub const PLATFORM_TABLES: [&str; 5] = ["lane", "public_address", "registered_tenant", "schema_version", "setting"];

/// Which database, as whom, and how many connections.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// As the restricted role: neither owner nor superuser nor BYPASSRLS.
    pub app_url: DatabaseUrl,
    /// As the owner, for migrations; without it the schema must already fit.
    pub owner_url: Option<DatabaseUrl>,
    /// At most so many connections; at least one. A tenant's reads hold a quarter of them at most.
    pub connections: usize,
    /// Whether the server's settings must keep what was acknowledged.
    pub durability: Durability,
}

/// Opens the database, after migrating it when there is an owner's URL.
///
/// Errors: `Unsafe` when the server's settings endanger what was acknowledged, `Schema` when schema or role do not fit, `Unavailable` when it cannot be reached.
pub async fn open(config: PostgresConfig, clock: Arc<dyn Clock>) -> Result<Store, StoreError> {
    let app = config.app_url.parse()?;
    if let Some(owner) = &config.owner_url {
        let owner = owner.parse()?;
        restore::refuse_unfinished(&pool::connect(&owner).await?).await?;
        migrate::migrate(&owner, &app).await?;
    }
    let pool = Pool::new(&app, config.connections)?;
    check::fits(&pool, config.durability).await?;
    let incarnation = restore::incarnation(&pool).await?;
    let committer = Committer::new(Arc::new(Opened { pool: Arc::clone(&pool), incarnation }));
    Store::open(Arc::new(PostgresEngine { committer, pool }), clock).await
}

/// Whether nothing was ever made in this database.
///
/// Errors: `Unavailable` when a restore into it was not finished, or it cannot be reached.
pub async fn is_new(owner_url: &DatabaseUrl) -> Result<bool, StoreError> {
    let client = pool::connect(&owner_url.parse()?).await?;
    restore::refuse_unfinished(&client).await?;
    Ok(migrate::version(&client).await? == 0)
}

/// Whether the server says that a commit waits for a standby. Without one a failover may lose what was acknowledged.
pub async fn has_synchronous_standby(url: &DatabaseUrl) -> Result<bool, StoreError> {
    let client = pool::connect(&url.parse()?).await?;
    let row = client.query_one("SELECT current_setting('synchronous_standby_names') <> ''", &[]).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| error::store_error(&error))
}

struct PostgresEngine {
    pool: Arc<Pool>,
    committer: Arc<Committer>,
}

#[async_trait::async_trait]
impl Engine for PostgresEngine {
    async fn read(&self, tenant: TenantId, queries: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        pipeline::read(&self.pool, tenant, &queries).await
    }

    async fn commit(&self, tenant: TenantId, steps: Vec<Step>) -> Result<(), CommitError> {
        self.committer.commit(tenant, steps).await
    }

    async fn create_realm(&self, _: TenantId) -> Result<(), StoreError> {
        // Rows of every realm share the tables.
        Ok(())
    }
}

#[cfg(test)]
mod tests;
