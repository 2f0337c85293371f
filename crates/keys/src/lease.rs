//! Leases: what was unwrapped or looked up for a tenant may be used for at most 4 s without reading its epoch again.
//!
//! So whoever disables a tenant and raises its epoch is obeyed within 5 s, also by a node that can no longer read.

use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How long a value may be used after its tenant's epoch began to be read.
pub const LEASE: Duration = Duration::from_secs(4);

/// From here on one caller renews while the others go on with the lease that is still valid.
const RENEW_AFTER: Duration = Duration::from_secs(3);

/// How often a flight starts over, because its lease ran out or was invalidated while it was reading.
const ROUNDS: usize = 3;

const SHARDS: usize = 16;

/// Values of type `T` by tenant, each under a lease, read with errors of type `E`.
///
/// One epoch read serves all who wait for the same tenant; those who wait share its error, too.
pub struct LeasedCache<T, E> {
    shards: [RwLock<HashMap<TenantId, Arc<Slot<T, E>>>>; SHARDS],
    held: AtomicUsize,
    capacity: usize,
}

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError<E> {
    /// The epoch or the value could not be read, so the cached value was dropped.
    #[error(transparent)]
    Read(Arc<E>),
    /// Reading took longer than the lease, repeatedly.
    #[error("reading the tenant took longer than its lease of 4 s: the database or the key provider is too slow, try again")]
    TooSlow,
}

struct Slot<T, E> {
    entry: RwLock<Option<Entry<T>>>,
    /// Raised by `invalidate`: what a flight read before is not stored.
    generation: AtomicU64,
    /// Milliseconds of the monotonic clock at the last use.
    used: AtomicU64,
    /// Flights that ended with an outcome.
    landed: AtomicU64,
    /// Held by the one who reads; holds the error of the last flight.
    flight: tokio::sync::Mutex<Option<Arc<E>>>,
}

struct Entry<T> {
    value: Arc<T>,
    epoch: u64,
    /// Monotonic time before the epoch read began.
    granted: Duration,
}
