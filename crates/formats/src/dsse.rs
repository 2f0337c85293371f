//! Dead Simple Signing Envelope (DSSE 1.0.2): a payload, what kind of thing it is, and signatures over both.
//!
//! An envelope transports no certificates; `keyid` is SHA-256 of the signer's SubjectPublicKeyInfo and nothing but a hint. So whoever
//! verifies has the keys, or has the signers' certificates from elsewhere and a root that they lead to.

pub(crate) mod envelope;
mod make;
mod verify;

pub use envelope::{LONGEST, MOST_SIGNATURES};
pub use make::{Prepared, prepare, prepare_beside};
pub use verify::{VerifiedEnvelope, Wish, verify};
