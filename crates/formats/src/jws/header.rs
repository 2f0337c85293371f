//! The protected header (RFC 7515 section 4), read strictly. What would name another key than the trusted ones is refused.

use super::algorithm;
use crate::Problem;
use crate::base64url;
use crate::json;
use chancery_domain::enforced;
use chancery_domain::signature::SignatureAlgorithm;
use serde_json::{Map, Value};

/// Longest header, in decoded bytes: room for [`CERTIFICATES`] certificates with ML-DSA keys.
pub const LONGEST_HEADER: usize = 64 * 1024;
/// Most certificates in `x5c`.
pub const CERTIFICATES: usize = 8;

/// What names a key or an address of one (RFC 7515 sections 4.1.2, 4.1.3, 4.1.5).
const STRANGERS: [&str; 3] = ["jwk", "jku", "x5u"];
/// Names that `crit` must not hold, for everybody has to know them (RFC 7515 section 4.1.11).
const REGISTERED: [&str; 11] = ["alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit"];

/// What a header says.
pub(super) struct Header {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) typ: Option<String>,
    pub(super) cty: Option<String>,
    /// Whether the payload is signed as it is, not as base64url (RFC 7797).
    pub(super) unencoded: bool,
    /// `x5c`: DER, the signer's first.
    pub(super) certificates: Vec<Vec<u8>>,
    /// `x5t#S256`: SHA-256 of the signer's certificate.
    pub(super) thumbprint: Option<Vec<u8>>,
}

impl Header {
    /// Reads the first part of a JWS.
    pub(super) fn read(part: &[u8]) -> Result<Self, Problem> {
        if part.len() > LONGEST_HEADER.div_ceil(3) * 4 && enforced!("jws.header-length") {
            return Err(wrong(format!("longer than {LONGEST_HEADER} bytes")));
        }
        let text = base64url::decode(part).ok_or_else(|| wrong("not base64url without padding, in the one spelling that it has"))?;
        let members = json::parse_object(&text).map_err(wrong)?;
        if let Some(stranger) = STRANGERS.iter().find(|name| members.contains_key(**name)).filter(|_| enforced!("jws.stranger")) {
            let message = format!("the header has {stranger:?}: a key that a signature brings along proves nothing, and it is never used");
            return Err(Problem::new("jws-key", message));
        }
        Ok(Self {
            algorithm: algorithm::named(required(&members, "alg")?)?,
            typ: string(&members, "typ")?.map(str::to_owned),
            cty: string(&members, "cty")?.map(str::to_owned),
            unencoded: unencoded(&members)?,
            certificates: certificates(&members)?,
            thumbprint: thumbprint(&members)?,
        })
    }
}

fn wrong(message: impl std::fmt::Display) -> Problem {
    Problem::new("jws-header", format!("the header is {message}"))
}

fn string<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Problem> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(format!("malformed: {name:?} is not a string"))),
    }
}

fn required<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Problem> {
    string(members, name)?.ok_or_else(|| wrong(format!("malformed: {name:?} is missing")))
}

/// `b64` and `crit`: of all that may be critical `b64` alone is understood, and it must be critical (RFC 7797 section 6).
fn unencoded(members: &Map<String, Value>) -> Result<bool, Problem> {
    let critical = match members.get("crit") {
        None => Vec::new(),
        Some(Value::Array(names)) if !names.is_empty() => {
            names.iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_else(|| vec![""])
        }
        Some(_) => return Err(wrong("malformed: \"crit\" is not an array of names")),
    };
    for (place, name) in critical.iter().enumerate() {
        let known = *name == "b64" || !enforced!("jws.critical");
        if !known && !REGISTERED.contains(name) {
            return Err(Problem::new("jws-critical", format!("the header says that {name:?} must be understood, and it is not")));
        }
        let fits = members.contains_key(*name) && !critical.iter().take(place).any(|earlier| earlier == name);
        if REGISTERED.contains(name) || !fits {
            return Err(wrong(format!("malformed: {name:?} has no place in \"crit\"")));
        }
    }
    match members.get("b64") {
        None => Ok(false),
        Some(Value::Bool(_)) if !critical.contains(&"b64") && enforced!("jws.b64-critical") => {
            Err(wrong("malformed: it has \"b64\" but \"crit\" does not name it"))
        }
        Some(Value::Bool(encoded)) => Ok(!encoded),
        Some(_) => Err(wrong("malformed: \"b64\" is neither true nor false")),
    }
}

/// `x5c`: base64 with padding, not base64url (RFC 7515 section 4.1.6).
fn certificates(members: &Map<String, Value>) -> Result<Vec<Vec<u8>>, Problem> {
    let malformed = || wrong("malformed: \"x5c\" is not an array of certificates in base64");
    let items = match members.get("x5c") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(_) => return Err(malformed()),
    };
    if items.len() > CERTIFICATES && enforced!("jws.certificates") {
        return Err(wrong(format!("malformed: \"x5c\" has {} certificates, {CERTIFICATES} are the most", items.len())));
    }
    items.iter().map(|item| item.as_str().and_then(|text| base64url::decode_padded(text.as_bytes())).ok_or_else(malformed)).collect()
}

fn thumbprint(members: &Map<String, Value>) -> Result<Option<Vec<u8>>, Problem> {
    let Some(text) = string(members, "x5t#S256")? else { return Ok(None) };
    let thumbprint = base64url::decode(text.as_bytes()).filter(|bytes| bytes.len() == 32);
    thumbprint.map(Some).ok_or_else(|| wrong("malformed: \"x5t#S256\" is no SHA-256 in base64url"))
}
