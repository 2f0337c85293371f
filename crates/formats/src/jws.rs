//! JSON Web Signature (RFC 7515), compact or as JSON, flattened or general: with its payload, or detached from it as base64url (appendix F)
//! or as it is (RFC 7797).
//!
//! Of JSON there is nothing but what is signed: no header beside the protected one. Claims of a JWT in the payload (`exp`, `aud`) are the reader's own to judge.

mod algorithm;
mod header;
mod make;
mod parts;
mod verify;

pub use algorithm::name;
pub use header::{CERTIFICATES, LONGEST_HEADER};
pub use make::{Prepared, Serialization, Wish, prepare};
pub use parts::{LONGEST, SIGNATURES};
pub use verify::{VerifiedJws, verify};
