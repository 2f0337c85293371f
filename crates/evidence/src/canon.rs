//! Canonical JSON: the subset of RFC 8785 (JCS) without fractions, keys in ASCII. One event, one sequence of bytes.

use chancery_domain::event::Event;
use serde::Deserialize;
use serde_json::Value;

/// A value that has no canonical form here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CanonError {
    /// Numbers are whole and within ±(2^53 − 1), so that every reader sees the same one.
    #[error("a number in an event is not a whole number within 53 bits")]
    Number,
    /// Keys are ASCII, so that every order of sorting is the same.
    #[error("a key in an event is not ASCII")]
    Key,
    /// The event does not serialize.
    #[error("an event does not serialize")]
    Shape,
}

/// What a verifier reads of an event's canonical bytes.
#[derive(Deserialize)]
pub(crate) struct EventText {
    /// In whose log it stands.
    pub(crate) tenant: String,
}

/// The canonical bytes of an event.
pub fn canonical(event: &Event) -> Result<Vec<u8>, CanonError> {
    let value = serde_json::to_value(event).map_err(|_| CanonError::Shape)?;
    canonical_value(&value)
}

/// The canonical bytes of any such value.
pub fn canonical_value(value: &Value) -> Result<Vec<u8>, CanonError> {
    let mut bytes = Vec::with_capacity(512);
    write(value, &mut bytes)?;
    Ok(bytes)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|n| n.unsigned_abs() < 1 << 53).ok_or(CanonError::Number)?;
            out.extend_from_slice(whole.to_string().as_bytes());
        }
        Value::String(text) => write_text(text, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            // The map's own order depends on a feature that any dependency may switch on, so sort here.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.as_bytes());
            out.push(b'{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                if !key.is_ascii() {
                    return Err(CanonError::Key);
                }
                write_text(key, out)?;
                out.push(b':');
                write(member, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// serde_json escapes exactly what RFC 8785 section 3.2.2.2 asks for.
fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), CanonError> {
    serde_json::to_writer(out, text).map_err(|_| CanonError::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_domain::event::{Actor, Outcome};
    use chancery_domain::{EventId, TenantId, Timestamp};
    use serde_json::json;

    fn event(detail: Value) -> Event {
        Event {
            id: EventId::from_bytes([1; 16]),
            tenant: TenantId::from_bytes([2; 16]),
            at: Timestamp::from_seconds(1_800_000_000),
            actor: Actor::System,
            act: "test".into(),
            outcome: Outcome::Done,
            request: None,
            detail: detail.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn keys_are_sorted_and_texts_escaped_as_rfc_8785_says() {
        let bytes = canonical(&event(json!({"b": 1, "a": "\u{8}\n\u{1f}\"\\/é", "c": [true, null, -5]}))).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"act":"test","actor":{"kind":"system"},"at":"2027-01-15T08:00:00Z","detail":{"a":"\b\n\u001f\"\\/é","b":1,"c":[true,null,-5]},"id":"01010101-0101-0101-0101-010101010101","outcome":"done","tenant":"02020202-0202-0202-0202-020202020202"}"#
        );
    }

    #[test]
    fn what_readers_could_see_differently_is_refused() {
        assert_eq!(canonical(&event(json!({"a": 0.5}))), Err(CanonError::Number));
        assert_eq!(canonical(&event(json!({"a": 1_i64 << 53}))), Err(CanonError::Number));
        assert_eq!(canonical(&event(json!({"é": 1}))), Err(CanonError::Key));
    }
}
