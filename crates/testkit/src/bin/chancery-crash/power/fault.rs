//! A disk that fails for a while (EIO): writes that end half-way, and syncs after which nothing is sure although the kernel still shows
//! what was written, and takes it for written at the next sync.

use chancery_testkit::chance::Chance;
use std::io::Error;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Of a hundred writes and syncs, so many fail now.
static FAILING: AtomicUsize = AtomicUsize::new(0);
static CHANCE: Mutex<Option<Chance>> = Mutex::new(None);
static FAILED: AtomicUsize = AtomicUsize::new(0);

/// Whether the step that is to be taken fails, and a number to draw from how much of it is done.
pub(super) fn comes() -> Option<u64> {
    let failing = FAILING.load(Ordering::Relaxed);
    if failing == 0 {
        return None;
    }
    let mut chance = CHANCE.lock().unwrap_or_else(PoisonError::into_inner);
    let chance = chance.get_or_insert_with(|| Chance::of(0));
    (chance.below(100) < failing).then(|| {
        FAILED.fetch_add(1, Ordering::Relaxed);
        chance.next()
    })
}

/// What the system says.
pub(super) fn error() -> Error {
    rustix::io::Errno::IO.into()
}

/// How many steps failed so far.
pub(super) fn failed() -> usize {
    FAILED.load(Ordering::Relaxed)
}

/// Lets the disk fail now and then, until it is told to stop; then it is sound.
pub(super) async fn now_and_then(mut chance: Chance, stop: &AtomicBool) {
    *CHANCE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Chance::of(chance.next()));
    while !stop.load(Ordering::Relaxed) {
        FAILING.store([5, 30, 100][chance.below(3)], Ordering::Relaxed);
        pause(chance.below(60)).await;
        FAILING.store(0, Ordering::Relaxed);
        pause(20 + chance.below(60)).await;
    }
}

async fn pause(millis: usize) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(0))).await;
}
