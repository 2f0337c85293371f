//! The API as its callers see it: every module crosses HTTP, brings a second tenant, runs the jobs and looks at the log,
//! on SQLite and on PostgreSQL as the restricted role. Laid out like the URLs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failed step ends the test")]

mod abuse;
mod answers;
mod canaries;
mod conformance;
mod enrol;
mod grid;
mod guards;
mod hostile;
mod isolation;
mod lint;
mod operations;
mod platform;
mod roles;
mod routes;
mod sealing;
mod signed_requests;
mod standing;
mod tenants;
mod worker;
