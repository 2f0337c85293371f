//! The bundle as JSON (protobuf's mapping of dev.sigstore.bundle.v1.Bundle), read strictly.

use crate::base64url;
use crate::dsse::envelope::{self, Envelope};
use crate::json;
use crate::{MakeError, Problem};
use chancery_domain::enforced;
use chancery_domain::signature::{Digest, DigestAlgorithm};
use serde::Serialize;
use serde_json::{Map, Value};

/// `mediaType` of a bundle.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Longest bundle that is read, in bytes.
pub const LONGEST: usize = 32 * 1024 * 1024;
/// Most timestamps of a bundle.
pub const MOST_TIMESTAMPS: usize = 4;

/// A bundle, read; nothing in it is verified.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    pub(super) material: Material,
    /// TimeStampResp (RFC 3161 section 2.4.2), DER.
    pub(super) timestamps: Vec<Vec<u8>>,
    pub(super) content: Content,
}

/// Whose signature it is said to be.
#[derive(Clone, Debug)]
pub(super) enum Material {
    /// DER.
    Certificate(Vec<u8>),
    /// What may help to find the key.
    Hint(String),
}

/// What was signed.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A file, of which the bundle has the digest.
    Message { digest: Digest, signature: Vec<u8> },
    /// An envelope with one signature.
    Envelope(Envelope),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: &'static str,
    verification_material: MaterialDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_signature: Option<MessageDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<envelope::Document>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MaterialDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageDocument {
    message_digest: Value,
    signature: String,
}

impl Bundle {
    pub(super) fn read(text: &[u8]) -> Result<Self, Problem> {
        if text.len() > LONGEST && enforced!("sigstore.length") {
            return Err(wrong(format!("{} bytes are too many, {LONGEST} are the most", text.len())));
        }
        let members = json::parse_object(text).map_err(wrong)?;
        let media_type = members.get("mediaType").and_then(Value::as_str).unwrap_or_default();
        if media_type != MEDIA_TYPE && enforced!("sigstore.media-type") {
            return Err(wrong(format!("its mediaType is {media_type:?}, {MEDIA_TYPE} alone is read")));
        }
        let material = object(&members, "verificationMaterial")?;
        if material.get("tlogEntries").is_some_and(|entries| entries.as_array().is_none_or(|some| !some.is_empty()))
            && enforced!("sigstore.log-entries")
        {
            let message = "it has entries of a transparency log, which are not verified here: verify it with cosign";
            return Err(Problem::new("sigstore-log", message));
        }
        let content = match (members.get("messageSignature"), members.get("dsseEnvelope")) {
            (Some(_), None) => message(object(&members, "messageSignature")?)?,
            (None, Some(_)) => Content::Envelope(Envelope::from_members(object(&members, "dsseEnvelope")?)?),
            _ => return Err(wrong("it has not just one of messageSignature and dsseEnvelope")),
        };
        Ok(Self { material: Material::read(material)?, timestamps: timestamps(material)?, content })
    }

    pub(super) fn to_json(&self) -> Result<String, MakeError> {
        let raw = |bytes: &[u8]| serde_json::json!({ "rawBytes": base64url::encode_padded(bytes) });
        let (certificate, public_key) = match &self.material {
            Material::Certificate(der) => (Some(raw(der)), None),
            Material::Hint(hint) => (None, Some(serde_json::json!({ "hint": hint }))),
        };
        let token = |der: &Vec<u8>| serde_json::json!({ "signedTimestamp": base64url::encode_padded(der) });
        let tokens: Vec<Value> = self.timestamps.iter().map(token).collect();
        let timestamps = (!tokens.is_empty()).then(|| serde_json::json!({ "rfc3161Timestamps": tokens }));
        let (message_signature, dsse_envelope) = match &self.content {
            Content::Message { digest, signature } => {
                let value = base64url::encode_padded(digest.as_bytes());
                let message_digest = serde_json::json!({ "algorithm": name(digest.algorithm()), "digest": value });
                (Some(MessageDocument { message_digest, signature: base64url::encode_padded(signature) }), None)
            }
            Content::Envelope(envelope) => (None, Some(envelope.document())),
        };
        let verification_material = MaterialDocument { certificate, public_key, timestamp_verification_data: timestamps };
        let document = Document { media_type: MEDIA_TYPE, verification_material, message_signature, dsse_envelope };
        serde_json::to_string(&document).map_err(|_| MakeError::Header)
    }

    /// The one signature in it, which timestamps are over.
    pub(super) fn signature(&self) -> Result<&[u8], Problem> {
        match &self.content {
            Content::Message { signature, .. } => Ok(signature),
            Content::Envelope(envelope) => match envelope.signatures.as_slice() {
                [signature] => Ok(&signature.bytes),
                several => Err(wrong(format!("its envelope has {} signatures, one it must be", several.len()))),
            },
        }
    }
}

impl Material {
    fn read(members: &Map<String, Value>) -> Result<Self, Problem> {
        if members.contains_key("x509CertificateChain") && enforced!("sigstore.chain") {
            return Err(wrong("it has an x509CertificateChain, which version 0.3 forbids"));
        }
        match (members.get("certificate"), members.get("publicKey")) {
            (Some(_), None) => Ok(Self::Certificate(bytes(object(members, "certificate")?, "rawBytes")?)),
            (None, Some(_)) => {
                Ok(Self::Hint(object(members, "publicKey")?.get("hint").and_then(Value::as_str).unwrap_or_default().to_owned()))
            }
            _ => Err(wrong("its verificationMaterial has not just one of certificate and publicKey")),
        }
    }
}

fn message(members: &Map<String, Value>) -> Result<Content, Problem> {
    let digest = object(members, "messageDigest")?;
    let algorithm = digest.get("algorithm").and_then(Value::as_str).unwrap_or_default();
    let algorithm = DigestAlgorithm::ALL.into_iter().find(|known| name(*known) == algorithm);
    let algorithm = algorithm.ok_or_else(|| wrong("its messageDigest is of no kind that is read: SHA2_256, SHA2_384, SHA2_512"))?;
    let digest = Digest::new(algorithm, bytes(digest, "digest")?).map_err(wrong)?;
    Ok(Content::Message { digest, signature: bytes(members, "signature")? })
}

fn timestamps(material: &Map<String, Value>) -> Result<Vec<Vec<u8>>, Problem> {
    let data = match material.get("timestampVerificationData") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(_) => object(material, "timestampVerificationData")?,
    };
    let items = match data.get("rfc3161Timestamps") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong("rfc3161Timestamps is not an array")),
    };
    if items.len() > MOST_TIMESTAMPS && enforced!("sigstore.timestamps") {
        return Err(wrong(format!("{} timestamps are too many, {MOST_TIMESTAMPS} are the most", items.len())));
    }
    let one = |item: &Value| bytes(item.as_object().ok_or_else(|| wrong("a timestamp is not an object"))?, "signedTimestamp");
    items.iter().map(one).collect()
}

/// dev.sigstore.common.v1.HashAlgorithm.
const fn name(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha256 => "SHA2_256",
        DigestAlgorithm::Sha384 => "SHA2_384",
        DigestAlgorithm::Sha512 => "SHA2_512",
    }
}

fn wrong(message: impl std::fmt::Display) -> Problem {
    Problem::new("sigstore-bundle", format!("no bundle that can be read: {message}"))
}

fn object<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a Map<String, Value>, Problem> {
    members.get(name).and_then(Value::as_object).ok_or_else(|| wrong(format!("{name:?} is not an object")))
}

/// protobuf's JSON allows both alphabets.
fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, Problem> {
    let text = members.get(name).and_then(Value::as_str).unwrap_or_default().as_bytes();
    let bytes = base64url::decode_padded(text).or_else(|| base64url::decode_url_padded(text)).filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| wrong(format!("{name:?} is not base64, or empty")))
}
