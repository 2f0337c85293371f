//! Audit events (I4): what happened, who did it, in which act. Canonical bytes and leaf hash are made in `evidence`.

use crate::{AccountId, EventId, TenantId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Actor {
    /// An account of the realm in whose log the event stands.
    Account {
        /// The account.
        id: AccountId,
        /// Its name at the time.
        name: String,
    },
    /// The platform's operators, seen from a tenant: the tenant learns that it was the platform, the platform's log says who.
    Platform,
    /// The system itself: a job, a resumed saga.
    System,
}

/// How the act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done, whole.
    Done,
    /// Refused: not permitted, or against policy.
    Denied,
}

/// One act, one event: all moves of the act stand in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// In whose log it stands.
    pub tenant: TenantId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The act, for example `certificate.issue`.
    pub act: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The request it came with, for tracing; absent for the system's own acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What it was about: texts, whole numbers, booleans, lists and objects of them; never a secret (I9).
    pub detail: Map<String, Value>,
}

/// What an answer carries of the event that recorded it, so that a client can hold us to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event.
    pub event: EventId,
    /// Its leaf hash (RFC 6962 section 2.1), SHA-256.
    pub leaf: [u8; 32],
}
