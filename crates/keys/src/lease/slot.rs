//! One tenant's place in the cache: its value, and the one flight that reads it.

use super::{LEASE, LeaseError, RENEW_AFTER};
use chancery_domain::enforced;
use chancery_domain::port::Clock;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// How often a flight starts over, because its lease ran out or was invalidated while it was reading.
const ROUNDS: usize = 3;

pub(super) struct Slot<T, E> {
    state: RwLock<State<T>>,
    /// Monotonic milliseconds at the last use.
    used: AtomicU64,
    /// How many flights have ended, well or badly; not those whose caller gave up.
    landed: AtomicU64,
    /// Held while reading. Inside, how the last flight failed, if it did.
    flight: tokio::sync::Mutex<Option<LeaseError<E>>>,
}

struct State<T> {
    entry: Option<Entry<T>>,
    /// Raised by `invalidate`: what was read before is not stored.
    generation: u64,
}

struct Entry<T> {
    value: Arc<T>,
    epoch: i64,
    /// Monotonic time *before* the epoch read began: how long the read took is not ours to use.
    granted: Duration,
}

impl<T, E> Slot<T, E> {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            state: RwLock::new(State { entry: None, generation: 0 }),
            used: AtomicU64::new(millis(now)),
            landed: AtomicU64::new(0),
            flight: tokio::sync::Mutex::new(None),
        }
    }

    /// The value if its lease is younger than `age`; counts as a use.
    pub(super) fn used_within(&self, age: Duration, now: Duration) -> Option<Arc<T>> {
        // Written only when it changes: a shared line that every request writes would cost more than the look-up.
        if self.last_used() != millis(now) {
            self.used.store(millis(now), Ordering::Relaxed);
        }
        let state = self.read();
        state
            .entry
            .as_ref()
            .filter(|entry| now.saturating_sub(entry.granted) < age || !enforced!("lease.age"))
            .map(|entry| Arc::clone(&entry.value))
    }

    pub(super) async fn fetch<C, CF, L, LF>(&self, clock: &dyn Clock, check_epoch: C, load: L) -> Result<Arc<T>, LeaseError<E>>
    where
        C: Fn() -> CF,
        CF: Future<Output = Result<i64, E>>,
        L: Fn() -> LF,
        LF: Future<Output = Result<T, E>>,
    {
        let seen = self.landed.load(Ordering::Acquire);
        let mut flight = match self.flight.try_lock() {
            Ok(flight) => flight,
            Err(_) => {
                // Somebody is reading already: a lease that is still valid need not wait for it.
                if let Some(value) = self.used_within(LEASE, clock.monotonic()) {
                    return Ok(value);
                }
                let flight = self.flight.lock().await;
                if let Some(value) = self.used_within(LEASE, clock.monotonic()) {
                    return Ok(value);
                }
                flight
            }
        };
        // Between the first look and the lock another flight may have landed.
        if self.landed.load(Ordering::Acquire) != seen {
            if let Some(error) = &*flight {
                return Err(error.clone());
            }
            if let Some(value) = self.used_within(RENEW_AFTER, clock.monotonic()) {
                return Ok(value);
            }
        }
        let outcome = self.fly(clock, check_epoch, load).await;
        if outcome.is_err() && enforced!("lease.unreadable") {
            self.write().entry = None;
        }
        *flight = outcome.as_ref().err().cloned();
        self.landed.fetch_add(1, Ordering::Release);
        outcome
    }

    async fn fly<C, CF, L, LF>(&self, clock: &dyn Clock, check_epoch: C, load: L) -> Result<Arc<T>, LeaseError<E>>
    where
        C: Fn() -> CF,
        CF: Future<Output = Result<i64, E>>,
        L: Fn() -> LF,
        LF: Future<Output = Result<T, E>>,
    {
        let failed = |error| LeaseError::Read(Arc::new(error));
        for _ in 0..ROUNDS {
            let (known, generation) = self.known();
            let granted = clock.monotonic();
            let epoch = check_epoch().await.map_err(failed)?;
            // The value is made after the epoch was read, so it is at least as new as the epoch says.
            let value = match known {
                Some((value, same)) if same == epoch || !enforced!("lease.epoch") => value,
                _ => Arc::new(load().await.map_err(failed)?),
            };
            let mut state = self.write();
            if state.generation == generation || !enforced!("lease.overtaken") {
                // Also when the lease is over by now: then the next round need only read the epoch.
                state.entry = Some(Entry { value: Arc::clone(&value), epoch, granted });
                if clock.monotonic().saturating_sub(granted) < LEASE || !enforced!("lease.read-in-time") {
                    return Ok(value);
                }
            }
        }
        Err(LeaseError::TooSlow)
    }

    pub(super) fn invalidate(&self) {
        let mut state = self.write();
        state.generation += 1;
        state.entry = None;
    }

    /// Whether the lease is valid, or somebody is about to renew it.
    pub(super) fn is_wanted(&self, now: Duration) -> bool {
        let valid = self.read().entry.as_ref().is_some_and(|entry| now.saturating_sub(entry.granted) < LEASE || !enforced!("lease.lapsed"));
        valid || self.flight.try_lock().is_err()
    }

    pub(super) fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn known(&self) -> (Option<(Arc<T>, i64)>, u64) {
        let state = self.read();
        (state.entry.as_ref().map(|entry| (Arc::clone(&entry.value), entry.epoch)), state.generation)
    }
    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
