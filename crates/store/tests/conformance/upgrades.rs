//! Migrations over rows: from every version, whatever stands in whichever table is there afterwards, and the schema is that of a fresh
//! store. Tables, columns and values come from the catalogue, so a new migration is tested by itself.

use crate::catalogue::{Column, Lines, Tables, are_same, by_table, connect, postgres_columns, postgres_rows, postgres_whole};
use crate::catalogue::{sqlite_columns, sqlite_rows, sqlite_whole};
use crate::cluster::{TestDatabase, cluster};
use crate::engine::{ManualClock, open_sqlite, tenant_id};
use chancery_store::postgres::{self, DatabaseUrl, Durability, PostgresConfig};
use chancery_store::sqlite;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What rows hold in columns that came later, where that is not null.
const GIVEN: [(&str, &str, &str); 3] = [("account", "kind", "user"), ("authority", "generation", "1"), ("authority", "state", "active")];

/// The scripts of this kind, oldest first.
fn scripts(engine: &str, kind: &str) -> Vec<String> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(&format!("_{kind}.sql")));
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// A statement for each table that makes two rows: one with a value in every column, and one that leaves out what may be left out.
fn rows(columns: &[Column], blob: impl Fn(&str) -> String) -> String {
    let mut number = 0;
    let mut statements = String::new();
    for (table, columns) in by_table(columns).into_iter().filter(|(table, _)| !table.ends_with("schema_version")) {
        for row in ["full", "bare"] {
            let value = |column: &&Column| {
                number += 1;
                let text = format!("{table}.{}.{row}", column.name);
                match column.kind.as_str() {
                    _ if column.nullable && row == "bare" => "NULL".to_owned(),
                    "TEXT" => format!("'{text}'"),
                    "BIGINT" => (1_000_000 + number).to_string(),
                    "BLOB" => blob(&text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>()),
                    other => panic!("say in upgrades.rs what a {other} may hold"),
                }
            };
            let values: Vec<_> = columns.iter().map(value).collect();
            let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
            statements += &format!("INSERT INTO {table} ({}) VALUES ({});\n", names.join(", "), values.join(", "));
        }
    }
    statements
}

/// Fails unless all that stood in `before` stands in `after`; which columns that are new hold something, and what.
fn kept(before: &Tables, after: &Tables, from: &str) -> BTreeSet<(String, String, String)> {
    let values: Vec<_> = before.values().flatten().flat_map(|row| row.values().flatten()).collect();
    assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len(), "values are told apart");
    let mut given = BTreeSet::new();
    for (table, old) in before {
        assert_eq!(old.len(), 2, "{from}: {table}");
        let new = after.get(table).unwrap_or_else(|| panic!("{from}: {table} went away with its rows"));
        assert_eq!(new.len(), old.len(), "{from}: rows of {table}");
        for row in old {
            let same = new.iter().find(|new| row.iter().all(|(column, value)| new.get(column) == Some(value)));
            let same = same.unwrap_or_else(|| panic!("{from}: {table} had {row:?} and has {new:?}"));
            let added = same.iter().filter(|(column, _)| !row.contains_key(*column));
            let added = added.filter_map(|(column, value)| Some((table.clone(), column.clone(), value.clone()?)));
            given.extend(added);
        }
    }
    given
}

fn is_given(found: BTreeSet<(String, String, String)>) {
    let found: Vec<_> =
        found.iter().map(|(table, column, value)| (table.rsplit('.').next().unwrap(), column.as_str(), value.as_str())).collect();
    assert_eq!(found, GIVEN, "what older rows are given in new columns: is it right for all of them?");
}

fn files(directory: &Path) -> [PathBuf; 3] {
    let tenant = directory.join("tenants").join(format!("{}.db", tenant_id(1)));
    [directory.join("platform.db"), tenant, directory.join("keyring.db")]
}

/// Brings all files up to date, which opening does.
async fn open_and_close(directory: &Path) {
    let store = open_sqlite(directory, ManualClock::starting()).await;
    store.create_realm(tenant_id(1)).await.unwrap();
    store.tenant(tenant_id(1)).tenant().await.unwrap();
    store.platform().tenant().await.unwrap();
    drop(store);
    sqlite::open_keyring(&files(directory)[2]).await.unwrap();
}

fn sqlite_schemas(directory: &Path) -> Vec<Lines> {
    files(directory).iter().map(|path| sqlite_whole(&Connection::open(path).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_older_sqlite_store_is_brought_up_with_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    open_and_close(directory.path()).await;
    let (fresh, mut given) = (sqlite_schemas(directory.path()), BTreeSet::new());
    let [tenant, platform, keyring] = ["tenant", "platform", "keyring"].map(|kind| scripts("sqlite", kind));
    for version in 1..=tenant.len() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("tenants")).unwrap();
        let paths = files(directory.path());
        let mut before = Vec::new();
        for (path, kinds) in paths.iter().zip([vec![&tenant, &platform], vec![&tenant], vec![&keyring]]) {
            let file = Connection::open(path).unwrap();
            let version = version.min(kinds[0].len());
            for step in 0..version {
                kinds.iter().for_each(|scripts| file.execute_batch(&scripts[step]).unwrap());
            }
            file.pragma_update(None, "user_version", version as u32).unwrap();
            file.execute_batch(&rows(&sqlite_columns(&file), |hex| format!("X'{hex}'"))).unwrap();
            before.push(sqlite_rows(&file));
        }
        open_and_close(directory.path()).await;
        let from = format!("from version {version}");
        sqlite_schemas(directory.path()).iter().zip(&fresh).for_each(|(schema, fresh)| are_same(schema, fresh, &from));
        for (path, before) in paths.iter().zip(before) {
            let file = Connection::open(path).unwrap();
            assert_eq!(file.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok", "{from}");
            given.extend(kept(&before, &sqlite_rows(&file), &from));
        }
    }
    is_given(given);
}

pub(crate) async fn migrate(database: &TestDatabase) {
    let [owner, app] = [&database.owner_url, &database.app_url].map(|url| DatabaseUrl::new(url.clone()));
    let config = PostgresConfig { app_url: app, owner_url: Some(owner), connections: 1, durability: Durability::Required };
    postgres::open(config, ManualClock::starting()).await.unwrap();
    postgres::open_keyring(&DatabaseUrl::new(database.owner_url.clone()), Durability::Required).await.unwrap();
}

/// A database as a program of this version left it: with policies, which hide all rows from a migration that sets no tenant.
async fn older(version: usize, kinds: &[(&str, Vec<String>)], policy: &str) -> TestDatabase {
    let database = cluster().await.empty_database().await;
    let owner = connect(&database.owner_url).await;
    for (schema, scripts) in kinds {
        owner.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}")).await.unwrap();
        let version = version.min(scripts.len());
        for script in scripts.iter().take(version) {
            owner.batch_execute(script).await.unwrap();
        }
        if *schema != "tenant" {
            let record = format!(
                "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES ({version})"
            );
            owner.batch_execute(&record).await.unwrap();
        }
    }
    owner.batch_execute("SET search_path = public").await.unwrap();
    let columns = postgres_columns(&owner).await;
    for table in by_table(&columns).into_keys().filter(|table| table.starts_with("tenant.")) {
        let protect = format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY; CREATE POLICY own_tenant ON {table} {policy}"
        );
        owner.batch_execute(&protect).await.unwrap();
    }
    let superuser = connect(&database.superuser_url).await;
    superuser.batch_execute(&rows(&columns, |hex| format!("'\\x{hex}'"))).await.unwrap();
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn every_older_postgres_store_is_brought_up_with_its_rows() {
    let database = cluster().await.empty_database().await;
    migrate(&database).await;
    let client = connect(&database.superuser_url).await;
    let (fresh, mut given) = (postgres_whole(&client).await, BTreeSet::new());
    let policies =
        client.query("SELECT DISTINCT format('USING (%s) WITH CHECK (%s)', qual, with_check) FROM pg_policies", &[]).await.unwrap();
    let [policy] = &*policies else { panic!("one policy for all tables: {policies:?}") };
    let kinds = ["tenant", "platform", "keyring"].map(|kind| (kind, scripts("postgres", kind)));
    for version in 1..=kinds[0].1.len() {
        let database = older(version, &kinds, policy.get(0)).await;
        let rows = async || {
            let mut tables = postgres_rows(&database).await;
            tables.retain(|table, _| !table.ends_with("schema_version"));
            tables
        };
        let before = rows().await;
        migrate(&database).await;
        // A second time finds nothing to do.
        migrate(&database).await;
        let from = format!("from version {version}");
        are_same(&postgres_whole(&connect(&database.superuser_url).await).await, &fresh, &from);
        given.extend(kept(&before, &rows().await, &from));
    }
    is_given(given);
}
