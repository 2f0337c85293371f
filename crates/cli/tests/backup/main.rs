//! `backup`, `restore`, `reconcile` as an operator runs them, and `sign` as a tenant does: the real binary, on both engines, with two tenants.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failed step ends the test")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "I10, I12 are about the product; a test looks at the clock and dials")]

// The very files of the demonstration.
#[path = "../../src/demo/artifacts.rs"]
mod artifacts;
mod audit;
mod damage;
mod doctor;
mod installation;
mod kills;
mod reconcile;
mod replay;
mod restored;
mod signing;
mod stamping;
mod world;

/// Makes tests of functions `async fn name(engine: Engine)`: each runs as `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(chancery_testkit::Engine::Sqlite).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(chancery_testkit::Engine::Postgres).await;
            }
        }
    )*};
}
