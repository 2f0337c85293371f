//! The envelope as JSON, and what a signature in it is made over.

use crate::base64url;
use crate::json;
use crate::{MakeError, Problem};
use chancery_domain::enforced;
use serde::Serialize;
use serde_json::{Map, Value};

/// Longest envelope that is read, in bytes.
pub const LONGEST: usize = 32 * 1024 * 1024;
/// Most signatures in an envelope that is read.
pub const MOST_SIGNATURES: usize = 16;

/// An envelope, read; nothing in it is verified.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) payload_type: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) signatures: Vec<Signature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) key_id: Option<String>,
    /// As the key made it; ECDSA as Ecdsa-Sig-Value DER.
    pub(crate) bytes: Vec<u8>,
}

/// Members in the order in which they are written.
#[derive(Serialize)]
pub(crate) struct Document {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<SignatureDocument>,
}

#[derive(Serialize)]
struct SignatureDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    pub(crate) fn read(text: &[u8]) -> Result<Self, Problem> {
        if text.len() > LONGEST && enforced!("dsse.length") {
            return Err(wrong(format!("{} bytes are too many, {LONGEST} are the most", text.len())));
        }
        Self::from_members(&json::parse_object(text).map_err(wrong)?)
    }

    /// Members that are not known are passed over, as the specification wants it.
    pub(crate) fn from_members(members: &Map<String, Value>) -> Result<Self, Problem> {
        let signatures = match members.get("signatures") {
            Some(Value::Array(items)) if items.len() <= MOST_SIGNATURES || !enforced!("dsse.signatures") => items,
            Some(Value::Array(items)) => {
                return Err(wrong(format!("{} signatures are too many, {MOST_SIGNATURES} are the most", items.len())));
            }
            _ => return Err(wrong("\"signatures\" is not an array")),
        };
        Ok(Self {
            payload_type: string(members, "payloadType")?.to_owned(),
            payload: bytes(members, "payload")?,
            signatures: signatures.iter().map(Signature::read).collect::<Result<_, _>>()?,
        })
    }

    /// What every signature is made over.
    pub(crate) fn message(&self) -> Vec<u8> {
        message(&self.payload_type, &self.payload)
    }

    pub(crate) fn document(&self) -> Document {
        let signature =
            |signature: &Signature| SignatureDocument { keyid: signature.key_id.clone(), sig: base64url::encode_padded(&signature.bytes) };
        Document {
            payload: base64url::encode_padded(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self.signatures.iter().map(signature).collect(),
        }
    }

    pub(crate) fn to_json(&self) -> Result<String, MakeError> {
        serde_json::to_string(&self.document()).map_err(|_| MakeError::Header)
    }
}

impl Signature {
    fn read(value: &Value) -> Result<Self, Problem> {
        let members = value.as_object().ok_or_else(|| wrong("a signature is not an object"))?;
        let key_id = match members.get("keyid") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
            Some(_) => return Err(wrong("\"keyid\" is not a string")),
        };
        Ok(Self { key_id, bytes: bytes(members, "sig")? })
    }
}

/// PAE (DSSE, "Signature Definition"): type and payload, each behind its length, so that neither can pass for a part of the other.
pub(crate) fn message(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

fn wrong(message: impl std::fmt::Display) -> Problem {
    Problem::new("dsse-envelope", format!("no envelope that can be read: {message}"))
}

fn string<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Problem> {
    members.get(name).and_then(Value::as_str).ok_or_else(|| wrong(format!("{name:?} is not a string")))
}

/// Both alphabets are allowed by the specification.
fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, Problem> {
    let text = string(members, name)?.as_bytes();
    base64url::decode_padded(text).or_else(|| base64url::decode_url_padded(text)).ok_or_else(|| wrong(format!("{name:?} is not base64")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_that_of_the_specification() {
        // DSSE protocol, "Test Vectors".
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(message("http://example.com/HelloWorld", b"hello world"), expected);
        assert_eq!(message("\u{e9}", b""), "DSSEv1 2 \u{e9} 0 ".as_bytes());
        assert_ne!(message("a 1 b", b"c"), message("a", b"b 1 c"));
    }
}
