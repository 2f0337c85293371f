//! Sigstore bundle, version 0.3: a signature over a file or an envelope, the signer's certificate or a hint to its key, and timestamps.
//!
//! A bundle has one certificate; those between it and the root come with the trust. Entries of a transparency log are neither made nor
//! verified here: a bundle that has some is refused, for nothing could be said of them.

mod bundle;
mod make;
mod verify;

pub use bundle::{LONGEST, MEDIA_TYPE, MOST_TIMESTAMPS};
pub use make::{Material, PreparedEnvelope, PreparedMessage, prepare_envelope, prepare_message, timestamp_imprint, with_timestamp};
pub use verify::{Artifact, Content, VerifiedBundle, Wish, verify};
