//! An archive put back into an empty database, whole or not at all: until it is, a schema of that name says so, and no server opens it.

use super::backup::{ARCHIVE, counted, registered, schemas};
use super::migrate::{LOCK, migrate};
use super::pool::{Pool, connect};
use super::program::{command, database, refused, run};
use super::url::DatabaseUrl;
use crate::backup::damaged;
use crate::migration::{POSTGRES, POSTGRES_KEYRING};
use crate::restored::{INCARNATION, MARK, RestoreMark};
use crate::{BackupEngine, BackupError, Content, Manifest, StoreError};
use chancery_domain::{Timestamp, enforced, kill_point};
use std::collections::BTreeSet;
use std::path::Path;
use tokio_postgres::{Client, GenericClient};

const NOT_EMPTY: &str = "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
     UNION SELECT nspname FROM pg_namespace WHERE nspname IN ('tenant', 'platform', 'keyring') LIMIT 1";

/// Refuses a database into which a restore was begun and not finished.
pub(super) async fn refuse_unfinished(client: &impl GenericClient) -> Result<(), StoreError> {
    let query = "SELECT to_regnamespace('chancery_restore') IS NOT NULL";
    let found: bool =
        client.query_one(query, &[]).await.and_then(|row| row.try_get(0)).map_err(|error| super::error::store_error(&error))?;
    if found && enforced!("restore.unfinished") {
        return Err(StoreError::Unavailable(
            "a restore into this database was not finished: run `chancery restore` again with the same backup".to_owned(),
        ));
    }
    Ok(())
}

/// Restores the data's archive into an empty database and marks it: it is read-only until it is reconciled.
///
/// `owner` makes and owns everything, `app` gets its grants.
///
/// # Errors
/// [`BackupError::Damaged`] before anything is touched, `Place` when the database is not empty.
pub async fn restore(
    from: &Path,
    owner: &DatabaseUrl,
    app: &DatabaseUrl,
    now: Timestamp,
    programs: Option<&Path>,
) -> Result<Manifest, BackupError> {
    let (manifest, mut client) = begin(from, Content::Data, owner, POSTGRES.len(), programs).await?;
    compare(&mut client, &manifest).await?;
    kill_point!("restore.database.compared");
    // Before the grants that come with the migration: a node that ran on finds its commits refused as soon as it can make any.
    mark(&mut client, &manifest, now).await?;
    // Under a session's lock nobody else migrates; one of the same session would wait for itself.
    client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.map_err(refused)?;
    migrate(&owner.parse()?, &app.parse()?).await?;
    let transaction = client.transaction().await.map_err(refused)?;
    let lanes = "INSERT INTO platform.lane (tenant_id, due_at, virtual_time, marked_at)
         SELECT tenant_id, $1, 0, $1 FROM (SELECT tenant_id FROM platform.registered_tenant
         UNION SELECT '\\x00000000000000000000000000000000'::bytea) AS every
         ON CONFLICT (tenant_id) DO UPDATE SET due_at = excluded.due_at, marked_at = excluded.marked_at";
    transaction.execute(lanes, &[&now.millis()]).await.map_err(refused)?;
    transaction.batch_execute("DROP SCHEMA chancery_restore").await.map_err(refused)?;
    kill_point!("restore.database.before");
    transaction.commit().await.map_err(refused)?;
    kill_point!("restore.database.after");
    Ok(manifest)
}

async fn mark(client: &mut Client, manifest: &Manifest, now: Timestamp) -> Result<(), BackupError> {
    let transaction = client.transaction().await.map_err(refused)?;
    let found = transaction.query_opt("SELECT value FROM platform.setting WHERE name = $1", &[&MARK]).await.map_err(refused)?;
    let before: Option<Vec<u8>> = found.map(|row| row.try_get(0)).transpose().map_err(refused)?;
    let mark = RestoreMark::renewed(before.as_deref(), manifest.taken_at, now)?;
    let set = "INSERT INTO platform.setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    for (name, value) in [(MARK, mark.to_bytes()), (INCARNATION, mark.incarnation())] {
        transaction.execute(set, &[&name, &value]).await.map_err(refused)?;
    }
    kill_point!("restore.database.mark.before");
    transaction.commit().await.map_err(refused)?;
    kill_point!("restore.database.marked");
    Ok(())
}

/// Which restore made the database; empty if none did.
pub(super) async fn incarnation(pool: &Pool) -> Result<Vec<u8>, StoreError> {
    let lease = pool.lease().await?;
    let found = lease.query_opt("SELECT value FROM platform.setting WHERE name = $1", &[&INCARNATION]).await;
    let value = found.and_then(|row| row.map(|row| row.try_get(0)).transpose()).map_err(|error| super::error::store_error(&error))?;
    lease.give_back();
    Ok(value.unwrap_or_default())
}

/// Restores the keyring's archive into an empty database.
///
/// # Errors
/// As [`restore`].
pub async fn restore_keyring(from: &Path, url: &DatabaseUrl, programs: Option<&Path>) -> Result<Manifest, BackupError> {
    let (manifest, mut client) = begin(from, Content::Keyring, url, POSTGRES_KEYRING.len(), programs).await?;
    compare(&mut client, &manifest).await?;
    kill_point!("restore.keyring-database.before");
    client.batch_execute("DROP SCHEMA chancery_restore").await.map_err(refused)?;
    kill_point!("restore.keyring-database.after");
    Ok(manifest)
}

/// Verifies the backup, says in the database that a restore is under way, and lets `pg_restore` work in one transaction.
async fn begin(
    from: &Path,
    content: Content,
    url: &DatabaseUrl,
    known: usize,
    programs: Option<&Path>,
) -> Result<(Manifest, Client), BackupError> {
    let folder = from.to_owned();
    let verifying = tokio::task::spawn_blocking(move || Manifest::verified(&folder));
    let manifest = verifying.await.map_err(|error| StoreError::Unavailable(error.to_string()))??;
    manifest.expect(content, BackupEngine::Postgres, known)?;
    let config = url.parse()?;
    let client = connect(&config).await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(refused)?;
    let unfinished: bool = client
        .query_one("SELECT to_regnamespace('chancery_restore') IS NOT NULL", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(refused)?;
    if unfinished {
        let drop = schemas(content).iter().map(|schema| format!("DROP SCHEMA IF EXISTS {schema} CASCADE;")).collect::<String>();
        client.batch_execute(&drop).await.map_err(refused)?;
    } else if let Some(row) = client.query_opt(NOT_EMPTY, &[]).await.map_err(refused)?.filter(|_| enforced!("restore.over")) {
        let found: String = row.try_get(0).map_err(refused)?;
        return Err(BackupError::Place(format!("the database is not empty ({found}): a backup is restored into an empty database alone")));
    }
    client.batch_execute("CREATE SCHEMA IF NOT EXISTS chancery_restore").await.map_err(refused)?;
    kill_point!("restore.database.begun");
    let mut restore = command(programs, "pg_restore", &config);
    restore.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--dbname"]).arg(database(&config));
    restore.arg(from.join(ARCHIVE));
    run(restore, "pg_restore").await?;
    kill_point!("restore.database.filled");
    Ok((manifest, client))
}

/// Compares the rows of each table and the tenants with the manifest's.
async fn compare(client: &mut Client, manifest: &Manifest) -> Result<(), BackupError> {
    let transaction = client.transaction().await.map_err(refused)?;
    // The owner is bound by row level security as everybody is; not so in this transaction, which is rolled back.
    let lift =
        "SELECT format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', schemaname, tablename) FROM pg_tables WHERE schemaname = ANY ($1)";
    for row in transaction.query(lift, &[&schemas(manifest.content)]).await.map_err(refused)? {
        let statement: String = row.try_get(0).map_err(refused)?;
        transaction.batch_execute(&statement).await.map_err(refused)?;
    }
    let found = counted(&transaction, manifest.content).await?;
    let tenants = if manifest.content == Content::Data { registered(&transaction).await? } else { Vec::new() };
    transaction.rollback().await.map_err(refused)?;
    if found != manifest.rows && enforced!("restore.rows") {
        let differs = manifest.rows.iter().find(|(table, rows)| found.get(*table) != Some(rows));
        let (table, rows) = differs.ok_or_else(|| damaged(ARCHIVE, "it made tables that the manifest does not name"))?;
        let restored = found.get(table).copied().unwrap_or_default();
        return Err(damaged(ARCHIVE, format!("{restored} rows of {table} were restored, the manifest names {rows}")));
    }
    let named: BTreeSet<_> = manifest.tenants.iter().collect();
    if let Some(differs) = tenants.iter().collect::<BTreeSet<_>>().symmetric_difference(&named).next()
        && enforced!("restore.tenants")
    {
        return Err(damaged(ARCHIVE, format!("manifest and archive do not have the same tenants: {differs} is in one of them alone")));
    }
    Ok(())
}
