//! Whether the clock is to be trusted with timestamps: it went with the time that passed, and is not behind what was signed already.

use chancery_domain::port::Clock;
use chancery_domain::{Timestamp, enforced};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So far the wall clock may be off what passed since it was believed first: with the part of a second that is cut off, no timestamp claims
/// to be more exact.
const TOLERANCE: Duration = Duration::from_secs(1);
/// So much more with time: one part in this many, which is what clocks are steered by at most (500 ppm).
const STEERED: u32 = 2000;

/// Looks at the clock. Once it jumped it is not believed until it is back where it would be, or the process is started anew: which of
/// the two times is right, nobody here knows.
pub(crate) struct ClockWatch {
    first: Look,
    last: Mutex<Look>,
}

/// Wall-clock and monotonic time at one moment at which they were believed.
#[derive(Clone, Copy)]
struct Look {
    wall: Timestamp,
    monotonic: Duration,
}

impl Look {
    fn at(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), monotonic: clock.monotonic() }
    }
    /// Whether as much time passed on the wall as did.
    fn goes_with(self, before: Self, tolerance: Duration) -> bool {
        let expected = before.wall.after(self.monotonic.saturating_sub(before.monotonic));
        self.wall <= expected.after(tolerance) && expected <= self.wall.after(tolerance)
    }
}

impl ClockWatch {
    pub(crate) fn beginning(clock: &dyn Clock) -> Self {
        let first = Look::at(clock);
        Self { first, last: Mutex::new(first) }
    }

    /// The time, if it is to be trusted. `newest` is when something was signed last, as far as is stored.
    pub(crate) fn time(&self, clock: &dyn Clock, newest: Option<Timestamp>) -> Option<Timestamp> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let look = Look::at(clock);
        if !look.goes_with(*last, TOLERANCE) && enforced!("clock.jump") {
            return None;
        }
        // Many small steps are a jump, too.
        let steered = look.monotonic.saturating_sub(self.first.monotonic) / STEERED;
        if !look.goes_with(self.first, TOLERANCE + steered) && enforced!("clock.creep") {
            return None;
        }
        // Small corrections are how a clock is kept right: the next look begins here.
        *last = look;
        // Another node's clock may be ahead by as much.
        let behind = newest.is_some_and(|newest| look.wall.after(TOLERANCE) < newest);
        if behind && enforced!("clock.behind") { None } else { Some(look.wall) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    struct Hands {
        wall: AtomicI64,
        monotonic: AtomicU64,
    }

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.wall.load(Ordering::SeqCst))
        }
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.monotonic.load(Ordering::SeqCst))
        }
    }

    impl Hands {
        fn starting() -> Self {
            Self { wall: AtomicI64::new(1_800_000_000_000), monotonic: AtomicU64::new(5_000) }
        }
        /// So many milliseconds pass, of which the wall clock shows others.
        fn pass(&self, monotonic: u64, wall: i64) {
            self.wall.fetch_add(wall, Ordering::SeqCst);
            self.monotonic.fetch_add(monotonic, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_clock_that_goes_with_time_is_believed_with_small_corrections() {
        let hands = Hands::starting();
        let watch = ClockWatch::beginning(&hands);
        assert_eq!(watch.time(&hands, None), Some(hands.now()));
        for (monotonic, wall) in [(86_400_000, 86_400_000), (60_000, 60_900), (60_000, 60_900), (60_000, 59_000), (0, 1000), (0, -1000)] {
            hands.pass(monotonic, wall);
            assert_eq!(watch.time(&hands, None), Some(hands.now()), "{monotonic} {wall}");
        }
    }

    #[test]
    fn a_clock_that_jumped_is_not_believed_until_it_is_back() {
        for jump in [1001, -1001, 3_600_000, -3_600_000] {
            let hands = Hands::starting();
            let watch = ClockWatch::beginning(&hands);
            hands.pass(10_000, 10_000 + jump);
            assert_eq!(watch.time(&hands, None), None, "{jump}");
            hands.pass(10_000, 10_000);
            assert_eq!(watch.time(&hands, None), None, "{jump}, later");
            hands.pass(10, 10 - jump);
            assert_eq!(watch.time(&hands, None), Some(hands.now()), "{jump}, set right");
        }
    }

    /// Whoever may set the clock does not lead it away by small steps between looks.
    #[test]
    fn small_steps_add_up_to_a_jump() {
        for (step, held) in [(900, 1), (-900, 1), (100, 10), (-10, 100)] {
            let hands = Hands::starting();
            let watch = ClockWatch::beginning(&hands);
            for number in 1..=200 {
                hands.pass(10, 10 + step);
                assert_eq!(watch.time(&hands, None).is_some(), number <= held, "{step} {number}");
            }
        }
        // In a day 43 s are steered, and no more.
        for (off, believed) in [(44_000_i64, true), (-44_000, true), (44_300, false), (-44_300, false)] {
            let hands = Hands::starting();
            let watch = ClockWatch::beginning(&hands);
            for _ in 0..86_400 {
                hands.pass(1000, 1000);
                watch.time(&hands, None);
            }
            for _ in 0..off.abs() / 100 {
                hands.pass(0, off.signum() * 100);
                watch.time(&hands, None);
            }
            assert_eq!(watch.time(&hands, None).is_some(), believed, "{off}");
        }
    }

    #[test]
    fn a_clock_behind_what_was_signed_is_not_believed() {
        let hands = Hands::starting();
        let watch = ClockWatch::beginning(&hands);
        let second = Duration::from_secs(1);
        assert_eq!(watch.time(&hands, Some(hands.now().after(second))), Some(hands.now()));
        assert_eq!(watch.time(&hands, Some(hands.now().after(second).after(Duration::from_millis(1)))), None);
        assert_eq!(watch.time(&hands, Some(hands.now().before(second))), Some(hands.now()));
    }
}
