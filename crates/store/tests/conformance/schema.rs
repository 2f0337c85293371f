//! The schema: both engines have the same tables, columns, keys and indexes.

use crate::catalogue::{Lines, are_same, connect, postgres_shape, sqlite_shape};
use crate::cluster::cluster;
use crate::engine::{ManualClock, open_sqlite, tenant_id};
use crate::upgrades::migrate;

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
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    store.create_realm(tenant_id(1)).await.unwrap();
    drop(store);
    let tenants = directory.path().join("tenants");
    let [platform, tenant] = [directory.path().join("platform.db"), tenants.join(format!("{}.db", tenant_id(1)))]
        .map(|path| sqlite_shape(&rusqlite::Connection::open(path).unwrap()));
    let postgres = postgres_shape(&connect(&cluster().await.database().await.superuser_url).await).await;
    // SQLite counts its version in the file's header.
    let of = |schema: &str| -> Lines {
        let lines = postgres.iter().filter(|line| line.contains(schema) && !line.contains("schema_version"));
        lines.map(|line| line.replacen(schema, " ", 1)).collect()
    };
    are_same(&of(" tenant."), &tenant, "a tenant's file");
    are_same(&of(" tenant.").union(&of(" platform.")).cloned().collect(), &platform, "the platform's file");
}
