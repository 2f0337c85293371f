//! What a policy says of an act.

use crate::evaluate::EvaluationError;
use chancery_domain::enforced;
use chancery_domain::obligation::Obligation;
use regorus::Value;
use serde::{Deserialize, Serialize};

/// Most denials, warnings or obligations of one verdict.
const MOST: usize = 50;
/// Longest message, in bytes.
const LONGEST: usize = 500;

/// What a policy says of an act: each list sorted, each entry once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Why it must not be; empty if nothing is against it.
    #[serde(default)]
    pub deny: Vec<String>,
    /// What it must meet.
    #[serde(default)]
    pub obligations: Vec<Obligation>,
    /// What whoever asks should know.
    #[serde(default)]
    pub warn: Vec<String>,
}

impl Verdict {
    /// The bytes that are kept and compared.
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// In order, each entry once.
    pub(crate) fn sorted(mut self) -> Self {
        self.deny.sort();
        self.deny.dedup();
        self.obligations.sort();
        self.obligations.dedup();
        self.warn.sort();
        self.warn.dedup();
        self
    }

    /// What the interpreter gave: an object of the rules that the bundle has, each a set.
    pub(crate) fn of(given: &Value) -> Result<Self, EvaluationError> {
        let rule = |name: &'static str| {
            let found = given.as_object().ok().and_then(|rules| rules.get(&Value::from(name)));
            match found {
                None => Ok(Vec::new()),
                Some(Value::Set(entries)) if entries.len() <= MOST || !enforced!("policy.verdict.entries") => {
                    Ok(entries.iter().cloned().collect())
                }
                Some(Value::Set(entries)) => Err(wrong(name, format!("{} entries, at most {MOST}", entries.len()))),
                Some(_) => Err(wrong(name, "not a set".to_owned())),
            }
        };
        let texts = |name: &'static str| rule(name)?.iter().map(|entry| text(name, entry)).collect::<Result<Vec<_>, _>>();
        let obligations = rule("obligations")?.iter().map(obligation).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { deny: texts("deny")?, obligations, warn: texts("warn")? }.sorted())
    }
}

fn wrong(rule: &'static str, message: String) -> EvaluationError {
    EvaluationError::Output { rule, at: String::new(), message }
}

fn text(rule: &'static str, entry: &Value) -> Result<String, EvaluationError> {
    match entry {
        Value::String(text) if text.is_empty() && enforced!("policy.verdict.empty") => {
            Err(wrong(rule, "an empty text: say why".to_owned()))
        }
        Value::String(text) if text.len() > LONGEST && enforced!("policy.verdict.long") => {
            Err(wrong(rule, format!("a text of {} bytes, at most {LONGEST}", text.len())))
        }
        Value::String(text) if text.chars().any(char::is_control) && enforced!("policy.verdict.control") => {
            Err(wrong(rule, "a text with control characters".to_owned()))
        }
        Value::String(text) => Ok(text.to_string()),
        _ => Err(wrong(rule, "an entry that is no text".to_owned())),
    }
}

/// An obligation is an object of texts, numbers and lists of texts: whatever is deeper is none, and is not looked through.
fn obligation(entry: &Value) -> Result<Obligation, EvaluationError> {
    let wrong = |message: String| wrong("obligations", message);
    let fields = entry.as_object().map_err(|_| wrong("an entry that is no object".to_owned()))?;
    let flat = |value: &Value| match value {
        Value::Array(items) => items.len() <= MOST && items.iter().all(is_short),
        other => is_short(other),
    };
    if fields.len() > MOST || !fields.iter().all(|(name, value)| is_short(name) && flat(value)) {
        return Err(wrong("an entry that is not an object of short texts, numbers and lists of texts".to_owned()));
    }
    let json = serde_json::to_value(entry).map_err(|error| wrong(error.to_string()))?;
    let obligation: Obligation = serde_json::from_value(json).map_err(|error| wrong(error.to_string()))?;
    match obligation.check() {
        Err(error) if enforced!("policy.verdict.obligation") => Err(wrong(error.to_string())),
        _ => Ok(obligation),
    }
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= LONGEST,
        Value::Number(_) | Value::Bool(_) | Value::Null => true,
        _ => false,
    }
}
