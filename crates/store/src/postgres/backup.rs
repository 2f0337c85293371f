//! Backups of a PostgreSQL database: one archive of `pg_dump`, of one snapshot in which every table's rows are counted, too.

use super::pool::connect;
use super::program::{command, failure, refused, run};
use super::url::DatabaseUrl;
use crate::backup::{Draft, damaged, failed};
use crate::{BackupEngine, BackupError, Content, Manifest, StoreError};
use chancery_domain::{TenantId, Timestamp, enforced};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio_postgres::{Config, GenericClient, IsolationLevel};

/// The archive's name in the folder.
pub(super) const ARCHIVE: &str = "database.dump";

/// The schemas of a content.
pub(super) const fn schemas(content: Content) -> &'static [&'static str] {
    match content {
        Content::Data => &["tenant", "platform"],
        Content::Keyring => &["keyring"],
    }
}

/// Backs up a database into a new folder while servers use it. `programs` is the folder of PostgreSQL's programs, else the path's.
///
/// The data's rows are under forced row level security: the role must be one that it does not bind.
///
/// # Errors
/// [`BackupError::Damaged`] when the archive does not hold the snapshot's rows.
pub async fn backup(
    url: &DatabaseUrl,
    content: Content,
    to: &Path,
    now: Timestamp,
    programs: Option<&Path>,
) -> Result<Manifest, BackupError> {
    let config = url.parse()?;
    let mut client = connect(&config).await?;
    if content == Content::Data {
        sees_all(&client).await?;
    }
    let draft = Draft::begin(to)?;
    let mut manifest = Manifest::new(content, BackupEngine::Postgres, now);
    let snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let transaction = snapshot.start().await.map_err(refused)?;
    transaction
        .batch_execute("SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
        .await
        .map_err(refused)?;
    let id: String = transaction.query_one("SELECT pg_export_snapshot()", &[]).await.and_then(|row| row.try_get(0)).map_err(refused)?;
    let archive = draft.folder().join(ARCHIVE);
    let mut dump = command(programs, "pg_dump", &config);
    dump.args(["--format=custom", "--no-owner", "--no-privileges"]).arg(format!("--snapshot={id}"));
    dump.args(schemas(content).iter().map(|schema| format!("--schema={schema}"))).arg("--file").arg(&archive);
    run(dump, "pg_dump").await?;
    std::fs::set_permissions(&archive, Permissions::from_mode(0o600)).map_err(failed(&archive))?;
    describe(&transaction, content, &mut manifest).await?;
    drop(transaction);
    let held = archived(&archive, &config, programs).await?;
    if held != manifest.rows && enforced!("backup.rows") {
        let differs = manifest.rows.iter().find(|(table, rows)| held.get(*table) != Some(rows));
        let (table, rows) = differs.ok_or_else(|| damaged(ARCHIVE, "it holds tables that the snapshot has not"))?;
        let found = held.get(table).copied().unwrap_or_default();
        return Err(damaged(ARCHIVE, format!("it holds {found} rows of {table}, the snapshot {rows}")));
    }
    let finished = tokio::task::spawn_blocking(move || draft.finish(manifest)).await;
    finished.map_err(|error| StoreError::Unavailable(error.to_string()))?
}

/// Whether row level security is off for this role.
async fn sees_all(client: &impl GenericClient) -> Result<(), BackupError> {
    let query = "SELECT rolbypassrls OR rolsuper, rolname::TEXT FROM pg_roles WHERE rolname = current_user";
    let row = client.query_one(query, &[]).await.map_err(refused)?;
    let (sees, role): (bool, String) = (row.try_get(0).map_err(refused)?, row.try_get(1).map_err(refused)?);
    if sees || !enforced!("backup.role") {
        return Ok(());
    }
    Err(BackupError::Place(format!(
        "role {role} would back up nothing: row level security binds it. Set database_backup_url to a role with BYPASSRLS that may read all \
         (CREATE ROLE chancery_backup LOGIN BYPASSRLS; GRANT pg_read_all_data TO chancery_backup)"
    )))
}

async fn describe(client: &impl GenericClient, content: Content, manifest: &mut Manifest) -> Result<(), BackupError> {
    manifest.rows = counted(client, content).await?;
    let version = match content {
        Content::Data => "SELECT coalesce(max(version), 0) FROM platform.schema_version",
        Content::Keyring => "SELECT coalesce(max(version), 0) FROM keyring.schema_version",
    };
    let version: i64 = client.query_one(version, &[]).await.and_then(|row| row.try_get(0)).map_err(refused)?;
    manifest.schema = u32::try_from(version).unwrap_or(u32::MAX);
    if content == Content::Data {
        manifest.tenants = registered(client).await?;
    }
    Ok(())
}

/// Every tenant of the register, in the order of their ids.
pub(super) async fn registered(client: &impl GenericClient) -> Result<Vec<TenantId>, BackupError> {
    let ids = client.query("SELECT tenant_id FROM platform.registered_tenant ORDER BY 1", &[]).await.map_err(refused)?;
    let id = |row: &tokio_postgres::Row| row.try_get(0).ok().and_then(|id: &[u8]| TenantId::from_slice(id).ok());
    Ok(ids.iter().filter_map(id).collect())
}

/// Rows by schema and table.
pub(super) async fn counted(client: &impl GenericClient, content: Content) -> Result<BTreeMap<String, i64>, BackupError> {
    let tables = "SELECT schemaname || '.' || tablename, format('SELECT count(*) FROM %I.%I', schemaname, tablename)
         FROM pg_tables WHERE schemaname = ANY ($1) ORDER BY 1";
    let mut rows = BTreeMap::new();
    for row in client.query(tables, &[&schemas(content)]).await.map_err(refused)? {
        let (table, query): (String, String) = (row.try_get(0).map_err(refused)?, row.try_get(1).map_err(refused)?);
        rows.insert(table, client.query_one(&query, &[]).await.and_then(|row| row.try_get(0)).map_err(refused)?);
    }
    Ok(rows)
}

/// The rows that the archive holds, read out of all of it.
async fn archived(archive: &Path, config: &Config, programs: Option<&Path>) -> Result<BTreeMap<String, i64>, BackupError> {
    let mut list = command(programs, "pg_restore", config);
    list.arg("--list").arg(archive);
    run(list, "pg_restore").await?;
    let mut read = command(programs, "pg_restore", config);
    read.args(["--data-only", "--file=-"]).arg(archive);
    let mut child = read.spawn().map_err(failed(archive))?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failure("pg_restore", b"it has no output"));
    };
    let mut lines = BufReader::new(stdout).split(b'\n');
    let (mut rows, mut table): (BTreeMap<String, i64>, Option<String>) = (BTreeMap::new(), None);
    while let Some(line) = lines.next_segment().await.map_err(failed(archive))? {
        match &table {
            Some(_) if line == b"\\." => table = None,
            Some(name) => *rows.entry(name.clone()).or_default() += 1,
            None => {
                let name = str::from_utf8(&line).ok().and_then(|text| text.strip_prefix("COPY ")?.split(' ').next());
                table = name.map(str::to_owned);
                if let Some(name) = &table {
                    rows.entry(name.clone()).or_default();
                }
            }
        }
    }
    let mut said = Vec::new();
    stderr.read_to_end(&mut said).await.map_err(failed(archive))?;
    let ended = child.wait().await.map_err(failed(archive))?;
    if ended.success() { Ok(rows) } else { Err(failure("pg_restore", &said)) }
}
