//! The hierarchy: making, unlocking, and what does not unlock.

use super::*;
use crate::aad::tests::encoded;
use crate::doubles::{MemoryKeyring, ONE, OTHER, Seeded, software, tenant};
use crate::seal::{Place, Sealer};
use crate::software::SoftwareProvider;
use std::sync::Arc;

const PLACE: Place<'static> = Place { table: "certificate", column: "key", row: b"row" };

impl TenantKeys {
    /// The same keys, claimed by another tenant.
    pub(crate) fn posing_as(self, tenant: TenantId) -> Self {
        Self { tenant, ..self }
    }
    /// The same keys under another version's number.
    pub(crate) fn renumbered(mut self, version: u32) -> Self {
        self.keys.iter_mut().for_each(|key| key.version = version);
        self
    }
}

async fn made() -> (Arc<MemoryKeyring>, SoftwareProvider, TenantKeyRows) {
    let keyring = Arc::default();
    let provider = software(&keyring, 1).await;
    let rows = tenant(&provider, ONE, 2).await;
    (keyring, provider, rows)
}

/// What the next version of a purpose key adds to the rows.
async fn next_version(provider: &SoftwareProvider, rows: &TenantKeyRows, purpose: Purpose) -> WrappedPurposeKey {
    let kek = rows.keks.iter().find(|kek| kek.kind == purpose.kind()).unwrap();
    let place = kek_place(ONE, kek.kind, kek.version);
    let kek_key = provider.unwrap(ONE, kek.kind, place.as_slice(), &kek.wrapped).await.unwrap();
    let key = PurposeKey { purpose, version: 2, key: SecretKey::random(&Seeded::new(77)) };
    key.wrapped_by(&SecretKey::from_slice(&kek_key).unwrap(), kek.version, ONE, &Seeded::new(78)).unwrap()
}

#[tokio::test]
async fn every_purpose_has_a_key_of_its_own_that_unlocks_again() {
    let (_, provider, rows) = made().await;
    assert_eq!((rows.keks.len(), rows.keys.len()), (2, 5));
    let keys = TenantKeys::unlock(&provider, ONE, &rows).await.ok().unwrap();
    let again = TenantKeys::unlock(&provider, ONE, &rows).await.ok().unwrap();
    let mut seen = std::collections::HashSet::new();
    for &purpose in Purpose::ALL {
        let key = keys.versions(purpose).next().unwrap();
        assert!(seen.insert(*key.key.expose()), "{purpose:?} shares its key");
        assert_eq!(key.key.expose(), again.versions(purpose).next().unwrap().key.expose());
    }
}

#[tokio::test]
async fn the_highest_version_seals_and_the_older_still_open() {
    let (_, provider, mut rows) = made().await;
    let entropy = Seeded::new(3);
    let before = Sealer::new(TenantKeys::unlock(&provider, ONE, &rows).await.ok().unwrap());
    let old = before.seal(Purpose::Data, &PLACE, b"old", &entropy).unwrap();
    for purpose in [Purpose::Data, Purpose::Index] {
        let next = next_version(&provider, &rows, purpose).await;
        rows.keys.push(next);
    }
    let after = Sealer::new(TenantKeys::unlock(&provider, ONE, &rows).await.ok().unwrap());
    assert_eq!(after.open(Purpose::Data, &PLACE, &old).unwrap().as_slice(), b"old");
    let new = after.seal(Purpose::Data, &PLACE, b"new", &entropy).unwrap();
    assert!(before.open(Purpose::Data, &PLACE, &new).is_err());
    // The same bytes under the other version's number.
    let mut relabelled = new.into_bytes();
    relabelled[4] = 1;
    assert!(after.open(Purpose::Data, &PLACE, &Sealed::from_ciphertext(relabelled)).is_err());
    // Look-ups find rows of both versions; new rows get the new one.
    let versions = after.blind_versions("api.example.com").unwrap();
    assert_eq!(versions, [after.blind("api.example.com").unwrap(), before.blind("api.example.com").unwrap()]);
}

#[tokio::test]
async fn a_disabled_tenants_log_unlocks_without_its_data() {
    let (keyring, provider, rows) = made().await;
    // Even with the main wrapping key gone.
    keyring.records.lock().unwrap().remove(&(ONE, KekKind::Main));
    assert!(TenantKeys::unlock(&provider, ONE, &rows).await.is_err());
    let sealer = Sealer::new(TenantKeys::unlock_log(&provider, ONE, &rows).await.ok().unwrap());
    let sealed = sealer.seal(Purpose::Status, &PLACE, b"crl key", &Seeded::new(3)).unwrap();
    assert_eq!(sealer.open(Purpose::Status, &PLACE, &sealed).unwrap().as_slice(), b"crl key");
    for purpose in [Purpose::Data, Purpose::Metadata] {
        assert_eq!(sealer.seal(purpose, &PLACE, b"", &Seeded::new(3)), Err(crate::SealError::Locked(purpose)));
    }
    assert!(sealer.blind("name").is_err() && sealer.blind_versions("name").is_err());
}

#[tokio::test]
async fn rows_of_another_tenant_purpose_or_version_do_not_unlock() {
    let (_, provider, rows) = made().await;
    let foreign = tenant(&provider, OTHER, 9).await;
    assert!(matches!(TenantKeys::unlock(&provider, OTHER, &rows).await, Err(KeyError::Provider(ProviderError::DoesNotOpen))));
    let refused = |rows: TenantKeyRows| {
        let provider = &provider;
        async move {
            let unlocked = TenantKeys::unlock(provider, ONE, &rows).await;
            assert!(matches!(unlocked, Err(KeyError::DoesNotOpen { .. } | KeyError::Provider(ProviderError::DoesNotOpen))));
        }
    };
    for at in 0..rows.keys.len() {
        let mut moved = rows.clone();
        moved.keys[at].wrapped = foreign.keys[at].wrapped.clone();
        refused(moved).await;
        let mut moved = rows.clone();
        moved.keys[at].wrapped = rows.keys[(at + 1) % rows.keys.len()].wrapped.clone();
        refused(moved).await;
        let mut relabelled = rows.clone();
        relabelled.keys[at].version = 2;
        refused(relabelled).await;
    }
    for at in 0..rows.keks.len() {
        let mut moved = rows.clone();
        moved.keks[at].wrapped = rows.keks[1 - at].wrapped.clone();
        refused(moved).await;
        let mut relabelled = rows.clone();
        relabelled.keks[at].version = 2;
        refused(relabelled).await;
    }
}

#[tokio::test]
async fn incomplete_rows_say_what_is_missing() {
    let (_, provider, rows) = made().await;
    for at in 0..rows.keys.len() {
        let mut cut = rows.clone();
        let gone = cut.keys.remove(at).purpose;
        assert!(matches!(TenantKeys::unlock(&provider, ONE, &cut).await, Err(KeyError::MissingPurpose(named)) if named == gone));
    }
    let mut cut = rows.clone();
    cut.keks.retain(|kek| kek.kind == KekKind::Log);
    assert!(matches!(TenantKeys::unlock(&provider, ONE, &cut).await, Err(KeyError::MissingKek { .. })));
}

#[tokio::test]
async fn a_destroyed_tenant_does_not_unlock() {
    let (keyring, provider, rows) = made().await;
    keyring.destroy(ONE);
    // I13: the rows are what a restored backup brings back.
    let unlocked = TenantKeys::unlock(&provider, ONE, &rows).await;
    assert!(matches!(unlocked, Err(KeyError::Provider(ProviderError::Destroyed(ONE)))));
}

// What is stored opens under exactly these: a part that is left out, or another order, loses every tenant's keys.
#[test]
fn wrapped_keys_are_bound_to_use_tenant_kind_purpose_and_version() {
    let version = 7_u32.to_be_bytes();
    let kek = encoded(&[b"chancery kek v1", ONE.as_bytes(), b"log", &version]);
    assert_eq!(kek_place(ONE, KekKind::Log, 7).as_slice(), kek);
    let key = encoded(&[b"chancery purpose key v1", ONE.as_bytes(), b"main", b"data", &version]);
    assert_eq!(key_place(ONE, Purpose::Data, 7).as_slice(), key);
}
