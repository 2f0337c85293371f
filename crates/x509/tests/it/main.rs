//! X.509 against independent judges (the openssl command, webpki) and against what hostile requesters send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking; clippy allows it only inside #[test] functions, not in their helpers"
)]

mod algorithms;
mod badkeys;
mod certificates;
mod chains;
mod confusion;
mod csr;
mod hostile_csr;
mod hostile_keys;
mod independence;
mod paths;
mod pkcs12;
mod pki;
mod revocation;
mod speed;
mod support;
mod timestamping;
mod wycheproof;
