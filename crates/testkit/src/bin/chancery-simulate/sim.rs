//! What everything in a world shares: the seed's chance, whether faults are on, and the trace.

use aws_lc_rs::digest::{Context, SHA256};
use chancery_domain::port::{Clock, Entropy};
use chancery_domain::{TenantId, Timestamp};
use chancery_store::sqlite::simulation::{Fate, Fates};
use chancery_testkit::chance::Chance;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// 2027-01-15T08:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) struct Sim {
    chance: Mutex<Chance>,
    entropy: Mutex<Chance>,
    faults: AtomicBool,
    /// Of a thousand requests to the store, so many fail, in one way or another.
    failing: usize,
    trace: Mutex<Vec<String>>,
    began: Instant,
    /// How much more than the runtime's time has passed, in milliseconds.
    leapt: AtomicI64,
    pub(crate) faults_made: AtomicU64,
}

impl Sim {
    /// Of this seed; within the runtime whose time it takes.
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let entropy = Chance::of(chance.next());
        let failing = [0, 5, 20, 60, 150][chance.below(5)];
        Self {
            chance: Mutex::new(chance),
            entropy: Mutex::new(entropy),
            faults: AtomicBool::new(false),
            failing,
            trace: Mutex::default(),
            began: Instant::now(),
            leapt: AtomicI64::new(0),
            faults_made: AtomicU64::new(0),
        }
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        locked(&self.chance).below(end)
    }

    /// Whether something comes true that does so `of` times in a thousand.
    pub(crate) fn comes(&self, of: usize) -> bool {
        self.below(1000) < of
    }

    pub(crate) fn set_faults(&self, on: bool) {
        self.faults.store(on, Ordering::Relaxed);
    }

    pub(crate) fn faulty(&self) -> bool {
        self.faults.load(Ordering::Relaxed)
    }

    /// Milliseconds since the beginning, as they really passed.
    pub(crate) fn millis(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX) + self.leapt.load(Ordering::Relaxed)
    }

    /// Lets time pass in which nobody does anything.
    pub(crate) fn leap(&self, by: Duration) {
        self.leapt.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn true_time(&self) -> Timestamp {
        Timestamp::from_millis(START.millis() + self.millis())
    }

    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let line = format!("{:>8} {}", self.millis(), what());
        locked(&self.trace).push(line);
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        locked(&self.trace).clone()
    }

    /// SHA-256 of the trace.
    pub(crate) fn digest(&self) -> String {
        let mut context = Context::new(&SHA256);
        for line in &*locked(&self.trace) {
            context.update(line.as_bytes());
            context.update(b"\n");
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Entropy for Sim {
    fn fill(&self, bytes: &mut [u8]) {
        let mut chance = locked(&self.entropy);
        for chunk in bytes.chunks_mut(8) {
            chunk.iter_mut().zip(chance.next().to_be_bytes()).for_each(|(to, from)| *to = from);
        }
    }
}

impl Fates for Sim {
    fn fate(&self, tenant: TenantId, what: &'static str) -> Fate {
        let yields = (self.yields(), self.yields());
        if !self.faulty() || !self.comes(self.failing) {
            return Fate { yields, ..Fate::default() };
        }
        self.faults_made.fetch_add(1, Ordering::Relaxed);
        let mut fate = Fate { yields, ..Fate::default() };
        match self.below(8) {
            0..3 => fate.fails = true,
            3..6 => fate.answer_lost = true,
            6 => fate.wait = Duration::from_millis(u64::try_from(self.below(3000)).unwrap_or(0)),
            _ => fate.wait = Duration::from_millis(u64::try_from(self.below(25_000)).unwrap_or(0)),
        }
        self.note(|| format!("{what} of {tenant}: {fate:?}"));
        fate
    }

    fn below(&self, end: usize) -> usize {
        Self::below(self, end)
    }
}

impl Sim {
    fn yields(&self) -> u32 {
        u32::try_from(if self.comes(700) { 0 } else { self.below(5) }).unwrap_or(0)
    }
}

/// A node's clock: true time, and by how much it is wrong.
pub(crate) struct NodeClock {
    sim: std::sync::Arc<Sim>,
    wrong: AtomicI64,
    /// Monotonic time begins anywhere.
    origin: u64,
}

impl NodeClock {
    pub(crate) fn new(sim: std::sync::Arc<Sim>, wrong: i64, origin: u64) -> Self {
        Self { sim, wrong: AtomicI64::new(wrong), origin }
    }

    /// Sets the wall clock wrong, or right, by so many milliseconds.
    pub(crate) fn set_wrong(&self, wrong: i64) {
        self.wrong.store(wrong, Ordering::Relaxed);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.sim.true_time().millis() + self.wrong.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.origin + self.sim.millis().unsigned_abs())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
