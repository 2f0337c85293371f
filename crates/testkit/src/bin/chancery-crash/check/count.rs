//! How many rows there must be: by the log exactly, by the journals alone between what was acknowledged and what was asked.

use super::Realm;
use crate::act::Act;
use crate::journal::Entry;
use chancery_domain::TenantId;
use chancery_domain::profile::Profile;
use serde_json::Value;
use std::ops::{Add, Sub};

/// From and to, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(i64, i64);

impl Span {
    pub(super) const fn holds(self, number: i64) -> bool {
        self.0 <= number && number <= self.1
    }

    fn exactly(number: usize) -> Self {
        Self::between(number, number)
    }

    fn between(least: usize, most: usize) -> Self {
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        Self(number(least), number(most))
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == self.1 { write!(f, "{}", self.0) } else { write!(f, "{} to {}", self.0, self.1) }
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.1, self.1 - other.0)
    }
}

/// What is counted.
pub(super) struct Counts {
    acts: Vec<(&'static str, Span)>,
    /// Authorities that came with others: new roots of successors, roots of customers.
    with_others: Span,
    keyed: Span,
}

impl Counts {
    /// By the log, which must agree with the journals.
    pub(super) fn of_log(realm: &Realm<'_>) -> Self {
        let events = || realm.events.iter().map(|entry| &entry["event"]);
        let count = |act: &&Act| (act.event(), Span::exactly(events().filter(|event| event["act"] == act.event()).count()));
        let with_others =
            |event: &Value| usize::from(event["detail"]["new_root"] == true) + event["detail"]["added"].as_array().map_or(0, Vec::len);
        let keyed = realm.entries.iter().filter(|entry| entry.act.is_keyed()).map(|entry| entry.deeds().len()).sum();
        Self {
            acts: Act::ALL.iter().map(|act| count(&act)).collect(),
            with_others: Span::exactly(events().map(with_others).sum()),
            keyed: Span::exactly(keyed),
        }
    }

    /// By the journals, while the outcome of some requests is open. A change of a profile whose answer was lost is known by a 412.
    pub(super) fn of_journals(realm: &Realm<'_>) -> Self {
        let span = |fits: &dyn Fn(&Entry) -> bool| {
            let of = || realm.entries.iter().filter(|entry| fits(entry));
            let done: usize = of().map(|entry| if super::happened(entry) { entry.deeds().len().max(1) } else { 0 }).sum();
            let done = done - of().filter(|entry| entry.done() && entry.deeds().is_empty()).count();
            // Of a fetch each sending may have been one.
            let again: usize = of().filter(|entry| entry.act.is_fetch()).map(|entry| entry.unsure()).sum();
            let open: usize = of().filter(|entry| entry.answer.is_none()).map(|entry| entry.at_most()).sum();
            Span::between(done, done + open + again)
        };
        let of_event = |act: &&Act| (act.event(), span(&|entry| entry.act.event() == act.event()));
        let roots = span(&|entry| entry.act == Act::Roll && entry.body["new_root"] == true);
        let added = span(&|entry| entry.act == Act::Complete);
        let keyed = span(&|entry| entry.act.is_keyed());
        Self { acts: Act::ALL.iter().map(|act| of_event(&act)).collect(), with_others: roots + Span(0, added.1), keyed }
    }

    fn of(&self, act: Act) -> Span {
        self.acts.iter().find(|(name, _)| *name == act.event()).map_or(Span(0, 0), |(_, span)| *span)
    }

    fn authorities(&self) -> Span {
        let made = self.of(Act::Issuer) + self.of(Act::Issuer) + self.of(Act::Roll) + self.of(Act::Anchor);
        made + self.with_others
    }

    /// Certificates of others that are still there.
    fn imported(&self) -> Span {
        self.of(Act::Import) - self.of(Act::RemoveImported)
    }

    /// Addresses of the realm's authorities in the platform's tables, once the outbox is empty.
    pub(super) fn addresses(&self) -> Span {
        self.authorities() + self.of(Act::Complete)
    }

    /// Each number of rows in a realm, with the query that counts them.
    pub(super) fn rows(&self, realm: &str) -> Vec<(&'static str, &'static str, Span)> {
        let presets = if realm == TenantId::PLATFORM.to_string() { 0 } else { Profile::presets().len() };
        let (one, presets) = (Span(1, 1), Span::exactly(presets));
        let versions = self.of(Act::Signer) + self.of(Act::RollSigner);
        let issued = self.of(Act::Issue) + self.of(Act::Renew) + versions;
        let signatures = self.of(Act::Sign);
        let pending = self.of(Act::Ask) - self.of(Act::Complete) - self.of(Act::Abandon);
        let profiles = presets + self.of(Act::ProfileCreate) + self.of(Act::ProfileChange);
        vec![
            ("certificates", "SELECT count(*) FROM certificate WHERE tenant_id = ?1", issued + self.imported()),
            ("serial numbers", "SELECT count(DISTINCT serial) FROM certificate WHERE tenant_id = ?1", issued + self.imported()),
            ("taken in", "SELECT count(*) FROM imported WHERE tenant_id = ?1", self.imported()),
            ("orders", "SELECT count(*) FROM certificate_order WHERE tenant_id = ?1 AND certificate_id IS NOT NULL", issued),
            ("revocations", "SELECT count(*) FROM revocation WHERE tenant_id = ?1", self.of(Act::Revoke)),
            ("revoked certificates", "SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND status = 'revoked'", self.of(Act::Revoke)),
            ("accounts", "SELECT count(*) FROM account WHERE tenant_id = ?1", one + self.of(Act::Account)),
            ("disabled accounts", "SELECT count(*) FROM account WHERE tenant_id = ?1 AND enabled = 0", self.of(Act::Disable)),
            (
                "tokens",
                "SELECT count(*) FROM token WHERE tenant_id = ?1 AND account_id IS NOT NULL",
                one + self.of(Act::Token) + self.of(Act::Rotate),
            ),
            (
                "tokens with a successor",
                "SELECT count(*) FROM token WHERE tenant_id = ?1 AND successor_id IS NOT NULL",
                self.of(Act::Rotate),
            ),
            (
                "revoked tokens",
                "SELECT count(*) FROM token WHERE tenant_id = ?1 AND account_id IS NOT NULL AND ended_at IS NOT NULL",
                self.of(Act::EndToken),
            ),
            ("versions of profiles", "SELECT count(*) FROM profile WHERE tenant_id = ?1", profiles),
            ("erased keys", "SELECT count(*) FROM private_key WHERE tenant_id = ?1 AND key IS NULL", self.of(Act::Acknowledge)),
            (
                "fetches of keys",
                "SELECT CAST(coalesce(sum(fetches), 0) AS BIGINT) FROM private_key WHERE tenant_id = ?1",
                self.of(Act::Fetch),
            ),
            (
                "authorities",
                "SELECT count(*) FROM authority WHERE tenant_id = ?1",
                self.authorities() + self.of(Act::Ask) - self.of(Act::RemoveAnchor),
            ),
            ("retired issuers", "SELECT count(*) FROM authority WHERE tenant_id = ?1 AND state = 'retired'", self.of(Act::Retire)),
            ("abandoned issuers", "SELECT count(*) FROM authority WHERE tenant_id = ?1 AND state = 'abandoned'", self.of(Act::Abandon)),
            ("issuers that wait", "SELECT count(*) FROM authority WHERE tenant_id = ?1 AND state = 'pending'", pending),
            ("signers", "SELECT count(*) FROM signer WHERE tenant_id = ?1", self.of(Act::Signer)),
            ("keys and chains of signers", "SELECT count(*) FROM signer_version WHERE tenant_id = ?1", versions),
            ("keys that sign", "SELECT count(*) FROM signer_version WHERE tenant_id = ?1 AND key IS NOT NULL", self.of(Act::Signer)),
            ("requests that were signed", "SELECT count(*) FROM signature WHERE tenant_id = ?1", signatures),
            ("idempotency records", "SELECT count(*) FROM idempotency WHERE tenant_id = ?1", self.keyed),
        ]
    }
}
