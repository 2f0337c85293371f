//! Time-Stamp Protocol (RFC 3161, RFC 5816): requests, responses and tokens, made and verified.
//!
//! What is made has whole seconds and says how exact they are; what is read may have fractions.

pub use const_oid::ObjectIdentifier;

mod info;
mod make;
mod request;
mod response;
mod verify;

pub use info::Accuracy;
pub use make::{PreparedToken, TokenPlan};
pub use request::TimestampRequest;
pub use response::{Failure, granted, rejected, token_of};
pub use verify::{Imprint, TimestampToken, TokenWish, verify_token};

/// Longest request that is read, in bytes.
pub const LARGEST_REQUEST: usize = 4096;

/// The object identifier that this text is, numbers with dots.
pub fn policy(text: &str) -> Option<ObjectIdentifier> {
    ObjectIdentifier::new(text).ok()
}

/// id-ct-TSTInfo (RFC 3161 section 2.4.2).
const ID_CT_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
