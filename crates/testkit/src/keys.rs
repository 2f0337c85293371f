//! The software key provider with a real keyring, and failures that a test asks for.

use async_trait::async_trait;
use chancery_domain::{Sealed, TenantId};
use chancery_keys::{KekKind, KeyProvider, ProviderError};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// A key provider that is real but for the calls which a test makes fail.
pub struct FakeFailures {
    real: Arc<dyn KeyProvider>,
    creations: AtomicU32,
    wraps: AtomicU32,
    unwraps: AtomicU32,
    unwrapped: Mutex<Vec<(TenantId, KekKind)>>,
}

impl FakeFailures {
    pub(crate) fn over(real: Arc<dyn KeyProvider>) -> Self {
        Self { real, creations: AtomicU32::new(0), wraps: AtomicU32::new(0), unwraps: AtomicU32::new(0), unwrapped: Mutex::default() }
    }

    /// Forgets what was unwrapped until now.
    pub fn forget_unwrapped(&self) {
        self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Which of the tenant's keys were unwrapped since then, in order.
    pub fn unwrapped(&self, tenant: TenantId) -> Vec<KekKind> {
        let unwrapped = self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner);
        unwrapped.iter().filter(|(whose, _)| *whose == tenant).map(|(_, kind)| *kind).collect()
    }

    /// The next so many times that a tenant's wrapping keys are to be made, the provider does not answer.
    pub fn fail_next_creations(&self, times: u32) {
        self.creations.store(times, Ordering::SeqCst);
    }

    /// The next so many times that something is to be wrapped, the provider does not answer.
    pub fn fail_next_wraps(&self, times: u32) {
        self.wraps.store(times, Ordering::SeqCst);
    }

    /// The next so many times that something is to be unwrapped, the provider does not answer.
    pub fn fail_next_unwraps(&self, times: u32) {
        self.unwraps.store(times, Ordering::SeqCst);
    }
}

fn answer(failures: &AtomicU32) -> Result<(), ProviderError> {
    let one_less = |left: u32| left.checked_sub(1);
    match failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
        Ok(_) => Err(ProviderError::Unavailable("a fake failure".into())),
        Err(_) => Ok(()),
    }
}

#[async_trait]
impl KeyProvider for FakeFailures {
    async fn create(&self, tenant: TenantId) -> Result<(), ProviderError> {
        answer(&self.creations)?;
        self.real.create(tenant).await
    }
    async fn wrap(&self, tenant: TenantId, kind: KekKind, aad: &[u8], plaintext: &[u8]) -> Result<Sealed, ProviderError> {
        answer(&self.wraps)?;
        self.real.wrap(tenant, kind, aad, plaintext).await
    }
    async fn unwrap(&self, tenant: TenantId, kind: KekKind, aad: &[u8], wrapped: &Sealed) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
        answer(&self.unwraps)?;
        self.unwrapped.lock().unwrap_or_else(PoisonError::into_inner).push((tenant, kind));
        self.real.unwrap(tenant, kind, aad, wrapped).await
    }
}
