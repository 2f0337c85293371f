//! Formats of certificates (CMS and what rests on it) against independent judges and against what hostile senders send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking; clippy allows it only inside #[test] functions, not in their helpers"
)]

mod authenticode;
mod cms;
mod jar;
mod pades;
#[path = "../../../x509/tests/it/pki.rs"]
mod pki;
mod support;
mod timestamps;
