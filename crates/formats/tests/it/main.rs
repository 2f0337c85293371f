//! Formats before judges that share no code with us, and before what hostile signers send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking; clippy allows it only inside #[test] functions, not in their helpers"
)]

mod dsse;
mod in_toto;
mod jws;
mod jws_hostile;
mod jws_vectors;
mod sigstore;
mod support;
