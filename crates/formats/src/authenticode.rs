//! Authenticode of Windows programs ("Windows Authenticode Portable Executable Signature Format", Microsoft 2008): a PKCS#7 with the digest
//! of the file in it, in the certificate table at the file's end. No page hashes.
//!
//! Packaging and signing are apart: [`Package::of`] reads the headers where the file is, only [`Package::digest`] goes to the signer,
//! [`prepare`] makes the CMS there, and [`Package::write`] puts it in. The file is read as a stream. Bounds: [`LARGEST`] bytes of the file,
//! 1 MiB of the table.

use crate::verdict::{Certified, Problem};
use chancery_domain::Timestamp;
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_x509::cms::{CmsPlan, Content, ID_INDIRECT_DATA, PreparedCms, with_unsigned};
use const_oid::ObjectIdentifier;

mod image;
mod package;
mod verify;

pub use package::Package;
pub use verify::verify;

/// Longest file, in bytes: its offsets have 32 bits.
pub const LARGEST: u64 = u32::MAX as u64;

/// SPC_SP_OPUS_INFO_OBJID; said of nothing here.
const OPUS_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.12");
/// SPC_STATEMENT_TYPE_OBJID, and individual code signing as its value.
const STATEMENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.11");
const INDIVIDUAL: &[u8] = b"\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x15";
/// szOID_RFC3161_counterSign: where Windows looks for a timestamp.
const TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.3.3.1");

/// `data SpcAttributeTypeAndOptionalValue`: SPC_PE_IMAGE_DATA_OBJID, no flags, and the file "<<<Obsolete>>>".
const IMAGE_DATA: &[u8] = b"\x30\x33\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f\x30\x25\x03\x01\x00\xa0\x20\xa2\x1e\x80\x1c\
    \0<\0<\0<\0O\0b\0s\0o\0l\0e\0t\0e\0>\0>\0>";

/// `messageDigest DigestInfo`, the digest's parameters NULL as Windows writes them.
fn digest_info(digest: &Digest) -> Vec<u8> {
    let arc = match digest.algorithm() {
        DigestAlgorithm::Sha256 => 1,
        DigestAlgorithm::Sha384 => 2,
        DigestAlgorithm::Sha512 => 3,
    };
    let length = u8::try_from(digest.as_bytes().len()).unwrap_or_default();
    let identifier = [0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00];
    [&[0x30, length + 17], &identifier[..], &[0x04, length], digest.as_bytes()].concat()
}

/// Whether Windows verifies such signatures.
const fn is_known(algorithm: SignatureAlgorithm) -> bool {
    matches!(algorithm, SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::EcdsaP384Sha384 | SignatureAlgorithm::RsaPkcs1Sha256)
}

/// A CMS that lacks its signature.
pub struct Prepared(PreparedCms);

/// Makes the CMS for a file of which only the digest is known, with the time that the signer claims.
///
/// # Errors
/// A [`Problem`]: `certificate` or `algorithm` if chain, key, kind of signature and digest do not go together, or Windows does not
/// know the kind: ECDSA and RSA PKCS#1 v1.5 it does.
pub fn prepare(signer: &Certified<'_>, file: &Digest, signing_time: Timestamp) -> Result<Prepared, Problem> {
    let algorithm = signer.algorithm;
    if !is_known(algorithm) || file.algorithm() != chancery_x509::cms::content_digest(algorithm) {
        let message = format!("Windows knows no {} signatures over a {} digest", algorithm.as_str(), file.algorithm().as_str());
        return Err(Problem::new("algorithm", message));
    }
    let content = [IMAGE_DATA, &digest_info(file)].concat();
    let plan = CmsPlan {
        chain: signer.chain,
        with_chain: true,
        algorithm,
        content_type: ID_INDIRECT_DATA,
        content: Content::Sequence(&content),
        signing_time: Some(signing_time),
        attributes: &[(OPUS_INFO, vec![0x30, 0x00]), (STATEMENT_TYPE, INDIVIDUAL.to_vec())],
    };
    plan.prepare().map(Prepared)
}

impl Prepared {
    /// The exact message to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        self.0.to_be_signed()
    }
    /// The CMS, DER.
    ///
    /// # Errors
    /// A [`Problem`] `signature` if it was not made over [`Self::to_be_signed`] with the key of the signer's certificate.
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, Problem> {
        self.0.finish(signature)
    }
}

/// The CMS with a timestamp over its signature ([`crate::cms::timestamp_imprint`]), where Windows looks for it.
///
/// # Errors
/// A [`Problem`] if one of the two is not DER.
pub fn with_timestamp(cms: &[u8], token: &[u8]) -> Result<Vec<u8>, Problem> {
    with_unsigned(cms, TIMESTAMP, token)
}
