//! What a JWS consists of, however it is written; still encoded.

use crate::Problem;
use crate::json;
use chancery_domain::enforced;
use serde_json::{Map, Value};

/// Longest JWS that is read, in bytes. A detached payload may have any length.
pub const LONGEST: usize = 32 * 1024 * 1024;
/// Most signatures of one.
pub const SIGNATURES: usize = 8;

/// A payload, empty if it is elsewhere, and its signatures.
pub(super) struct Parts {
    pub(super) payload: Vec<u8>,
    pub(super) signatures: Vec<Signed>,
}

/// A header and the signature over it and the payload.
pub(super) struct Signed {
    pub(super) header: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

fn form(message: impl std::fmt::Display) -> Problem {
    Problem::new("jws-form", message.to_string())
}

impl Parts {
    pub(super) fn of(jws: &[u8]) -> Result<Self, Problem> {
        if jws.len() > LONGEST && enforced!("jws.length") {
            return Err(form(format!("{} bytes are too many, {LONGEST} are the most", jws.len())));
        }
        if jws.trim_ascii_start().first() == Some(&b'{') {
            return Self::of_json(&json::parse_object(jws).map_err(form)?);
        }
        let mut parts = jws.split(|byte| *byte == b'.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature), None) => {
                let one = Signed { header: header.to_vec(), signature: signature.to_vec() };
                Ok(Self { payload: payload.to_vec(), signatures: vec![one] })
            }
            _ => Err(form("neither a JSON object nor three parts with full stops between them")),
        }
    }

    /// RFC 7515 section 7.2: general with an array of signatures, flattened without.
    fn of_json(members: &Map<String, Value>) -> Result<Self, Problem> {
        let payload = match members.get("payload") {
            None => Vec::new(),
            Some(_) => text(members, "payload")?,
        };
        let signatures = match members.get("signatures") {
            None => {
                only(members, &["payload", "protected", "signature"])?;
                vec![Signed::of(members)?]
            }
            Some(Value::Array(items)) if (1..=SIGNATURES).contains(&items.len()) || !enforced!("jws.signatures") => {
                only(members, &["payload", "signatures"])?;
                let one = |item: &Value| {
                    let members = item.as_object().ok_or_else(|| form("a signature is not an object"))?;
                    only(members, &["protected", "signature"])?;
                    Signed::of(members)
                };
                items.iter().map(one).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(form(format!("\"signatures\" is not an array of 1 to {SIGNATURES}"))),
        };
        Ok(Self { payload, signatures })
    }
}

impl Signed {
    fn of(members: &Map<String, Value>) -> Result<Self, Problem> {
        Ok(Self { header: text(members, "protected")?, signature: text(members, "signature")? })
    }
}

/// Whatever stands beside is not signed: anyone could have put it there, a header too.
fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    match members.keys().find(|name| !known.contains(&name.as_str())).filter(|_| enforced!("jws.members")) {
        None => Ok(()),
        Some(name) => Err(form(format!("it has {name:?}, which is not signed: anyone could have put it there"))),
    }
}

fn text(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, Problem> {
    let text = members.get(name).and_then(Value::as_str);
    text.map(|text| text.as_bytes().to_vec()).ok_or_else(|| form(format!("{name:?} is not a string")))
}
