//! The keyring: the first record of a key stands, also a destroyed one's tombstone.

use crate::cluster::cluster;
use crate::engine::{Engine, tenant_id};
use chancery_domain::Sealed;
use chancery_store::postgres::{DatabaseUrl, Durability};
use chancery_store::{KeyringDb, KeyringRow, postgres, sqlite};
use rstest::rstest;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

fn row(tenant: u8, kind: &str, sealed: Option<u8>) -> KeyringRow {
    let sealed = sealed.map(|byte| Sealed::from_ciphertext(vec![byte; 60]));
    KeyringRow { tenant: tenant_id(tenant), kind: kind.to_owned(), root_epoch: 4, sealed }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_first_record_stands(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyring").join("keyring.db");
    let database = cluster().await.empty_database().await;
    let open = async || -> Arc<dyn KeyringDb> {
        match engine {
            Engine::Sqlite => sqlite::open_keyring(&path).await.unwrap(),
            Engine::Postgres => postgres::open_keyring(&DatabaseUrl::new(database.owner_url.clone()), Durability::Required).await.unwrap(),
        }
    };
    let keyring = open().await;
    assert_eq!(keyring.load(tenant_id(1), "main").await.unwrap(), None);
    let inserts: Vec<_> = (0..20)
        .map(|byte| {
            let keyring = Arc::clone(&keyring);
            tokio::spawn(async move { keyring.insert_if_absent(row(1, "main", Some(byte))).await.unwrap() })
        })
        .collect();
    let first = keyring.insert_if_absent(row(1, "main", Some(99))).await.unwrap();
    for insert in inserts {
        assert_eq!(insert.await.unwrap(), first);
    }
    assert_eq!(keyring.insert_if_absent(row(2, "main", None)).await.unwrap(), row(2, "main", None));
    assert_eq!(keyring.insert_if_absent(row(2, "main", Some(1))).await.unwrap(), row(2, "main", None));
    assert_eq!(keyring.load(tenant_id(1), "log").await.unwrap(), None);

    drop(keyring);
    assert_eq!(open().await.load(tenant_id(1), "main").await.unwrap(), Some(first));
    if matches!(engine, Engine::Sqlite) {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_lose_a_record_keeps_no_keyring() {
    let database = cluster().await.empty_database().await;
    let url = format!("{}?options=-c%20synchronous_commit%3Doff", database.owner_url);
    let url = DatabaseUrl::new(url);
    assert!(postgres::open_keyring(&url, Durability::Waived).await.is_ok());
    match postgres::open_keyring(&url, Durability::Required).await {
        Err(chancery_store::StoreError::Unsafe(text)) => assert!(text.contains("synchronous_commit"), "{text}"),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("the keyring was opened"),
    }
}
