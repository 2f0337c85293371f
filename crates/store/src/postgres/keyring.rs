//! The keyring on PostgreSQL, for many nodes: a database of its own, apart from all data.

use super::durability::{self, Durability};
use super::error::store_error;
use super::migrate::LOCK;
use super::pool::{Pool, connect};
use super::restore::refuse_unfinished;
use super::url::DatabaseUrl;
use crate::migration::POSTGRES_KEYRING;
use crate::{KeyringDb, KeyringRow, StoreError};
use chancery_domain::{Sealed, TenantId, kill_point};
use std::sync::Arc;
use tokio_postgres::{Config, Row};

/// Keys are asked for when a tenant is loaded, which is rare.
const CONNECTIONS: usize = 2;

/// Whether there is a keyring in this database.
///
/// Errors: `Unavailable` when a restore into it was not finished, or it cannot be reached.
pub async fn has_keyring(url: &DatabaseUrl) -> Result<bool, StoreError> {
    let client = connect(&url.parse()?).await?;
    refuse_unfinished(&client).await?;
    let found = client.query_one("SELECT to_regclass('keyring.schema_version') IS NOT NULL", &[]).await;
    found.and_then(|row| row.try_get(0)).map_err(|error| store_error(&error))
}

/// Opens the keyring's database, making its table if the role may and it is missing.
///
/// Errors: `Unsafe` when the server's settings endanger a record, `Schema` when a newer program wrote it, `Unavailable` when it cannot be reached.
pub async fn open_keyring(url: &DatabaseUrl, durability: Durability) -> Result<Arc<dyn KeyringDb>, StoreError> {
    let config = url.parse()?;
    migrate(&config, durability).await?;
    Ok(Arc::new(PostgresKeyring { pool: Pool::new(&config, CONNECTIONS)? }))
}

async fn migrate(config: &Config, durability: Durability) -> Result<(), StoreError> {
    let failed = |error: tokio_postgres::Error| store_error(&error);
    let mut client = connect(config).await?;
    refuse_unfinished(&client).await?;
    durability::check(&client, durability).await?;
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(failed)?;
    let exists = transaction.query_one("SELECT to_regclass('keyring.schema_version') IS NOT NULL", &[]).await;
    let at: i64 = if exists.and_then(|row| row.try_get(0)).map_err(failed)? {
        let version = transaction.query_one("SELECT coalesce(max(version), 0) FROM keyring.schema_version", &[]).await;
        version.and_then(|row| row.try_get(0)).map_err(failed)?
    } else {
        0
    };
    let known = i64::try_from(POSTGRES_KEYRING.len()).unwrap_or(i64::MAX);
    if at > known {
        return Err(StoreError::Schema(format!("the keyring has version {at}, this program knows {known}: use a newer program")));
    }
    // Where nothing is to be done, the role need not be allowed to.
    if at < known {
        let begin = "CREATE SCHEMA IF NOT EXISTS keyring; SET LOCAL search_path = keyring;
             CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL); DELETE FROM schema_version";
        transaction.batch_execute(begin).await.map_err(failed)?;
        for script in POSTGRES_KEYRING.iter().skip(usize::try_from(at).unwrap_or(usize::MAX)) {
            transaction.batch_execute(script).await.map_err(failed)?;
        }
        transaction.execute("INSERT INTO schema_version (version) VALUES ($1)", &[&known]).await.map_err(failed)?;
    }
    kill_point!("postgres.keyring.migration.before");
    transaction.commit().await.map_err(failed)?;
    kill_point!("postgres.keyring.migration.after");
    Ok(())
}

struct PostgresKeyring {
    pool: Arc<Pool>,
}

#[async_trait::async_trait]
impl KeyringDb for PostgresKeyring {
    async fn load(&self, tenant: TenantId, kind: &str) -> Result<Option<KeyringRow>, StoreError> {
        let lease = self.pool.lease().await?;
        let sql = "SELECT tenant_id, kind, root_epoch, sealed FROM keyring.keyring WHERE tenant_id = $1 AND kind = $2";
        let statement = lease.prepare_cached(sql).await.map_err(|error| store_error(&error))?;
        let row = lease.query_opt(&statement, &[&tenant.as_bytes().as_slice(), &kind]).await.map_err(|error| store_error(&error))?;
        // No transaction was opened on it.
        lease.give_back();
        row.as_ref().map(parse).transpose()
    }

    async fn insert_if_absent(&self, row: KeyringRow) -> Result<KeyringRow, StoreError> {
        let lease = self.pool.lease().await?;
        let sql = "INSERT INTO keyring.keyring (tenant_id, kind, root_epoch, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let statement = lease.prepare_cached(sql).await.map_err(|error| store_error(&error))?;
        let sealed = row.sealed.as_ref().map(Sealed::as_bytes);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&row.tenant.as_bytes().as_slice(), &row.kind, &i64::from(row.root_epoch), &sealed];
        kill_point!("postgres.keyring.before");
        lease.execute(&statement, &values).await.map_err(|error| store_error(&error))?;
        kill_point!("postgres.keyring.after");
        lease.give_back();
        self.load(row.tenant, &row.kind).await?.ok_or(StoreError::Malformed("a keyring record vanished"))
    }
}

fn parse(row: &Row) -> Result<KeyringRow, StoreError> {
    let malformed = |_| StoreError::Malformed("a keyring record is not what this program wrote");
    let tenant: &[u8] = row.try_get(0).map_err(malformed)?;
    let epoch: i64 = row.try_get(2).map_err(malformed)?;
    let sealed: Option<Vec<u8>> = row.try_get(3).map_err(malformed)?;
    Ok(KeyringRow {
        tenant: TenantId::from_slice(tenant).map_err(|_| StoreError::Malformed("a keyring record has no tenant"))?,
        kind: row.try_get(1).map_err(malformed)?,
        root_epoch: u32::try_from(epoch).map_err(|_| StoreError::Malformed("a keyring record has no epoch"))?,
        sealed: sealed.map(Sealed::from_ciphertext),
    })
}
