//! Making: what is to be signed first, the bundle once the key has signed, and a timestamp afterwards.

use super::bundle::{self, Bundle, MOST_TIMESTAMPS};
use crate::dsse;
use crate::made::SignerKey;
use crate::{Certified, MakeError, Problem};
use chancery_domain::signature::{Digest, DigestAlgorithm};
use chancery_x509::{hash, tsp};

/// What a bundle says of its signer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Material {
    /// The signer's certificate.
    #[default]
    Certificate,
    /// SHA-256 of the public key alone: whoever verifies has the key.
    KeyHint,
}

/// A bundle around a file that lacks its signature.
#[derive(Debug)]
pub struct PreparedMessage {
    signer: SignerKey,
    material: Material,
    digest: Digest,
}

/// A bundle around an envelope that lacks its signature.
#[derive(Debug)]
pub struct PreparedEnvelope {
    material: bundle::Material,
    envelope: dsse::Prepared,
}

/// Prepares a bundle over a file of which only the digest is known.
///
/// # Errors
/// [`MakeError::Content`] if the signer's kind of signature is made over another digest, or over the file itself.
pub fn prepare_message(signer: &Certified<'_>, material: Material, digest: &Digest) -> Result<PreparedMessage, MakeError> {
    let key = SignerKey::of(signer)?;
    let (kind, needed) = (signer.algorithm.as_str(), signer.algorithm.digest());
    match needed {
        Some(needed) if needed == digest.algorithm() => Ok(PreparedMessage { signer: key, material, digest: digest.clone() }),
        Some(needed) => Err(MakeError::Content(format!("{kind} signatures are made over a {} digest: give that one", needed.as_str()))),
        None => Err(MakeError::Content(format!("{kind} signatures are made over no digest: sign a statement about the file instead"))),
    }
}

/// Prepares a bundle around an envelope with this payload.
///
/// # Errors
/// As [`dsse::prepare`].
pub fn prepare_envelope(
    signer: &Certified<'_>,
    material: Material,
    payload_type: &str,
    payload: &[u8],
) -> Result<PreparedEnvelope, MakeError> {
    let key = SignerKey::of(signer)?;
    Ok(PreparedEnvelope { material: material.of(&key), envelope: dsse::prepare(signer, payload_type, payload)? })
}

impl Material {
    fn of(self, signer: &SignerKey) -> bundle::Material {
        match self {
            Self::Certificate => bundle::Material::Certificate(signer.certificate().to_vec()),
            Self::KeyHint => bundle::Material::Hint(signer.key_id()),
        }
    }
}

impl PreparedMessage {
    /// The digest that the key signs.
    pub const fn digest_to_be_signed(&self) -> &Digest {
        &self.digest
    }

    /// Sets the signature in, as the key made it, and gives the bundle as JSON.
    ///
    /// # Errors
    /// [`MakeError::Signature`] if it is not this signer's over this digest.
    pub fn finish(self, signature: &[u8]) -> Result<String, MakeError> {
        self.signer.check_digest(&self.digest, signature)?;
        let content = bundle::Content::Message { digest: self.digest, signature: signature.to_vec() };
        Bundle { material: self.material.of(&self.signer), timestamps: Vec::new(), content }.to_json()
    }
}

impl PreparedEnvelope {
    /// What is to be signed.
    pub fn to_be_signed(&self) -> &[u8] {
        self.envelope.to_be_signed()
    }

    /// Sets the signature in, as the key made it, and gives the bundle as JSON.
    ///
    /// # Errors
    /// [`MakeError::Signature`] if it is not this signer's over these bytes.
    pub fn finish(self, signature: &[u8]) -> Result<String, MakeError> {
        let mut envelope = self.envelope.finish_envelope(signature)?;
        // The material says whose it is, and Go's library refuses a hint that it would have made in another way.
        envelope.signatures.iter_mut().for_each(|signature| signature.key_id = None);
        let content = bundle::Content::Envelope(envelope);
        Bundle { material: self.material, timestamps: Vec::new(), content }.to_json()
    }
}

/// What a timestamp of this bundle is to be over: the digest of its signature.
///
/// # Errors
/// The [`Problem`] if it is no bundle.
pub fn timestamp_imprint(bundle: &[u8], algorithm: DigestAlgorithm) -> Result<Digest, Problem> {
    Ok(hash::digest(algorithm, Bundle::read(bundle)?.signature()?))
}

/// The bundle with one more timestamp, a token in DER (RFC 3161 section 2.4.2). Whether it fits is for [`super::verify`] to say.
///
/// # Errors
/// [`MakeError::Content`] if it is no bundle, or full.
pub fn with_timestamp(bundle: &[u8], token: &[u8]) -> Result<String, MakeError> {
    let mut bundle = Bundle::read(bundle).map_err(|problem| MakeError::Content(problem.message))?;
    if bundle.timestamps.len() >= MOST_TIMESTAMPS {
        return Err(MakeError::Content(format!("the bundle has {MOST_TIMESTAMPS} timestamps already, more are not read")));
    }
    bundle.timestamps.push(tsp::granted(token));
    bundle.to_json()
}
