//! Policies from outside: what is taken in, what is said, what is ended.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by a panic what is wrong"
)]

mod examples;
mod hostile;
mod intake;
mod support;
