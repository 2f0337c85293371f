//! What one tenant may hold of something that tenants share, so that a busy one leaves some for the others (I11).

use chancery_domain::{TenantId, enforced};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The tenants that hold or await something now, each with its share.
#[derive(Clone)]
pub struct Shares {
    share: usize,
    busy: Arc<Mutex<HashMap<TenantId, Arc<Semaphore>>>>,
}

impl Shares {
    /// So many places for each tenant, at least one.
    pub fn of_each(share: usize) -> Self {
        let share = if enforced!("share.places") { share.max(1) } else { Semaphore::MAX_PERMITS };
        Self { share, busy: Arc::default() }
    }

    /// Waits for a place in the tenant's share.
    pub async fn place(&self, tenant: TenantId) -> Place {
        let places = Arc::clone(self.busy().entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.share))));
        self.wait(tenant, places).await
    }

    /// The same, unless so many of the tenant wait already: `None`, at once.
    pub async fn place_in_queue(&self, tenant: TenantId, longest: usize) -> Option<Place> {
        let places = {
            let mut busy = self.busy();
            let places = busy.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.share)));
            // Whoever has or awaits a place holds the semaphore, and so does the map.
            if Arc::strong_count(places) > self.share.saturating_add(longest) {
                return None;
            }
            Arc::clone(places)
        };
        Some(self.wait(tenant, places).await)
    }

    async fn wait(&self, tenant: TenantId, places: Arc<Semaphore>) -> Place {
        let mut place = Place { shares: self.clone(), tenant, permit: None };
        // It is never closed.
        place.permit = places.acquire_owned().await.ok();
        place
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Semaphore>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a tenant's share, or in the queue for one.
pub struct Place {
    shares: Shares,
    tenant: TenantId,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut busy = self.shares.busy();
        // Tenants that hold and await nothing are not remembered.
        if busy.get(&self.tenant).is_some_and(|places| Arc::strong_count(places) == 1) {
            busy.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_tenant_waits_for_its_own_places_and_for_no_others() {
        let shares = Shares::of_each(2);
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
        assert_eq!(shares.busy().len(), 0, "nobody is busy, nobody is remembered");
    }

    #[tokio::test]
    async fn a_queue_has_an_end() {
        let shares = Shares::of_each(1);
        let [one, two] = [1, 2].map(|number| TenantId::from_bytes([number; 16]));
        let first = shares.place_in_queue(one, 1).await.expect("nobody waits");
        let mut second = Box::pin(shares.place_in_queue(one, 1));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert!(shares.place_in_queue(one, 1).now_or_never().expect("told at once").is_none(), "one waits already");
        assert!(shares.place_in_queue(two, 1).now_or_never().is_some_and(|place| place.is_some()), "each tenant has its own queue");
        drop(first);
        drop(second.now_or_never().expect("a place is free"));
        assert!(shares.place_in_queue(one, 0).now_or_never().is_some_and(|place| place.is_some()), "without a queue, a free place is one");
        assert_eq!(shares.busy().len(), 0);
    }

    #[tokio::test]
    async fn the_smallest_share_is_a_place() {
        assert!(Shares::of_each(0).place(TenantId::PLATFORM).now_or_never().is_some());
    }
}
