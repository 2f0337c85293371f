//! Stand-ins for the ports and the keyring in this crate's tests.

use crate::kek::{KekKind, TenantKeyRows, TenantKeys};
use crate::provider::KeyProvider;
use crate::root::RootKey;
use crate::software::{Keyring, KeyringError, KeyringMaterial, KeyringRecord, SoftwareProvider};
use async_trait::async_trait;
use aws_lc_rs::digest;
use chancery_domain::port::{Clock, Entropy};
use chancery_domain::{TenantId, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const ONE: TenantId = TenantId::from_bytes([1; 16]);
pub(crate) const OTHER: TenantId = TenantId::from_bytes([2; 16]);

/// Different bytes for each call, the same for each run.
pub(crate) struct Seeded(pub(crate) AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed << 32))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&digest::digest(&digest::SHA256, &count).as_ref()[..chunk.len()]);
        }
    }
}

/// A clock that only the test moves.
#[derive(Default)]
pub(crate) struct StoppedClock(AtomicU64);

impl StoppedClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
pub(crate) struct MemoryKeyring {
    pub(crate) records: Mutex<HashMap<(TenantId, KekKind), KeyringRecord>>,
    check: Mutex<Option<[u8; 8]>>,
    pub(crate) unreachable: AtomicBool,
}

impl MemoryKeyring {
    fn reached(&self) -> Result<(), KeyringError> {
        if self.unreachable.load(Ordering::SeqCst) { Err(KeyringError("no route to the keyring".into())) } else { Ok(()) }
    }
    pub(crate) fn destroy(&self, tenant: TenantId) {
        for record in self.records.lock().unwrap().values_mut().filter(|record| record.tenant == tenant) {
            record.material = KeyringMaterial::Destroyed;
        }
    }
}

#[async_trait]
impl Keyring for MemoryKeyring {
    async fn load(&self, tenant: TenantId, kind: KekKind) -> Result<Option<KeyringRecord>, KeyringError> {
        self.reached()?;
        Ok(self.records.lock().unwrap().get(&(tenant, kind)).cloned())
    }
    async fn insert_if_absent(&self, record: KeyringRecord) -> Result<KeyringRecord, KeyringError> {
        self.reached()?;
        Ok(self.records.lock().unwrap().entry((record.tenant, record.kind)).or_insert(record).clone())
    }
    async fn root_check(&self, check_value: [u8; 8]) -> Result<[u8; 8], KeyringError> {
        self.reached()?;
        Ok(*self.check.lock().unwrap().get_or_insert(check_value))
    }
}

pub(crate) const ROOT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(crate) async fn software(keyring: &Arc<MemoryKeyring>, seed: u64) -> SoftwareProvider {
    let keyring: Arc<dyn Keyring> = Arc::clone(keyring) as _;
    SoftwareProvider::open(RootKey::from_hex(ROOT).unwrap(), keyring, Arc::new(Seeded::new(seed))).await.unwrap()
}

/// A tenant with fresh keys under `provider`.
pub(crate) async fn tenant(provider: &dyn KeyProvider, tenant: TenantId, seed: u64) -> TenantKeyRows {
    provider.create(tenant).await.unwrap();
    TenantKeys::generate(provider, tenant, &Seeded::new(seed)).await.unwrap()
}
