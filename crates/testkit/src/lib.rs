//! A whole server in memory, on either engine, with a simulated clock and a second tenant always at hand.
//!
//! ```
//! use chancery_testkit::{TestServer, on_both_engines};
//!
//! async fn a_stranger_sees_nothing(server: &TestServer) {
//!     server.anonymous().get(&server.acme.path("/certificates")).await.problem(401, "unauthenticated");
//! }
//! on_both_engines!(a_stranger_sees_nothing);
//! # fn main() {}
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failed step ends the test")]

pub mod account_key;
pub mod canary;
pub mod chance;
mod client;
mod clock;
pub mod cluster;
pub mod csr;
pub mod judges;
mod keys;
pub mod log;
pub mod matrix;
pub mod openssl;
pub mod pkilint;
mod place;
pub mod python;
mod raw;
pub mod routes;
pub mod schema;
pub mod schemathesis;
mod server;
pub mod signer;
pub mod stranger;
mod tenant;
pub mod whole_log;
pub mod witness;

pub use client::{Answer, Client};
pub use clock::SimClock;
pub use keys::FakeFailures;
pub use raw::Raw;
pub use server::{CERTIFICATE_LIMIT, Node, TestServer};
pub use tenant::TestTenant;

/// Which engine a server stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, a file per tenant.
    Sqlite,
    /// PostgreSQL, as the restricted role.
    Postgres,
}

/// Runs a test on a fresh server, and fails it if it leaves work undone or failing.
pub async fn run(engine: Engine, test: impl AsyncFnOnce(&TestServer)) {
    let server = TestServer::start(engine).await;
    test(&server).await;
    server.finish().await;
}

/// Makes tests of functions `async fn name(server: &TestServer)`: each runs as `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::run($crate::Engine::Sqlite, super::$name).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::run($crate::Engine::Postgres, super::$name).await;
            }
        }
    )*};
}
