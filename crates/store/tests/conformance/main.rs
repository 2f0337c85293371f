//! The conformance suite: what a store must do, on every engine, through its public interface alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step ends the test")]

mod catalogue;
mod engine;
mod isolation;
mod jobs;
mod keyring;
mod log;
mod moves;
mod pages;
mod postgres;
mod rows;
mod schema;
mod sqlite;
mod upgrades;
mod write_sets;

/// The testkit's cluster as source: the suite needs nothing of the crates above the store that the testkit brings.
#[allow(unreachable_pub, dead_code, reason = "it is a library there")]
#[path = "../../../testkit/src/cluster.rs"]
mod cluster;
