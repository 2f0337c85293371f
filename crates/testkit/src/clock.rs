//! A clock that stands still until it is moved (I10).

use chancery_domain::Timestamp;
use chancery_domain::port::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Wall-clock and monotonic time of a test, in milliseconds. Both begin at [`SimClock::START`] and go together.
pub struct SimClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl SimClock {
    /// 2027-01-15T08:00:00Z.
    pub const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    pub(crate) fn starting() -> Self {
        Self { wall: AtomicI64::new(Self::START.millis()), monotonic: AtomicI64::new(Self::START.millis()) }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.wall.fetch_add(millis, Ordering::SeqCst);
        self.monotonic.fetch_add(millis, Ordering::SeqCst);
    }

    /// The wall clock is set wrong, or right again, by so many milliseconds; the time that passes is not.
    pub fn jump(&self, millis: i64) {
        self.wall.fetch_add(millis, Ordering::SeqCst);
    }

    /// Lets time pass until this moment, which must not lie in the past.
    pub fn advance_to(&self, moment: Timestamp) {
        let left = moment.millis() - self.now().millis();
        assert!(left >= 0, "{moment} is over");
        self.advance(Duration::from_millis(left.unsigned_abs()));
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::SeqCst))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic.load(Ordering::SeqCst).unsigned_abs())
    }
}
