//! CMS SignedData (RFC 5652) of one signer, with signed attributes: made around a key that is held elsewhere, and read strictly.
//!
//! What is not understood is refused: several signers, signers without signed attributes, other versions, lists of revocations inside.
//! The attributes are those of CAdES baseline (ETSI EN 319 122-1 section 6.3): content-type, message-digest, signing-time and
//! signing-certificate-v2 (RFC 5035), and the CMS algorithm protection of RFC 6211 beside them.

use const_oid::ObjectIdentifier;

mod algorithms;
mod attributes;
mod check;
mod make;
mod read;

pub use algorithms::content_digest;
pub(crate) use algorithms::{digest_identified, digest_identifier};
pub use check::{Checked, Demand};
pub use make::{CmsPlan, Content, PreparedCms, with_unsigned};
pub use read::SignedData;

/// id-data (RFC 5652 section 4).
pub const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
/// id-aa-signatureTimeStampToken (RFC 3161 appendix A).
pub const ID_TIMESTAMP_TOKEN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
/// SPC_INDIRECT_DATA_OBJID, what Authenticode signs: the one content that stands inside as a SEQUENCE.
pub const ID_INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// Longest SignedData, attached content included, in bytes.
pub const LARGEST: usize = 64 << 20;
/// Longest SignedData without the content, in bytes.
pub const LARGEST_ENVELOPE: usize = 1 << 20;

const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ID_CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const ID_MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const ID_SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const ID_SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const ID_ALGORITHM_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.52");
