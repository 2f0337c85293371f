//! The acknowledgement journal: what was asked, noted before it is sent, and what was answered.

use crate::act::Act;
use serde_json::Value;

/// A request and its answers. Without an answer its outcome is open until it is sent again under the same key.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) act: Act,
    /// What it is about: a certificate, an account, a profile; empty for what is made.
    pub(crate) target: String,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Value,
    /// The Idempotency-Key.
    pub(crate) key: String,
    /// The version that a changed profile was read in.
    pub(crate) if_match: Option<i64>,
    /// In which life of the server it was first sent, from 0.
    pub(crate) life: u32,
    pub(crate) sent: u32,
    /// How many steps of the disk were recorded when it was first sent, and when it was answered.
    pub(crate) asked: usize,
    pub(crate) told: usize,
    pub(crate) answer: Option<(u16, Value)>,
}

impl Entry {
    /// Whether the server said that it is done.
    pub(crate) fn done(&self) -> bool {
        self.answer.as_ref().is_some_and(|(status, _)| (200..300).contains(status))
    }

    /// The answer's body; null without one.
    pub(crate) fn answered(&self) -> &Value {
        self.answer.as_ref().map_or(&Value::Null, |(_, body)| body)
    }

    /// The event that the answer names.
    pub(crate) fn event(&self) -> &str {
        self.answered()["event"]["id"].as_str().unwrap_or_default()
    }

    /// The id of what was made, or of what it is about.
    pub(crate) fn subject(&self) -> &str {
        let body = self.answered();
        body["tenant"]["id"].as_str().or_else(|| body["id"].as_str()).unwrap_or(&self.target)
    }

    /// The entry as it stood at that moment; none where it was not sent yet.
    pub(crate) fn at(&self, moment: usize) -> Option<Self> {
        let answer = self.answer.clone().filter(|_| self.told <= moment);
        (self.asked <= moment).then(|| Self { answer, ..self.clone() })
    }

    /// For a finding: enough to see what happened.
    pub(crate) fn shown(&self) -> String {
        let status = self.answer.as_ref().map_or(0, |(status, _)| *status);
        format!(
            "{:?} {} {} (key {}, life {}, sent {} times, answered {status}, event {})",
            self.act,
            self.method,
            self.path,
            self.key,
            self.life,
            self.sent,
            self.event()
        )
    }
}
