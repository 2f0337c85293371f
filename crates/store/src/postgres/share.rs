//! What one tenant's reads may hold of the connections, so that slow ones leave some for the others (I11).

use chancery_domain::TenantId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The tenants that are reading, each with its share.
pub(super) struct Shares {
    share: usize,
    reading: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Shares {
    /// A quarter of the connections for each, at least one.
    pub(super) fn of(connections: usize) -> Self {
        Self { share: (connections / 4).max(1), reading: Mutex::default() }
    }

    /// Waits for a place in the tenant's share.
    pub(super) async fn place(&self, tenant: TenantId) -> Place<'_> {
        let places = Arc::clone(self.reading().entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.share))));
        let mut place = Place { shares: self, tenant, permit: None };
        // It is never closed.
        place.permit = places.acquire_owned().await.ok();
        place
    }

    fn reading(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Semaphore>>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a tenant's share, or in the queue for one.
pub(super) struct Place<'a> {
    shares: &'a Shares,
    tenant: TenantId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut reading = self.shares.reading();
        // Whoever has or awaits a place holds the semaphore too; tenants that do not read are not remembered.
        if reading.get(&self.tenant).is_some_and(|places| Arc::strong_count(places) == 1) {
            reading.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_tenant_waits_for_its_own_reads_and_for_no_others() {
        let shares = Shares::of(8);
        let [one, two] = [1, 2].map(|number| TenantId::from_bytes([number; 16]));
        let first = shares.place(one).await;
        let second = shares.place(one).await;
        let mut third = Box::pin(shares.place(one));
        assert!(third.as_mut().now_or_never().is_none(), "more than its share");
        let other = shares.place(two).now_or_never().expect("others do not wait");

        drop(first);
        let third = third.now_or_never().expect("a place is free");
        let given_up = Box::pin(shares.place(one)).now_or_never();
        assert!(given_up.is_none());
        drop((second, third, other, given_up));
        assert_eq!(shares.reading().len(), 0, "nobody reads, nobody is remembered");
    }

    #[tokio::test]
    async fn the_smallest_pool_has_a_place() {
        let shares = Shares::of(1);
        assert!(shares.place(TenantId::PLATFORM).now_or_never().is_some());
    }
}
