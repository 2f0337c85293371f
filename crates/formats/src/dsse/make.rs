//! Making: what is to be signed first, the envelope once the key has signed.

use super::envelope::{Envelope, LONGEST, MOST_SIGNATURES, Signature};
use crate::made::SignerKey;
use crate::{Certified, MakeError};

/// An envelope that lacks one signature.
#[derive(Debug)]
pub struct Prepared {
    signer: SignerKey,
    envelope: Envelope,
    message: Vec<u8>,
}

/// Prepares an envelope around this payload.
///
/// # Errors
/// [`MakeError`] if the signer cannot make it, or the payload is longer than what [`super::verify`] reads.
pub fn prepare(signer: &Certified<'_>, payload_type: &str, payload: &[u8]) -> Result<Prepared, MakeError> {
    if payload.len() > LONGEST / 2 {
        return Err(MakeError::TooLong { length: payload.len(), longest: LONGEST / 2, instead: "sign a statement about its digest" });
    }
    let envelope = Envelope { payload_type: payload_type.to_owned(), payload: payload.to_vec(), signatures: Vec::new() };
    Prepared::around(signer, envelope)
}

/// Prepares one more signature in an envelope. Those in it stay as they are, whatever they are worth.
///
/// # Errors
/// As [`prepare`]; [`MakeError::Content`] if it is no envelope, or full.
pub fn prepare_beside(signer: &Certified<'_>, envelope: &[u8]) -> Result<Prepared, MakeError> {
    let envelope = Envelope::read(envelope).map_err(|problem| MakeError::Content(problem.message))?;
    if envelope.signatures.len() >= MOST_SIGNATURES {
        return Err(MakeError::Content(format!("the envelope has {MOST_SIGNATURES} signatures already, more are not read")));
    }
    Prepared::around(signer, envelope)
}

impl Prepared {
    fn around(signer: &Certified<'_>, envelope: Envelope) -> Result<Self, MakeError> {
        Ok(Self { signer: SignerKey::of(signer)?, message: envelope.message(), envelope })
    }

    /// What is to be signed: the pre-authentication encoding of type and payload.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.message
    }

    /// Sets the signature in, as the key made it, and gives the envelope as JSON.
    ///
    /// # Errors
    /// [`MakeError::Signature`] if it is not this signer's over these bytes.
    pub fn finish(self, signature: &[u8]) -> Result<String, MakeError> {
        self.finish_envelope(signature)?.to_json()
    }

    pub(crate) fn finish_envelope(mut self, signature: &[u8]) -> Result<Envelope, MakeError> {
        self.signer.check(&self.message, signature)?;
        self.envelope.signatures.push(Signature { key_id: Some(self.signer.key_id()), bytes: signature.to_vec() });
        Ok(self.envelope)
    }
}
