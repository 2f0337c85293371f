//! From content and certificate over the exact bytes to be signed to a SignedData.

use super::algorithms::{content_digest, digest_identifier, signature_identifier};
use super::attributes::{self, attribute, sorted};
use super::read::{Encapsulated, Parts, SignedData};
use super::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNING_TIME};
use crate::certificate::Certificate;
use crate::der_out::{DerOut, OCTET_STRING, SET};
use crate::key::PublicKey;
use crate::path::MOST_CERTIFICATES;
use crate::problem::Problem;
use crate::{hash, time};
use chancery_domain::signature::{Digest, SignatureAlgorithm};
use chancery_domain::{Timestamp, enforced};
use const_oid::ObjectIdentifier;
use der::Encode;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Something that stays elsewhere, with this digest ([`content_digest`] says of which kind).
    Detached(&'a Digest),
    /// These bytes, which are put inside.
    Attached(&'a [u8]),
    /// The content of a SEQUENCE that is put inside as PKCS#7 does (Authenticode).
    Sequence(&'a [u8]),
}

/// What a SignedData is to say.
#[derive(Clone, Copy, Debug)]
pub struct CmsPlan<'a> {
    /// Certificates, DER: the signer's first.
    pub chain: &'a [Vec<u8>],
    /// Whether they are put inside: all of them, or none.
    pub with_chain: bool,
    /// The kind of signature.
    pub algorithm: SignatureAlgorithm,
    /// What kind of content it is: [`super::ID_DATA`] for anything.
    pub content_type: ObjectIdentifier,
    /// The content.
    pub content: Content<'a>,
    /// The time that the signer claims, if it is to stand inside; whole seconds.
    pub signing_time: Option<Timestamp>,
    /// Further signed attributes: kind, and encoded value.
    pub attributes: &'a [(ObjectIdentifier, Vec<u8>)],
}

/// A SignedData that lacks its signature.
pub struct PreparedCms {
    chain: Vec<Vec<u8>>,
    with_chain: bool,
    algorithm: SignatureAlgorithm,
    key: PublicKey,
    content_type: ObjectIdentifier,
    content: Held,
    to_be_signed: Vec<u8>,
    signed: Vec<u8>,
}

enum Held {
    Nothing,
    Octets(Vec<u8>),
    Sequence(Vec<u8>),
}

impl CmsPlan<'_> {
    /// Writes what is to be signed.
    ///
    /// # Errors
    /// A [`Problem`]: `certificate` if the chain cannot be used, `algorithm` if key, signature and digest do not go together.
    pub fn prepare(&self) -> Result<PreparedCms, Problem> {
        let count = self.chain.len();
        let Some(leaf) = self.chain.first().filter(|_| count <= MOST_CERTIFICATES) else {
            return Err(Problem::new("certificate", format!("{count} certificates: give the signer's first, {MOST_CERTIFICATES} at most")));
        };
        let key = signer_key(leaf, self.algorithm)?;
        let digest = match self.content {
            Content::Detached(digest) => digest.clone(),
            Content::Attached(content) | Content::Sequence(content) => hash::digest(content_digest(self.algorithm), content),
        };
        let expected = content_digest(self.algorithm);
        if digest.algorithm() != expected {
            let (algorithm, expected, given) = (self.algorithm.as_str(), expected.as_str(), digest.algorithm().as_str());
            return Err(Problem::new(
                "algorithm",
                format!("{algorithm} signatures go with a {expected} digest of the content, not {given}"),
            ));
        }
        let signed = self.signed_attributes(leaf, &digest)?;
        let content = match self.content {
            Content::Detached(_) => Held::Nothing,
            Content::Attached(content) => Held::Octets(content.to_vec()),
            Content::Sequence(content) => Held::Sequence(content.to_vec()),
        };
        Ok(PreparedCms {
            chain: self.chain.to_vec(),
            with_chain: self.with_chain,
            algorithm: self.algorithm,
            key,
            content_type: self.content_type,
            content,
            to_be_signed: DerOut::document(signed.len() + 4, |out| out.value(SET, &signed)),
            signed,
        })
    }

    fn signed_attributes(&self, leaf: &[u8], digest: &Digest) -> Result<Vec<u8>, Problem> {
        let content_type = self.content_type.to_der().map_err(|error| Problem::new("content-type", error.to_string()))?;
        let message_digest = DerOut::document(72, |out| out.value(OCTET_STRING, digest.as_bytes()));
        let mut all = vec![
            attribute(ID_CONTENT_TYPE, &[&content_type]),
            attribute(ID_MESSAGE_DIGEST, &[&message_digest]),
            attributes::signing_certificate(leaf),
            attributes::algorithm_protection(digest_identifier(digest.algorithm()), signature_identifier(self.algorithm)),
        ];
        if let Some(at) = self.signing_time {
            all.push(attribute(ID_SIGNING_TIME, &[&DerOut::document(20, |out| time::write(out, at))]));
        }
        all.extend(self.attributes.iter().map(|(id, value)| attribute(*id, &[value])));
        Ok(sorted(all))
    }
}

/// The key of the signer's certificate, if it makes such signatures.
fn signer_key(leaf: &[u8], algorithm: SignatureAlgorithm) -> Result<PublicKey, Problem> {
    let unread = |error: String| Problem::new("certificate", format!("the signer's certificate: {error}"));
    let certificate = Certificate::from_der(leaf).map_err(|error| unread(error.to_string()))?;
    let key = PublicKey::from_spki_der(certificate.tbs.spki_der).map_err(|error| unread(error.to_string()))?;
    let fits = algorithm.fits(key.algorithm());
    let refused = || Problem::new("algorithm", format!("a {} key makes no {} signatures", key.algorithm().as_str(), algorithm.as_str()));
    if fits { Ok(key) } else { Err(refused()) }
}

impl PreparedCms {
    /// The exact message to be signed: the DER of the SET OF signed attributes (RFC 5652 section 5.4).
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }
    /// Puts the signature in, DER of the `ContentInfo`.
    ///
    /// # Errors
    /// A [`Problem`] `signature` if the key of the signer's certificate did not make it over [`Self::to_be_signed`].
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, Problem> {
        let verified = self.key.verify_as(self.algorithm, &self.to_be_signed, signature);
        if enforced!("cms.finish") {
            verified.map_err(|error| Problem::new("signature", error.to_string()))?;
        }
        let unread = |error: der::Error| Problem::new("certificate", error.to_string());
        let leaf = self.chain.first().map(Vec::as_slice).unwrap_or_default();
        let certificate = Certificate::from_der(leaf).map_err(unread)?;
        // DER's order, so that equal chains are equal bytes.
        let mut certificates: Vec<&[u8]> = self.chain.iter().filter(|_| self.with_chain).map(Vec::as_slice).collect();
        certificates.sort_unstable();
        certificates.dedup();
        let (content, pkcs7) = match &self.content {
            Held::Nothing => (Encapsulated::Nothing, false),
            Held::Octets(content) => (Encapsulated::Octets(content), false),
            Held::Sequence(content) => (Encapsulated::Sequence(content), true),
        };
        let parts = Parts {
            version: if self.content_type == ID_DATA || pkcs7 { 1 } else { 3 },
            digest_identifier: digest_identifier(content_digest(self.algorithm)),
            content_type: self.content_type,
            content,
            certificates,
            signer: (certificate.tbs.issuer_der, certificate.tbs.serial),
            signed: &self.signed,
            signature_identifier: signature_identifier(self.algorithm),
            signature,
            unsigned: &[],
        };
        Ok(parts.to_der())
    }
}

/// A SignedData with an unsigned attribute, such as a timestamp over its signature ([`super::ID_TIMESTAMP_TOKEN`], the token being the
/// value). Unsigned attributes of this kind that are there stay.
///
/// # Errors
/// A [`Problem`] `form` if either is not DER.
pub fn with_unsigned(der: &[u8], id: ObjectIdentifier, value: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut read = SignedData::from_der(der)?;
    let mut kinds: Vec<(ObjectIdentifier, Vec<&[u8]>)> =
        read.unsigned.drain(..).map(|attribute| (attribute.id, attribute.values)).collect();
    match kinds.iter_mut().find(|(kind, _)| *kind == id) {
        Some((_, values)) => {
            values.push(value);
            values.sort_unstable();
        }
        None => kinds.push((id, vec![value])),
    }
    let unsigned = sorted(kinds.iter().map(|(kind, values)| attribute(*kind, values)).collect());
    let made = Parts { unsigned: &unsigned, ..read.parts }.to_der();
    SignedData::from_der(&made)?;
    Ok(made)
}
