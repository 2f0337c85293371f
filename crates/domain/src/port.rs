//! The ports through which time and randomness reach the domain and the use cases (I10).

use crate::Timestamp;
use std::time::Duration;

/// Where the time comes from: the system's clock in the binary, a simulated one in tests.
pub trait Clock: Send + Sync {
    /// Wall-clock time, which may jump.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start that never goes backwards; leases are measured by it.
    fn monotonic(&self) -> Duration;
}

/// Where randomness comes from: a cryptographic generator in the binary, a seeded one in simulations.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}
