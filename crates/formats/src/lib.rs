//! Signature formats: made around a key that is held elsewhere, and verified offline. Pure: no I/O, no clock, no randomness.

mod trust;
mod verdict;

pub use trust::Trust;
pub use verdict::{Certified, Problem, TimestampWitness, Verified};
