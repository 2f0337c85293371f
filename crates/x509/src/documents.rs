//! Certificates that documents may be signed with here, and the chains that they come with.

use crate::certificate::Certificate;
use crate::chain::is_signed_by;
use crate::extension::{ID_KP_DOCUMENT_SIGNING, named};
use crate::key::PublicKey;
use crate::path::LONGEST_PATH;
use crate::pem;
use crate::problem::Problem;
use crate::summary::CertificateSummary;
use chancery_domain::enforced;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_KP_CODE_SIGNING, ID_KP_EMAIL_PROTECTION, ID_KP_TIME_STAMPING};

/// What a document signer's key may be for. One with any other purpose, or with none named, which is any (RFC 5280 section 4.2.1.12),
/// would be made to speak where a signature stands for something else: a handshake, a logon, an answer about revocation, a time.
const DOCUMENT_PURPOSES: [ObjectIdentifier; 3] = [ID_KP_CODE_SIGNING, ID_KP_EMAIL_PROTECTION, ID_KP_DOCUMENT_SIGNING];

/// What a signer's key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerUse {
    /// Signatures on documents, programs and statements.
    Documents,
    /// Timestamps, and so nothing else.
    Timestamps,
}

/// What a certificate says, if its key may be used so.
///
/// # Errors
/// A [`Problem`]: `certificate` if it cannot be read, `purpose` if its key is for something else.
pub fn document_signer(der: &[u8], wanted: SignerUse) -> Result<CertificateSummary, Problem> {
    let unread = || Problem::new("certificate", "no version 3 X.509 certificate in DER");
    let summary = CertificateSummary::from_der(der).map_err(|_| unread())?;
    let certificate = Certificate::from_der(der).map_err(|_| unread())?;
    let extensions = &certificate.tbs.extensions;
    let refuse = |holds: bool, message: String| match holds || !enforced!("document-signer.purpose") {
        true => Ok(()),
        false => Err(Problem::new("purpose", message)),
    };
    refuse(!summary.is_authority, "it is an authority's certificate, whose key signs certificates and nothing else".to_owned())?;
    // digitalSignature and contentCommitment (RFC 5280 section 4.2.1.3)
    let signs = extensions.key_usage.is_none() || extensions.allows_usage(0) || extensions.allows_usage(1);
    refuse(signs, "its keyUsage has neither digitalSignature nor contentCommitment".to_owned())?;
    if wanted == SignerUse::Timestamps {
        // RFC 3161 section 2.3
        let alone = extensions.extended_key_usage.as_ref().is_some_and(|found| found.critical && found.value == [ID_KP_TIME_STAMPING]);
        return match alone || !enforced!("timestamp-signer.purpose") {
            true => Ok(summary),
            false => Err(Problem::new("purpose", "its extendedKeyUsage is not timeStamping, critical and alone")),
        };
    }
    let purposes = extensions.extended_key_usage.as_ref().map(|found| found.value.as_slice()).unwrap_or_default();
    let other = purposes.iter().find(|purpose| !DOCUMENT_PURPOSES.contains(purpose));
    let message = |other: ObjectIdentifier| format!("its extendedKeyUsage {} is for something else than documents", named(other));
    refuse(other.is_none(), other.copied().map(message).unwrap_or_default())?;
    let unnamed = "its extendedKeyUsage names none of codeSigning, emailProtection and documentSigning, so its key is for anything";
    refuse(!purposes.is_empty(), unnamed.to_owned())?;
    Ok(summary)
}

/// A chain in PEM that belongs to this key: DER, the signer's certificate first, each signed by the next. Whom to trust it does not say.
///
/// # Errors
/// A [`Problem`]: `chain` if it is none, `key` if it is another key's, or as [`document_signer`].
pub fn document_signers_chain(text: &str, key: &PublicKey, wanted: SignerUse) -> Result<(Vec<Vec<u8>>, CertificateSummary), Problem> {
    let blocks = pem::decode(text).map_err(|error| Problem::new("chain", error.to_string()))?;
    if blocks.len() > LONGEST_PATH && enforced!("document-signer.length") {
        return Err(Problem::new("chain", format!("at most {LONGEST_PATH} certificates")));
    }
    let chain: Vec<_> = blocks.into_iter().map(|block| block.der.to_vec()).collect();
    let leaf = chain.first().ok_or_else(|| Problem::new("chain", "name at least one certificate"))?;
    let summary = document_signer(leaf, wanted)?;
    if summary.spki_der != key.spki_der() && enforced!("document-signer.key") {
        return Err(Problem::new("key", "the first certificate is not that of the private key"));
    }
    let broken = chain.iter().zip(chain.iter().skip(1)).position(|(below, above)| !is_signed_by(below, above));
    match broken.filter(|_| enforced!("document-signer.chain")) {
        Some(at) => Err(Problem::new("chain", format!("certificate {} did not sign the one before it", at + 2))),
        None => Ok((chain, summary)),
    }
}
