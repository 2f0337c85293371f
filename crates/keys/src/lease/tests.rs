//! Leases under a clock that only the test moves.

use super::*;
use crate::doubles::{ONE, OTHER, StoppedClock};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64};
use tokio::sync::Notify;

#[derive(Debug, thiserror::Error)]
#[error("the database is gone")]
struct Gone;

/// A database with one epoch, which counts its readers and can fail, be slow or hang.
#[derive(Default)]
struct Database {
    clock: StoppedClock,
    epoch: AtomicI64,
    epoch_reads: AtomicUsize,
    loads: AtomicUsize,
    gone: AtomicBool,
    /// How long an epoch read takes, one entry a read; then none.
    delays: Mutex<Vec<Duration>>,
    gate: Option<Notify>,
}

impl Database {
    async fn check(&self) -> Result<i64, Gone> {
        self.epoch_reads.fetch_add(1, Ordering::SeqCst);
        let epoch = self.epoch.load(Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let delay = self.delays.lock().unwrap().pop();
        self.clock.advance(delay.unwrap_or_default());
        if self.gone.load(Ordering::SeqCst) { Err(Gone) } else { Ok(epoch) }
    }
    async fn load(&self) -> Result<usize, Gone> {
        Ok(self.loads.fetch_add(1, Ordering::SeqCst))
    }
    async fn fetch(&self, cache: &Cache, tenant: TenantId) -> Result<usize, LeaseError<Gone>> {
        cache.fetch(tenant, &self.clock, || self.check(), || self.load()).await.map(|value| *value)
    }
    fn counts(&self) -> (usize, usize) {
        (self.epoch_reads.load(Ordering::SeqCst), self.loads.load(Ordering::SeqCst))
    }
    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

type Cache = LeasedCache<usize, Gone>;

#[tokio::test]
async fn within_the_lease_nothing_is_read_and_after_it_only_the_epoch() {
    let (cache, db) = (Cache::new(10), Database::default());
    assert_eq!(db.fetch(&cache, ONE).await.unwrap(), 0);
    db.advance(2_999);
    assert_eq!((db.fetch(&cache, ONE).await.unwrap(), db.counts()), (0, (1, 1)));
    db.advance(1_001);
    assert_eq!((db.fetch(&cache, ONE).await.unwrap(), db.counts()), (0, (2, 1)));
    db.advance(2_999);
    assert_eq!((db.fetch(&cache, ONE).await.unwrap(), db.counts()), (0, (2, 1)));
    db.epoch.store(7, Ordering::SeqCst);
    db.advance(1_001);
    assert_eq!((db.fetch(&cache, ONE).await.unwrap(), db.counts()), (1, (3, 2)));
}

#[tokio::test]
async fn what_cannot_be_read_is_dropped() {
    let (cache, db) = (Cache::new(10), Database::default());
    db.fetch(&cache, ONE).await.unwrap();
    db.gone.store(true, Ordering::SeqCst);
    db.advance(2_000);
    assert_eq!(db.fetch(&cache, ONE).await.unwrap(), 0, "its lease is still valid");
    db.advance(2_000);
    assert!(matches!(db.fetch(&cache, ONE).await, Err(LeaseError::Read(_))));
    db.gone.store(false, Ordering::SeqCst);
    // The epoch is the same, and yet the value is made anew.
    assert_eq!(db.fetch(&cache, ONE).await.unwrap(), 1);
}

#[tokio::test]
async fn the_lease_counts_from_before_the_epoch_was_read() {
    let (cache, db) = (Cache::new(10), Database::default());
    db.delays.lock().unwrap().push(Duration::from_millis(2_500));
    db.fetch(&cache, ONE).await.unwrap();
    db.advance(1_499);
    db.gone.store(true, Ordering::SeqCst);
    db.advance(1);
    assert!(db.fetch(&cache, ONE).await.is_err(), "4 s after the read began");
}

#[tokio::test]
async fn a_read_longer_than_the_lease_grants_none() {
    let (cache, db) = (Cache::new(10), Database::default());
    db.delays.lock().unwrap().extend([Duration::ZERO, Duration::from_secs(4)]);
    assert_eq!((db.fetch(&cache, ONE).await.unwrap(), db.counts()), (0, (2, 1)), "the epoch again, the value only once");
    let (cache, db) = (Cache::new(10), Database::default());
    db.delays.lock().unwrap().extend([Duration::from_secs(5); 100]);
    assert!(matches!(db.fetch(&cache, ONE).await, Err(LeaseError::TooSlow)));
}

#[tokio::test]
async fn invalidated_is_gone_even_while_being_read() {
    let (cache, db) = (Cache::new(10), Database { gate: Some(Notify::new()), ..Database::default() });
    let gate = db.gate.as_ref().unwrap();
    let (first, ()) = tokio::join!(db.fetch(&cache, ONE), async {
        cache.invalidate(ONE);
        gate.notify_one();
        tokio::task::yield_now().await;
        gate.notify_one();
    });
    assert_eq!((first.unwrap(), db.counts()), (1, (2, 2)), "what was read before the invalidation is not used");
    cache.invalidate(ONE);
    gate.notify_one();
    assert_eq!(db.fetch(&cache, ONE).await.unwrap(), 2);
    cache.invalidate(OTHER);
    assert_eq!((db.fetch(&cache, ONE).await.unwrap(), db.counts()), (2, (3, 3)));
}

/// 256 fetches, all waiting before `then` opens the gate.
async fn crowd(cache: &Arc<Cache>, db: &Arc<Database>) -> Vec<Result<usize, LeaseError<Gone>>> {
    let fetches: Vec<_> = (0..256)
        .map(|_| {
            let (cache, db) = (Arc::clone(cache), Arc::clone(db));
            tokio::spawn(async move { db.fetch(&cache, ONE).await })
        })
        .collect();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    db.gate.as_ref().unwrap().notify_one();
    let mut outcomes = Vec::new();
    for fetch in fetches {
        outcomes.push(fetch.await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn a_crowd_reads_once_and_shares_value_or_error() {
    let (cache, db) = (Arc::new(Cache::new(10)), Arc::new(Database { gate: Some(Notify::new()), ..Database::default() }));
    assert!(crowd(&cache, &db).await.into_iter().all(|outcome| outcome.unwrap() == 0));
    assert_eq!(db.counts(), (1, 1));
    db.advance(4_000);
    assert!(crowd(&cache, &db).await.into_iter().all(|outcome| outcome.unwrap() == 0));
    assert_eq!(db.counts(), (2, 1));
    db.advance(4_000);
    db.gone.store(true, Ordering::SeqCst);
    assert!(crowd(&cache, &db).await.into_iter().all(|outcome| outcome.is_err()));
    assert_eq!(db.counts(), (3, 1));
}

#[tokio::test]
async fn who_has_a_valid_lease_does_not_wait_for_its_renewal() {
    let (cache, db) = (Cache::new(10), Database { gate: Some(Notify::new()), ..Database::default() });
    let gate = db.gate.as_ref().unwrap();
    gate.notify_one();
    db.fetch(&cache, ONE).await.unwrap();
    db.advance(3_500);
    let mut renewal = Box::pin(db.fetch(&cache, ONE));
    assert!(futures_poll(&mut renewal).is_none(), "the renewal hangs");
    assert_eq!(futures_poll(&mut Box::pin(db.fetch(&cache, ONE))).expect("must not wait").unwrap(), 0);
    db.advance(500);
    assert!(futures_poll(&mut Box::pin(db.fetch(&cache, ONE))).is_none(), "but not beyond the lease");
    // The one who was renewing gives up: the next one takes over.
    drop(renewal);
    gate.notify_one();
    assert_eq!((db.fetch(&cache, ONE).await.unwrap(), db.counts()), (0, (3, 1)));
}

fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn it_holds_a_bounded_number_and_forgets_the_longest_unused() {
    let (cache, db) = (Cache::new(4), Database::default());
    let tenant = |n: u8| TenantId::from_bytes([n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for n in 0..4 {
        db.fetch(&cache, tenant(n)).await.unwrap();
        db.advance(1);
    }
    db.fetch(&cache, tenant(0)).await.unwrap();
    db.advance(1);
    db.fetch(&cache, tenant(4)).await.unwrap();
    let (reads, _) = db.counts();
    for n in [0, 2, 3, 4] {
        db.fetch(&cache, tenant(n)).await.unwrap();
    }
    assert_eq!(db.counts().0, reads, "tenant 1 and no other was dropped");
    db.gone.store(true, Ordering::SeqCst);
    for n in 5..50 {
        assert!(db.fetch(&cache, tenant(n)).await.is_err());
    }
    for n in 0..=255 {
        db.gone.store(false, Ordering::SeqCst);
        db.fetch(&cache, TenantId::from_bytes([n; 16])).await.unwrap();
        assert!(cache.held.load(Ordering::SeqCst) <= 4 + SHARDS);
    }
}

#[tokio::test]
async fn lapsed_values_leave_memory() {
    let (cache, db) = (LeasedCache::<usize, Gone>::new(10), Database::default());
    let fetch = |tenant| cache.fetch(tenant, &db.clock, || db.check(), || db.load());
    let lapsed = Arc::downgrade(&fetch(ONE).await.unwrap());
    db.advance(2_000);
    let valid = Arc::downgrade(&fetch(OTHER).await.unwrap());
    db.advance(2_000);
    cache.drop_lapsed(&db.clock);
    assert!(lapsed.upgrade().is_none() && valid.upgrade().is_some());
    assert_eq!(cache.held.load(Ordering::SeqCst), 1);
}

/// The cache forgets the slot of a failed read besides; who still holds it finds nothing either.
#[tokio::test]
async fn a_slot_whose_epoch_cannot_be_read_is_empty() {
    let (slot, clock) = (Slot::<u32, &str>::new(Duration::ZERO), StoppedClock::default());
    slot.fetch(&clock, async || Ok(1), async || Ok(7)).await.unwrap();
    assert!(slot.used_within(LEASE, clock.monotonic()).is_some());
    assert!(slot.fetch(&clock, async || Err("gone"), async || Ok(7)).await.is_err());
    assert!(slot.used_within(LEASE, clock.monotonic()).is_none());
}
