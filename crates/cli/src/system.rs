//! The system's clock and randomness: the only place that touches them (I10).

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

/// Both, as the service takes them.
pub fn ports() -> Ports {
    Ports { clock: Arc::new(SystemClock::new()), entropy: Arc::new(SystemEntropy) }
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
