//! The software provider over a keyring in memory.

use super::*;
use crate::aad::tests::encoded;
use crate::doubles::{MemoryKeyring, ONE, OTHER, ROOT, Seeded, software};
use crate::provider::suite;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn it_passes_the_suite() {
    suite::run(&software(&Arc::default(), 1).await, ONE, OTHER).await;
}

#[tokio::test]
async fn nodes_that_create_together_end_with_one_key() {
    let keyring = Arc::default();
    let (here, there) = (software(&keyring, 1).await, software(&keyring, 2).await);
    here.create(ONE).await.unwrap();
    there.create(ONE).await.unwrap();
    // Both had found nothing and one came second to insert: the standing record must win over its own.
    let late = there.new_record(ONE, KekKind::Main).unwrap();
    assert_ne!(keyring.insert_if_absent(late.clone()).await.unwrap(), late);
    let wrapped = here.wrap(ONE, KekKind::Main, b"", b"plain").await.unwrap();
    assert_eq!(there.unwrap(ONE, KekKind::Main, b"", &wrapped).await.unwrap().as_slice(), b"plain");
}

#[tokio::test]
async fn a_destroyed_tenant_neither_opens_nor_returns() {
    let keyring = Arc::default();
    let provider = software(&keyring, 1).await;
    provider.create(ONE).await.unwrap();
    provider.create(OTHER).await.unwrap();
    let wrapped = provider.wrap(ONE, KekKind::Main, b"", b"plain").await.unwrap();
    keyring.destroy(ONE);
    // I13
    assert!(matches!(provider.unwrap(ONE, KekKind::Main, b"", &wrapped).await, Err(ProviderError::Destroyed(ONE))));
    assert!(matches!(provider.wrap(ONE, KekKind::Log, b"", b"plain").await, Err(ProviderError::Destroyed(ONE))));
    assert!(matches!(provider.create(ONE).await, Err(ProviderError::Destroyed(ONE))));
    provider.wrap(OTHER, KekKind::Main, b"", b"plain").await.unwrap();
}

#[tokio::test]
async fn another_root_key_is_refused_at_the_start() {
    let keyring = Arc::default();
    drop(software(&keyring, 1).await);
    let other = RootKey::from_hex(&ROOT.replace("1f", "1e")).unwrap();
    let opened = SoftwareProvider::open(other, keyring, Arc::new(Seeded::new(1))).await;
    assert!(matches!(opened, Err(ProviderError::WrongRootKey)));
}

#[tokio::test]
async fn a_keyring_record_opens_only_where_it_was_put() {
    let keyring: Arc<MemoryKeyring> = Arc::default();
    let provider = software(&keyring, 1).await;
    provider.create(ONE).await.unwrap();
    provider.create(OTHER).await.unwrap();
    let whole = keyring.records.lock().unwrap().clone();
    let original = &whole[&(ONE, KekKind::Main)];
    for (tenant, kind) in [(OTHER, KekKind::Main), (ONE, KekKind::Log)] {
        keyring.records.lock().unwrap().insert((tenant, kind), original.clone());
        assert!(matches!(provider.wrap(tenant, kind, b"", b"").await, Err(ProviderError::DoesNotOpen)), "{tenant} {kind:?}");
        assert!(matches!(provider.create(tenant).await, Err(ProviderError::DoesNotOpen)), "{tenant} {kind:?}");
    }
    keyring.records.lock().unwrap().insert((ONE, KekKind::Main), KeyringRecord { root_epoch: 2, ..original.clone() });
    assert!(matches!(provider.wrap(ONE, KekKind::Main, b"", b"").await, Err(ProviderError::DoesNotOpen)));
}

#[tokio::test]
async fn an_unreachable_keyring_is_not_an_unknown_tenant() {
    let keyring = Arc::default();
    let provider = software(&keyring, 1).await;
    keyring.unreachable.store(true, Ordering::SeqCst);
    for outcome in [provider.create(ONE).await, provider.wrap(ONE, KekKind::Main, b"", b"").await.map(drop)] {
        assert!(matches!(outcome, Err(ProviderError::Unavailable(_))), "{outcome:?}");
    }
}

#[test]
fn the_keyring_is_bound_to_use_tenant_kind_epoch_and_place() {
    let record = encoded(&[b"chancery keyring v1", ONE.as_bytes(), b"main", &7_u32.to_be_bytes()]);
    assert_eq!(keyring_place(ONE, KekKind::Main, 7).as_slice(), record);
    let wrapped = encoded(&[b"chancery software wrap v1", ONE.as_bytes(), b"log", b"place"]);
    assert_eq!(wrap_place(ONE, KekKind::Log, b"place").as_slice(), wrapped);
}
