//! Making: the header and the signing input first, the JWS once the key has signed.

use super::algorithm;
use super::parts::LONGEST;
use crate::Certified;
use crate::base64url;
use crate::made::{MakeError, SignerKey};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::signature::JwsSyntax;
use serde::Serialize;

/// Where the payload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serialization {
    /// In the JWS (RFC 7515 section 7.1).
    #[default]
    Compact,
    /// Elsewhere; signed as base64url (RFC 7515 appendix F).
    Detached,
    /// Elsewhere; signed as it is (RFC 7797), so that nothing has to be encoded to verify it.
    DetachedUnencoded,
}

/// What the header is to say besides algorithm and certificates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// `typ`: the media type of the JWS (RFC 7515 section 4.1.9).
    pub typ: Option<&'a str>,
    /// `cty`: the media type of the payload (section 4.1.10).
    pub cty: Option<&'a str>,
    /// Where the payload is.
    pub serialization: Serialization,
    /// How it is written.
    pub syntax: JwsSyntax,
}

/// A JWS that lacks its signature.
#[derive(Debug)]
pub struct Prepared {
    signer: SignerKey,
    serialization: Serialization,
    syntax: JwsSyntax,
    signing_input: Vec<u8>,
    header_length: usize,
}

/// Members in the order in which they are written.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cty: Option<&'a str>,
    x5c: Vec<String>,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    b64: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crit: Option<[&'a str; 1]>,
}

#[derive(Serialize)]
struct Signature<'a> {
    protected: &'a str,
    signature: &'a str,
}

#[derive(Serialize)]
struct General<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    signatures: [Signature<'a>; 1],
}

#[derive(Serialize)]
struct Flattened<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(flatten)]
    one: Signature<'a>,
}

/// Prepares a JWS over this payload.
///
/// # Errors
/// [`MakeError`] if the signer cannot make it, or the payload is longer than what [`super::verify`] reads.
pub fn prepare(signer: &Certified<'_>, wish: &Wish<'_>, payload: &[u8]) -> Result<Prepared, MakeError> {
    if wish.serialization == Serialization::Compact && payload.len() > LONGEST / 2 {
        return Err(MakeError::TooLong { length: payload.len(), longest: LONGEST / 2, instead: "sign it detached" });
    }
    let key = SignerKey::of(signer)?;
    let unencoded = wish.serialization == Serialization::DetachedUnencoded;
    let header = Header {
        alg: algorithm::name(signer.algorithm),
        typ: wish.typ,
        cty: wish.cty,
        x5c: signer.chain.iter().map(|der| base64url::encode_padded(der)).collect(),
        thumbprint: base64url::encode(digest(&SHA256, key.certificate()).as_ref()),
        b64: unencoded.then_some(false),
        crit: unencoded.then_some(["b64"]),
    };
    let header = serde_json::to_vec(&header).map_err(|_| MakeError::Header)?;
    let mut signing_input = base64url::encode(&header).into_bytes();
    let header_length = signing_input.len();
    signing_input.push(b'.');
    match unencoded {
        true => signing_input.extend_from_slice(payload),
        false => signing_input.extend_from_slice(base64url::encode(payload).as_bytes()),
    }
    Ok(Prepared { signer: key, serialization: wish.serialization, syntax: wish.syntax, signing_input, header_length })
}

impl Prepared {
    /// What is to be signed: header and payload (RFC 7515 section 5.1).
    pub fn to_be_signed(&self) -> &[u8] {
        &self.signing_input
    }

    /// Sets the signature in, as the key made it (ECDSA as Ecdsa-Sig-Value DER), and gives the JWS.
    ///
    /// # Errors
    /// [`MakeError::Signature`] if it is not this signer's over these bytes.
    pub fn finish(self, signature: &[u8]) -> Result<String, MakeError> {
        self.signer.check(&self.signing_input, signature)?;
        let signature = algorithm::to_jose(self.signer.algorithm(), signature).ok_or(MakeError::Signature)?;
        let mut jws = self.signing_input;
        if self.serialization != Serialization::Compact {
            // The full stop stays.
            jws.truncate(self.header_length + 1);
        }
        let text = String::from_utf8(jws).map_err(|_| MakeError::Header)?;
        let (protected, payload) = text.split_once('.').ok_or(MakeError::Header)?;
        let signature = base64url::encode(&signature);
        if self.syntax == JwsSyntax::Compact {
            return Ok(format!("{protected}.{payload}.{signature}"));
        }
        let payload = (self.serialization == Serialization::Compact).then_some(payload);
        let one = Signature { protected, signature: &signature };
        let json = match self.syntax {
            JwsSyntax::General => serde_json::to_string(&General { payload, signatures: [one] }),
            _ => serde_json::to_string(&Flattened { payload, one }),
        };
        json.map_err(|_| MakeError::Header)
    }
}
