//! Signature formats: made around a key that is held elsewhere, and verified offline. Pure: no I/O, no clock, no randomness.

pub mod authenticode;
mod base64url;
pub mod cms;
pub mod dsse;
pub mod ecdsa;
pub mod in_toto;
pub mod jar;
mod json;
pub mod jws;
mod made;
pub mod pades;
mod revocation;
mod signed_data;
mod signer;
pub mod sigstore;
pub mod timestamp;
mod trust;
mod verdict;
pub mod zip;

pub use made::MakeError;
pub use trust::Trust;
pub use verdict::{Certified, Problem, TimestampWitness, Verified};
