//! The schema: both engines have the same tables, and a fresh one equals one that was brought up step by step.

use crate::cluster::{TestDatabase, cluster};
use crate::engine::{ManualClock, open_sqlite, tenant_id};
use chancery_store::postgres::{self, DatabaseUrl, PostgresConfig};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tokio_postgres::NoTls;

/// Tables with their columns.
type Columns = BTreeSet<(String, String)>;

/// The scripts of this kind, oldest first.
fn scripts(engine: &str, kind: &str) -> Vec<String> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(&format!("_{kind}.sql")));
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn sqlite_columns(path: &Path) -> Columns {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type IN ('table', 'index')
        UNION SELECT m.name, c.name FROM sqlite_schema m, pragma_index_info(m.name) c WHERE m.type = 'index'";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).filter(|(table, _): &(String, String)| !table.starts_with("sqlite_")).collect()
}

fn files(directory: &Path) -> [PathBuf; 2] {
    [directory.join("platform.db"), directory.join("tenants").join(format!("{}.db", tenant_id(1)))]
}

async fn open_and_close(directory: &Path) -> [Columns; 2] {
    let store = open_sqlite(directory, ManualClock::starting()).await;
    store.create_realm(tenant_id(1)).await.unwrap();
    // Opening a file brings it up to date.
    store.tenant(tenant_id(1)).tenant().await.unwrap();
    store.platform().tenant().await.unwrap();
    drop(store);
    files(directory).map(|path| sqlite_columns(&path))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_older_sqlite_schema_is_brought_up_to_the_fresh_one() {
    let directory = tempfile::tempdir().unwrap();
    let fresh = open_and_close(directory.path()).await;
    let (tenant, platform) = (scripts("sqlite", "tenant"), scripts("sqlite", "platform"));
    for version in 1..=tenant.len() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("tenants")).unwrap();
        for (path, kinds) in files(directory.path()).into_iter().zip([vec![&tenant, &platform], vec![&tenant]]) {
            let connection = rusqlite::Connection::open(path).unwrap();
            for step in 0..version {
                kinds.iter().for_each(|scripts| connection.execute_batch(&scripts[step]).unwrap());
            }
            connection.pragma_update(None, "user_version", version as u32).unwrap();
        }
        assert_eq!(open_and_close(directory.path()).await, fresh, "from version {version}");
    }
}

async fn postgres_columns(database: &TestDatabase) -> Columns {
    let (client, connection) = tokio_postgres::connect(&database.superuser_url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT n.nspname || '.' || c.relname, a.attname::TEXT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE n.nspname IN ('tenant', 'platform')
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid)";
    client.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn migrate(database: &TestDatabase) {
    let [owner, app] = [&database.owner_url, &database.app_url].map(|url| DatabaseUrl::new(url.clone()));
    let config = PostgresConfig { app_url: app, owner_url: Some(owner), connections: 1 };
    postgres::open(config, ManualClock::starting()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_older_postgres_schema_is_brought_up_to_the_fresh_one() {
    let fresh = cluster().await.database().await;
    let (tenant, platform) = (scripts("postgres", "tenant"), scripts("postgres", "platform"));
    for version in 0..=tenant.len() {
        let database = cluster().await.empty_database().await;
        let (owner, connection) = tokio_postgres::connect(&database.owner_url, NoTls).await.unwrap();
        tokio::spawn(connection);
        if version > 0 {
            owner.batch_execute("CREATE SCHEMA tenant; CREATE SCHEMA platform").await.unwrap();
            for step in 0..version {
                owner.batch_execute(&format!("SET search_path = tenant; {}", tenant[step])).await.unwrap();
                owner.batch_execute(&format!("SET search_path = platform; {}", platform[step])).await.unwrap();
            }
            owner.batch_execute(&format!("INSERT INTO platform.schema_version VALUES ({version})")).await.unwrap();
        }
        migrate(&database).await;
        // A second time finds nothing to do.
        migrate(&database).await;
        assert_eq!(postgres_columns(&database).await, postgres_columns(&fresh).await, "from version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_migrate_at_once_do_it_once() {
    let database = std::sync::Arc::new(cluster().await.empty_database().await);
    let nodes: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn({
                let database = database.clone();
                async move { migrate(&database).await }
            })
        })
        .collect();
    for node in nodes {
        node.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_have_the_same_tables() {
    let directory = tempfile::tempdir().unwrap();
    let [platform, tenant] = open_and_close(directory.path()).await;
    let postgres = postgres_columns(&cluster().await.database().await).await;
    let of = |schema: &str| -> Columns {
        let named = postgres.iter().filter_map(|(table, column)| Some((table.strip_prefix(schema)?.to_owned(), column.clone())));
        // SQLite counts its version in the file's header.
        named.filter(|(table, _)| table != "schema_version").collect()
    };
    assert_eq!(of("tenant."), tenant);
    assert_eq!(of("tenant.").union(&of("platform.")).cloned().collect::<Columns>(), platform);
}
