//! SQLite alone: files, the lock, and what a crash leaves.

use crate::engine::{ManualClock, open_sqlite, tenant_id, tenant_row};
use crate::rows::{Rows, event};
use chancery_store::sqlite::{self, SqliteConfig};
use chancery_store::{CommitError, Page, StoreError};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_was_never_made_is_not_made_by_use() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    let view = store.tenant(tenant_id(1));
    assert!(matches!(view.tenant().await, Err(StoreError::NoRealm)));
    let mut changes = view.changes();
    changes.insert_tenant(&tenant_row(1));
    assert!(matches!(changes.commit().await, Err(CommitError::Store(StoreError::NoRealm))));
    assert_eq!(fs::read_dir(directory.path().join("tenants")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reopening_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    // More tenants than files may be open.
    for number in 1..20 {
        store.create_realm(tenant_id(number)).await.unwrap();
        let mut changes = store.tenant(tenant_id(number)).changes();
        changes.insert_tenant(&tenant_row(number));
        Rows::of(number).insert(&mut changes);
        changes.commit().await.unwrap();
    }
    drop(store);
    let left: Vec<_> = fs::read_dir(directory.path().join("tenants")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 19, "journals are left behind: {left:?}");

    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    for number in 1..20 {
        let view = store.tenant(tenant_id(number));
        let rows = Rows::of(number);
        assert_eq!(view.account(rows.account.id).await.unwrap(), Some(rows.account));
        assert_eq!(view.events(Page { before: None, limit: 10 }).await.unwrap(), [rows.event]);
    }
    assert_eq!(store.platform().due_lanes(crate::rows::now(), 100).await.unwrap().len(), 19);
}

/// A crash, as far as files show it: a copy taken while the store is open.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    store.create_realm(tenant_id(1)).await.unwrap();
    for number in 0..50 {
        let mut changes = store.tenant(tenant_id(1)).changes();
        changes.insert_event(&event(number));
        changes.commit().await.unwrap();
    }
    let crashed = tempfile::tempdir().unwrap();
    fs::create_dir(crashed.path().join("tenants")).unwrap();
    for part in ["", "tenants"] {
        for entry in fs::read_dir(directory.path().join(part)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), crashed.path().join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    // And a realm that was being made.
    let unfinished = crashed.path().join("tenants").join(format!("{}.new", tenant_id(2)));
    fs::write(&unfinished, "half").unwrap();
    let store = open_sqlite(crashed.path(), ManualClock::starting()).await;
    assert_eq!(store.tenant(tenant_id(1)).events(Page { before: None, limit: 100 }).await.unwrap().len(), 50);
    assert!(!unfinished.exists());
    assert!(matches!(store.tenant(tenant_id(2)).tenant().await, Err(StoreError::NoRealm)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_opened_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::starting();
    let config = || SqliteConfig { directory: directory.path().to_owned(), threads: 1, open_files: 1 };
    let first = sqlite::open(config(), clock.clone()).await.unwrap();
    let Err(StoreError::Unavailable(text)) = sqlite::open(config(), clock.clone()).await.map(drop) else { panic!("opened twice") };
    assert!(text.contains("another process"), "{text}");
    // The lock belongs to the open file, so a second process meets it just as this one does.
    let lock = fs::File::open(directory.path().join("lock")).unwrap();
    assert!(lock.try_lock().is_err());
    drop(first);
    lock.try_lock().unwrap();
    lock.unlock().unwrap();
    sqlite::open(config(), clock).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_programs_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    store.create_realm(tenant_id(1)).await.unwrap();
    drop(store);
    let path = directory.path().join("tenants").join(format!("{}.db", tenant_id(1)));
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    assert!(matches!(store.tenant(tenant_id(1)).tenant().await, Err(StoreError::Schema(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_user_may_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("data");
    let store = open_sqlite(&root, ManualClock::starting()).await;
    store.create_realm(tenant_id(1)).await.unwrap();
    store.tenant(tenant_id(1)).tenant().await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let mut files = 0;
    for directory in [root.clone(), root.join("tenants")] {
        assert_eq!(mode(&directory), 0o700);
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.file_name());
            files += 1;
        }
    }
    assert!(files >= 3);
}
