//! Leases: what was unwrapped or looked up for a tenant may be used for at most 4 s without reading its epoch again.
//!
//! So whoever disables a tenant and raises its epoch is obeyed within 5 s, also by a node that can no longer read.

use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

mod slot;

use slot::Slot;

/// How long a value may be used after its tenant's epoch began to be read.
pub const LEASE: Duration = Duration::from_secs(4);

/// From this age on one caller renews, while the others go on with the lease that is still valid.
const RENEW_AFTER: Duration = Duration::from_secs(3);

const SHARDS: usize = 16;

/// Values of type `T` by tenant, each under a lease, read with errors of type `E`.
///
/// One epoch read serves all who wait for the same tenant; they share its error, too.
pub struct LeasedCache<T, E> {
    shards: [RwLock<Shard<T, E>>; SHARDS],
    held: AtomicUsize,
    capacity: usize,
}

type Shard<T, E> = HashMap<TenantId, Arc<Slot<T, E>>>;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError<E> {
    /// The epoch or the value could not be read, so what was cached was dropped.
    #[error(transparent)]
    Read(Arc<E>),
    /// Reading took longer than the lease, or was overtaken by `invalidate`, several times in a row.
    #[error("the tenant could not be read within its lease of 4 s: the database or the key provider is too slow, try again")]
    TooSlow,
}

impl<E> Clone for LeaseError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Read(error) => Self::Read(Arc::clone(error)),
            Self::TooSlow => Self::TooSlow,
        }
    }
}

impl<T, E> LeasedCache<T, E> {
    /// A cache that holds about `capacity` tenants and drops those unused for longest.
    pub fn new(capacity: usize) -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), held: AtomicUsize::new(0), capacity }
    }

    /// The tenant's value, under a valid lease.
    ///
    /// `check_epoch` reads the tenant's epoch; it is called when the lease is about to end or has ended, and an equal
    /// epoch renews the lease. `load` makes the value, after the epoch was read; it is called when there is none or the
    /// epoch is another. When either fails, the cached value is dropped and the error returned: what cannot be read is
    /// not used. Either may be called again within one fetch, when the lease ran out meanwhile.
    pub async fn fetch<C, CF, L, LF>(&self, tenant: TenantId, clock: &dyn Clock, check_epoch: C, load: L) -> Result<Arc<T>, LeaseError<E>>
    where
        C: Fn() -> CF,
        CF: Future<Output = Result<i64, E>>,
        L: Fn() -> LF,
        LF: Future<Output = Result<T, E>>,
    {
        let now = clock.monotonic();
        if let Some(value) = self.read(tenant).get(&tenant).and_then(|slot| slot.used_within(RENEW_AFTER, now)) {
            return Ok(value);
        }
        let slot = self.slot(tenant, now);
        let outcome = slot.fetch(clock, check_epoch, load).await;
        if outcome.is_err() {
            // Or a stream of tenants that do not exist would crowd out those that do.
            self.forget(tenant, &slot);
        }
        outcome
    }

    /// Whether the tenant's value is held under a valid lease; nothing is read.
    pub fn holds(&self, tenant: TenantId, clock: &dyn Clock) -> bool {
        let now = clock.monotonic();
        self.read(tenant).get(&tenant).is_some_and(|slot| slot.used_within(LEASE, now).is_some())
    }

    /// Drops the tenant's value; what is being read for it at this moment is not cached either.
    pub fn invalidate(&self, tenant: TenantId) {
        if let Some(slot) = self.read(tenant).get(&tenant) {
            slot.invalidate();
        }
    }

    /// Drops every value whose lease has ended, so that the keys of an idle tenant do not stay in memory. To be called
    /// about once a second.
    pub fn drop_lapsed(&self, clock: &dyn Clock) {
        let now = clock.monotonic();
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|_, slot| slot.is_wanted(now));
            self.held.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    fn slot(&self, tenant: TenantId, now: Duration) -> Arc<Slot<T, E>> {
        let mut shard = self.write(tenant);
        if let Some(slot) = shard.get(&tenant) {
            return Arc::clone(slot);
        }
        if self.held.load(Ordering::Relaxed) >= self.capacity {
            let idle = shard.iter().min_by_key(|(_, slot)| slot.last_used()).map(|(tenant, _)| *tenant);
            if idle.and_then(|tenant| shard.remove(&tenant)).is_some() {
                self.held.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.held.fetch_add(1, Ordering::Relaxed);
        Arc::clone(shard.entry(tenant).or_insert_with(|| Arc::new(Slot::new(now))))
    }

    fn forget(&self, tenant: TenantId, failed: &Arc<Slot<T, E>>) {
        let mut shard = self.write(tenant);
        if shard.get(&tenant).is_some_and(|slot| Arc::ptr_eq(slot, failed)) {
            shard.remove(&tenant);
            self.held.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn read(&self, tenant: TenantId) -> RwLockReadGuard<'_, Shard<T, E>> {
        self.shard(tenant).read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self, tenant: TenantId) -> RwLockWriteGuard<'_, Shard<T, E>> {
        self.shard(tenant).write().unwrap_or_else(PoisonError::into_inner)
    }
    fn shard(&self, tenant: TenantId) -> &RwLock<Shard<T, E>> {
        let [.., last] = tenant.as_bytes();
        let [first, ..] = &self.shards;
        // The last byte of a UUID is random; the default is never taken.
        self.shards.get(usize::from(*last) % SHARDS).unwrap_or(first)
    }
}

#[cfg(test)]
mod tests;
