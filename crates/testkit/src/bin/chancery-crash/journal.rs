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

    /// What the answer says was done: one act, or one for each item of a request that names many.
    pub(crate) fn deeds(&self) -> Vec<Deed<'_>> {
        let body = self.answered();
        match body["items"].as_array() {
            _ if !self.done() => Vec::new(),
            None => vec![Deed { act: self.act, subject: self.subject(), body }],
            // What was taken in before has no event.
            Some(items) => items
                .iter()
                .map(|item| &item["result"])
                .filter(|result| result["event"].is_object())
                .map(|body| Deed { act: self.act, subject: body["id"].as_str().unwrap_or_default(), body })
                .collect(),
        }
    }

    /// What the answer shows: what was made, or was there already. Once that is removed, a repeat finds it no more, or takes it in anew.
    pub(crate) fn made(&self) -> Vec<&str> {
        let body = self.answered();
        let items = body["items"].as_array().into_iter().flatten().map(|item| &item["result"]);
        items.chain([body]).filter_map(|result| result["id"].as_str()).collect()
    }

    /// How many acts it may have been while nothing was answered.
    pub(crate) fn at_most(&self) -> usize {
        let body = &self.body;
        let many = body["certificates"].as_array().map(Vec::len);
        many.or_else(|| body["bundle"].as_str().map(|text| text.matches("BEGIN").count())).unwrap_or(1)
    }

    /// How often it was sent besides what was answered.
    pub(crate) fn unsure(&self) -> usize {
        usize::try_from(self.sent).unwrap_or(usize::MAX).saturating_sub(usize::from(self.answer.is_some()))
    }

    /// Whether an item of a request that names many was not done.
    pub(crate) fn fell_short(&self) -> bool {
        ["failed", "refused"].iter().any(|count| self.answered()[count].as_u64().is_some_and(|count| count > 0))
    }

    /// The id of what was made, or of what it is about.
    pub(crate) fn subject(&self) -> &str {
        let body = self.answered();
        let made = [&body["tenant"]["id"], &body["successor"]["id"], &body["id"]];
        // Of a change the answer names what was changed, of a profile not which version.
        made.into_iter().find_map(Value::as_str).filter(|_| self.act != Act::ProfileChange).unwrap_or(&self.target)
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
            "{:?} {} {} (key {}, life {}, sent {} times, answered {status}, events {:?})",
            self.act,
            self.method,
            self.path,
            self.key,
            self.life,
            self.sent,
            self.deeds().iter().map(Deed::event).collect::<Vec<_>>()
        )
    }
}

/// One act that was acknowledged.
pub(crate) struct Deed<'a> {
    pub(crate) act: Act,
    /// What it was done to, or what was made.
    pub(crate) subject: &'a str,
    /// What was answered about it.
    pub(crate) body: &'a Value,
}

impl Deed<'_> {
    /// The id of its event, as it was answered.
    pub(crate) fn event(&self) -> &str {
        self.body["event"]["id"].as_str().unwrap_or_default()
    }
}
