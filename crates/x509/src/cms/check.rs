//! Whether a signer's signature holds, over which content, with which certificate. Whom to trust is for the caller.

use super::algorithms::{Said, said};
use super::attributes::{self, names_certificate, protection};
use super::read::SignedData;
use super::{ID_ALGORITHM_PROTECTION, ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNING_CERTIFICATE_V2, ID_SIGNING_TIME};
use crate::certificate::Certificate;
use crate::der_in::Values;
use crate::der_out::{DerOut, OCTET_STRING, SET};
use crate::hash;
use crate::key::PublicKey;
use crate::problem::Problem;
use crate::time::from_x509;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Timestamp, enforced};
use const_oid::ObjectIdentifier;
use der::Decode;
use x509_cert::time::Time;

/// What a SignedData must be.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// What kind of content.
    pub content_type: ObjectIdentifier,
    /// The digest of content that is kept elsewhere; without one the content must be attached, with one it must not.
    pub detached: Option<&'a Digest>,
    /// Whether signing-certificate-v2 must be there, as CAdES wants it. It is always believed if it is.
    pub certificate_bound: bool,
}

/// A signature that holds for the key in the certificate.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// The signer's certificate, DER; nothing of it is verified but that its key signed.
    pub certificate: &'a [u8],
    /// The digest of the content.
    pub digest: Digest,
    /// The kind of signature; `None` if it is one that is believed of timestamping authorities alone.
    pub algorithm: Option<SignatureAlgorithm>,
    /// The time that the signer claims.
    pub signing_time: Option<Timestamp>,
}

impl<'a> SignedData<'a> {
    /// Checks content, attributes and signature.
    ///
    /// # Errors
    /// Every [`Problem`] that was found: `content-type`, `digest`, `attributes`, `certificate`, `algorithm`, `signature`.
    pub fn check(&self, demand: &Demand<'_>) -> Result<Checked<'a>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut note = |result: Result<(), Problem>| problems.extend(result.err());
        note(self.check_content_type(demand.content_type));
        let digest = self.digest(demand.detached);
        note(digest.as_ref().map(|_| ()).map_err(Clone::clone));
        let signing_time = self.signing_time();
        note(signing_time.as_ref().map(|_| ()).map_err(Clone::clone));
        note(self.check_protection());
        let certificate = self.signer();
        let algorithm = certificate.clone().and_then(|certificate| {
            self.check_binding(certificate, demand.certificate_bound)?;
            self.check_signature(certificate)
        });
        note(algorithm.as_ref().map(|_| ()).map_err(Clone::clone));
        match (digest, signing_time, certificate, algorithm) {
            (Ok(digest), Ok(signing_time), Ok(certificate), Ok(algorithm)) if problems.is_empty() => {
                Ok(Checked { certificate, digest, algorithm, signing_time })
            }
            _ => Err(problems),
        }
    }

    fn attribute(&self, id: ObjectIdentifier) -> Result<Option<&'a [u8]>, Problem> {
        attributes::value(&self.signed, id).map_err(|message| Problem::new("attributes", message))
    }

    fn required(&self, id: ObjectIdentifier, name: &str) -> Result<&'a [u8], Problem> {
        self.attribute(id)?.ok_or_else(|| Problem::new("attributes", format!("the signed attribute {name} is missing")))
    }

    fn check_content_type(&self, expected: ObjectIdentifier) -> Result<(), Problem> {
        let signed = ObjectIdentifier::from_der(self.required(ID_CONTENT_TYPE, "content-type")?).ok();
        if (signed != Some(expected) || self.parts.content_type != expected) && enforced!("cms.content-type") {
            return Err(Problem::new("content-type", format!("the content is of type {}, not {expected}", self.parts.content_type)));
        }
        Ok(())
    }

    /// The digest of the content, if it is the signed one.
    fn digest(&self, detached: Option<&Digest>) -> Result<Digest, Problem> {
        let digest = match (self.content(), detached) {
            (Some(content), None) => hash::digest(self.digest_algorithm, content),
            (None, Some(digest)) => digest.clone(),
            (Some(_), Some(_)) => return Err(Problem::new("content", "the content is inside, where a detached signature was expected")),
            (None, None) => return Err(Problem::new("content", "the content is not inside: give the file that was signed")),
        };
        if digest.algorithm() != self.digest_algorithm {
            let (signed, given) = (self.digest_algorithm.as_str(), digest.algorithm().as_str());
            return Err(Problem::new("digest", format!("the signature is over a {signed} digest, and a {given} digest was given")));
        }
        let signed = Values::of(self.required(ID_MESSAGE_DIGEST, "message-digest")?).and_then(|mut value| value.take(OCTET_STRING));
        if signed != Ok(digest.as_bytes()) && enforced!("cms.message-digest") {
            return Err(Problem::new("digest", "the content is not what was signed: its digest is another"));
        }
        Ok(digest)
    }

    fn signing_time(&self) -> Result<Option<Timestamp>, Problem> {
        let Some(value) = self.attribute(ID_SIGNING_TIME)? else { return Ok(None) };
        let time = Time::from_der(value).map_err(|error| Problem::new("attributes", format!("signing-time is no time: {error}")))?;
        Ok(Some(from_x509(time)))
    }

    /// RFC 6211 section 2.
    fn check_protection(&self) -> Result<(), Problem> {
        let Some(value) = self.attribute(ID_ALGORITHM_PROTECTION)? else { return Ok(()) };
        let same = value == protection(self.parts.digest_identifier, self.parts.signature_identifier);
        if same || !enforced!("cms.algorithm-protection") {
            return Ok(());
        }
        Err(Problem::new("algorithm", "the algorithms are not those that the signer protected (RFC 6211)"))
    }

    /// RFC 5035 section 5.4: the certificate that the signer meant is the one that is used.
    fn check_binding(&self, certificate: &[u8], required: bool) -> Result<(), Problem> {
        let Some(value) = self.attribute(ID_SIGNING_CERTIFICATE_V2)? else {
            let missing = required && enforced!("cms.certificate-bound");
            let message = "the signed attribute signing-certificate-v2 is missing: nothing says which certificate the signer meant";
            return if missing { Err(Problem::new("attributes", message)) } else { Ok(()) };
        };
        let names = names_certificate(value, certificate).map_err(|error| Problem::new("attributes", error.to_string()))?;
        if !names && enforced!("cms.certificate") {
            return Err(Problem::new("certificate", "the certificate is not the one that the signer named (signing-certificate-v2)"));
        }
        Ok(())
    }

    fn check_signature(&self, certificate: &[u8]) -> Result<Option<SignatureAlgorithm>, Problem> {
        let unread = |error: String| Problem::new("certificate", format!("the signer's certificate: {error}"));
        let certificate = Certificate::from_der(certificate).map_err(|error| unread(error.to_string()))?;
        let key = PublicKey::from_spki_der(certificate.tbs.spki_der).map_err(|error| unread(error.to_string()))?;
        let message = DerOut::document(self.parts.signed.len() + 4, |out| out.value(SET, self.parts.signed));
        let refused = || Problem::new("algorithm", "signature and digest algorithm contradict each other, or are not believed");
        let bad = |error: crate::Unverified| Problem::new("signature", error.to_string());
        match said(self.parts.signature_identifier, self.digest_algorithm).ok_or_else(refused)? {
            Said::Pss => {
                let algorithm = SignatureAlgorithm::RsaPssSha256;
                let verified = key.verify_as(algorithm, &message, self.parts.signature);
                if enforced!("cms.signature.pss") {
                    verified.map_err(bad)?
                };
                Ok(Some(algorithm))
            }
            Said::Identified(identifier) => {
                let verified = key.verify_identified(identifier, &message, self.parts.signature);
                if enforced!("cms.signature") {
                    verified.map_err(bad)?
                };
                Ok(named(key.algorithm(), self.digest_algorithm))
            }
        }
    }
}

/// The kind of a signature that was verified, if it has a name here.
fn named(key: KeyAlgorithm, digest: DigestAlgorithm) -> Option<SignatureAlgorithm> {
    let usual = SignatureAlgorithm::usual(key);
    (super::content_digest(usual) == digest).then_some(usual)
}
