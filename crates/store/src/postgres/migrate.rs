//! Migrations on PostgreSQL: run by the owner, in one transaction, by one node at a time.

use super::error::store_error;
use super::pool::connect;
use crate::StoreError;
use crate::migration::POSTGRES;
use chancery_domain::{enforced, kill_point};
use tokio_postgres::{Config, GenericClient};

/// The lock of whoever migrates: any number, the same in every version of this program.
pub(super) const LOCK: i64 = 0x6368_616e_6365_7279;

/// The tables of schema `tenant` that lack row level security, from the catalog so that none can be forgotten (I1).
const UNPROTECTED: &str = "SELECT c.relname::TEXT FROM pg_class c WHERE c.relnamespace = 'tenant'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)) ORDER BY 1";

/// The statements that protect a table: $1 its name, $2 whose rows are seen and written.
const PROTECT: &str = "SELECT format('ALTER TABLE tenant.%1$I ENABLE ROW LEVEL SECURITY;
     ALTER TABLE tenant.%1$I FORCE ROW LEVEL SECURITY;
     CREATE POLICY own_tenant ON tenant.%1$I USING (%2$s) WITH CHECK (%2$s)', $1::TEXT, $2::TEXT)";

/// The rows of the tenant that is set; none where none is, or no longer.
const OWN: &str = "tenant_id = decode(NULLIF(current_setting('chancery.tenant', true), ''), 'hex')";

/// The statements that give the role what it needs.
const GRANTS: &str = "SELECT format('GRANT USAGE ON SCHEMA tenant, platform TO %1$I;
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenant, platform TO %1$I;
     REVOKE INSERT, UPDATE, DELETE ON platform.schema_version FROM %1$I', $1::TEXT)";

/// Brings the schema up to date, and gives the restricted role what it needs and no more.
pub(super) async fn migrate(owner: &Config, app: &Config) -> Result<(), StoreError> {
    let failed = |error: tokio_postgres::Error| store_error(&error);
    let mut client = connect(owner).await?;
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(failed)?;
    transaction.batch_execute("CREATE SCHEMA IF NOT EXISTS tenant; CREATE SCHEMA IF NOT EXISTS platform").await.map_err(failed)?;
    let at = version(&transaction).await?;
    if at > POSTGRES.len() {
        return Err(StoreError::Schema(format!(
            "the database has version {at}, this program knows {}: use a newer program",
            POSTGRES.len()
        )));
    }
    for step in POSTGRES.iter().skip(at) {
        transaction.batch_execute("SET LOCAL search_path = tenant").await.map_err(failed)?;
        transaction.batch_execute(step.tenant).await.map_err(failed)?;
        transaction.batch_execute("SET LOCAL search_path = platform").await.map_err(failed)?;
        transaction.batch_execute(step.platform).await.map_err(failed)?;
    }
    transaction.batch_execute("DELETE FROM platform.schema_version").await.map_err(failed)?;
    let version = i64::try_from(POSTGRES.len()).unwrap_or(i64::MAX);
    transaction.execute("INSERT INTO platform.schema_version (version) VALUES ($1)", &[&version]).await.map_err(failed)?;
    protect(&transaction).await.map_err(failed)?;
    let role = app.get_user().unwrap_or_default();
    let grants = transaction.query_one(GRANTS, &[&role]).await.and_then(|row| row.try_get::<_, String>(0)).map_err(failed)?;
    transaction.batch_execute(&grants).await.map_err(failed)?;
    kill_point!("postgres.migration.before");
    transaction.commit().await.map_err(failed)?;
    kill_point!("postgres.migration.after");
    Ok(())
}

/// Row level security for every table of a tenant that lacks it.
async fn protect(client: &impl GenericClient) -> Result<(), tokio_postgres::Error> {
    for row in client.query(UNPROTECTED, &[]).await? {
        let table: String = row.try_get(0)?;
        let own = if enforced!("rls", &table) { OWN } else { "true" };
        let statements: String = client.query_one(PROTECT, &[&table, &own]).await?.try_get(0)?;
        client.batch_execute(&statements).await?;
    }
    Ok(())
}

/// The version of the schema; 0 where there is none.
pub(super) async fn version(client: &impl GenericClient) -> Result<usize, StoreError> {
    let failed = |error: tokio_postgres::Error| store_error(&error);
    let exists = client.query_one("SELECT to_regclass('platform.schema_version') IS NOT NULL", &[]).await;
    if !exists.and_then(|row| row.try_get::<_, bool>(0)).map_err(failed)? {
        return Ok(0);
    }
    let version = client.query_one("SELECT coalesce(max(version), 0) FROM platform.schema_version", &[]).await;
    let version: i64 = version.and_then(|row| row.try_get(0)).map_err(failed)?;
    usize::try_from(version).map_err(|_| StoreError::Malformed("the schema has a negative version"))
}
