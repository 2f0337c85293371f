//! The verifier against bundles that hold, and against every way in which one may not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; clippy allows it only inside #[test] functions, not in their helpers"
)]

mod bundle;
mod file;
mod kept;
mod stamped;
mod time;
mod world;
