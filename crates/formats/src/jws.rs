//! JSON Web Signature (RFC 7515) in compact form: with its payload, or detached from it as base64url (appendix F) or as it is (RFC 7797).
//!
//! The JSON serialisations are neither made nor read. Claims of a JWT in the payload (`exp`, `aud`) are the reader's own to judge.

mod algorithm;
mod header;
mod make;
mod verify;

pub use algorithm::name;
pub use header::{CERTIFICATES, LONGEST_HEADER};
pub use make::{Prepared, Serialization, Wish, prepare};
pub use verify::{LONGEST, VerifiedJws, verify};
