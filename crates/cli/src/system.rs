//! The system's clock and randomness: the only place that touches them (I10).

use crate::archive::Folders;
use chancery_app::Ports;
use chancery_domain::Timestamp;
use chancery_domain::port::{Clock, Entropy};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The system's clock.
pub struct SystemClock {
    start: Instant,
}

/// The cryptographic library's generator, seeded by the system.
pub struct SystemEntropy;

/// These, as the service takes them; no archives.
pub fn ports() -> Ports {
    Ports { clock: Arc::new(SystemClock::new()), entropy: Arc::new(SystemEntropy), archives: Arc::new(Folders::none()) }
}

impl SystemClock {
    /// The clock; its monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the randomness that everything else is given")]
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Keys and serials would be predictable: there is nothing that this process may still do.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_domain::Serial;
    use std::collections::HashSet;

    /// THREATS 12. Of a million serial numbers each bit is set in half: a fair bit leaves six standard deviations once in 500 million.
    #[test]
    fn every_bit_of_a_million_serials_is_fair() {
        const DRAWN: i64 = 1_000_000;
        let (mut set, mut seen) = ([0_i64; 128], HashSet::new());
        for _ in 0..DRAWN {
            let serial = u128::from_be_bytes(Serial::random(&SystemEntropy).as_bytes().try_into().unwrap());
            seen.insert(serial);
            set.iter_mut().enumerate().for_each(|(bit, count)| *count += i64::try_from(serial >> bit & 1).unwrap());
        }
        assert_eq!(seen.len(), 1_000_000, "no serial came twice");
        // The standard deviation of the count is sqrt(n) / 2 = 500.
        let unfair: Vec<_> = set.iter().enumerate().filter(|(_, count)| (*count - DRAWN / 2).abs() > 6 * 500).collect();
        assert_eq!(unfair, [], "bits, and how often each was set");
    }
}
