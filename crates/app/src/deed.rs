//! A deed: a write-set that cannot be committed without the event that records it (I4).

use crate::admission::Admitted;
use crate::epoch::Epoch;
use crate::failure::Stop;
use crate::idempotency::Once;
use crate::places;
use crate::realm::Realm;
use crate::service::Ports;
use crate::tally::{Record, Tally};
use crate::{Failure, Permit};
use chancery_domain::action::Act;
use chancery_domain::event::{Actor, Event, Outcome, Receipt};
use chancery_domain::lineage::LineageKind;
use chancery_domain::{AccountId, EventId, TenantId, broken, enforced};
use chancery_evidence::Record as EventRecord;
use chancery_store::{Changes, EventRow, IdempotencyRow, LineageRow};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What an event says besides who and when.
pub(crate) type Detail = Map<String, Value>;

/// Builds an event's detail: `detail! { "order" => id.to_string(), "shard" => 3 }`.
macro_rules! detail {
    ($($key:literal => $value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "some events say no more than who and when")]
        let mut detail = $crate::deed::Detail::new();
        $(detail.insert($key.to_owned(), serde_json::Value::from($value));)*
        detail
    }};
}
pub(crate) use detail;

/// An act in the making.
pub(crate) struct Deed {
    realm: Arc<Realm>,
    pub(crate) changes: Changes,
    actor: Actor,
    outcome: Outcome,
    request: Option<String>,
    once: Option<(AccountId, Once)>,
    place: Option<Arc<Admitted>>,
    opens: Option<Epoch>,
    event: Option<EventId>,
    makes: Vec<(LineageKind, Vec<u8>, u32)>,
}

impl Deed {
    /// What a permit's holder does, decided under the epoch of its realm.
    pub(crate) fn by<A: Act>(permit: &Permit<A>) -> Self {
        let caller = permit.caller();
        let mut changes = caller.realm.view.changes();
        if enforced!("epoch") {
            changes.guard_epoch(caller.realm.record.epoch);
        }
        Self {
            realm: Arc::clone(&caller.realm),
            changes,
            actor: account(caller),
            outcome: Outcome::Done,
            request: Some(caller.request.clone()),
            once: caller.once.map(|once| (caller.once_of(), once)),
            place: caller.place.clone(),
            opens: None,
            event: None,
            makes: Vec::new(),
        }
    }

    /// The same for a request whose idempotency key is recorded already.
    pub(crate) fn repeated(self) -> Self {
        Self { once: None, ..self }
    }

    /// What was refused to the caller: recorded alone, whatever else changes meanwhile (I4).
    pub(crate) fn denied(caller: &crate::Caller) -> Self {
        Self {
            realm: Arc::clone(&caller.realm),
            changes: caller.realm.view.changes(),
            actor: account(caller),
            outcome: Outcome::Denied,
            request: Some(caller.request.clone()),
            once: None,
            place: caller.place.clone(),
            opens: None,
            event: None,
            makes: Vec::new(),
        }
    }

    /// What the system does by itself.
    pub(crate) fn system(realm: &Arc<Realm>) -> Self {
        Self::without_request(realm, Actor::System)
    }

    /// What the platform does to a tenant.
    pub(crate) fn platform(realm: &Arc<Realm>) -> Self {
        Self::without_request(realm, Actor::Platform)
    }

    /// What somebody does who is about to become an account of the realm.
    pub(crate) fn newcomer(realm: &Arc<Realm>, id: AccountId, name: &str, request: String) -> Self {
        let actor = Actor::Account { id, name: name.to_owned() };
        Self { request: Some(request), ..Self::without_request(realm, actor) }
    }

    /// The act opens an epoch of the realm's log, whose first entry is its event.
    pub(crate) fn opening(self, epoch: Epoch) -> Self {
        Self { opens: Some(epoch), ..self }
    }

    fn without_request(realm: &Arc<Realm>, actor: Actor) -> Self {
        Self {
            realm: Arc::clone(realm),
            changes: realm.view.changes(),
            actor,
            outcome: Outcome::Done,
            request: None,
            once: None,
            place: None,
            opens: None,
            event: None,
            makes: Vec::new(),
        }
    }

    /// The event that records it has this id, which was chosen before.
    pub(crate) fn recorded_as(self, event: EventId) -> Self {
        Self { event: Some(event), ..self }
    }

    /// The event that will record it, for a row that names it.
    pub(crate) fn event(&mut self, ports: &Ports) -> EventId {
        *self.event.get_or_insert_with(|| EventId::new(&*ports.clock, &*ports.entropy))
    }

    /// The act makes this version of something that later acts rest upon, or takes it back: its event can be found for their evidence.
    pub(crate) fn makes(&mut self, kind: LineageKind, subject: &[u8], version: u32) {
        self.makes.push((kind, subject.to_vec(), version));
    }

    /// Records the act on `subject` and commits: one durable step.
    pub(crate) async fn commit(self, ports: &Ports, act: &str, subject: [u8; 16], detail: Detail) -> Result<Receipt, Stop> {
        let event = Event {
            id: self.event.unwrap_or_else(|| EventId::new(&*ports.clock, &*ports.entropy)),
            tenant: self.realm.id,
            at: ports.clock.now(),
            actor: self.actor,
            act: act.to_owned(),
            outcome: self.outcome,
            request: self.request,
            detail,
        };
        let mut changes = self.changes;
        let mut apart = self.realm.view.changes();
        let with = if broken!("event-apart") { &mut apart } else { &mut changes };
        let receipt = record(&self.realm, with, &event, ports)?;
        if let Some(epoch) = self.opens {
            let places = epoch.append(&mut changes, &[(receipt.event, receipt.leaf)], event.at)?;
            places.iter().for_each(|places| places.give(&mut changes));
        }
        for (kind, subject, version) in self.makes {
            if enforced!("lineage") {
                changes.insert_lineage(&LineageRow { kind, subject, version, event: event.id });
            }
        }
        if let Some((principal, once)) = self.once.filter(|_| enforced!("idempotency.record")) {
            changes.insert_idempotency(&IdempotencyRow {
                principal,
                key: once.key,
                body: once.body,
                subject,
                event: event.id,
                created_at: event.at,
            });
        }
        if let Some(place) = &self.place {
            place.rest();
        }
        changes.commit().await?;
        if broken!("event-apart") {
            apart.commit().await?;
        }
        Ok(receipt)
    }
}

fn account(caller: &crate::Caller) -> Actor {
    Actor::Account { id: caller.principal.account, name: caller.principal.name.clone() }
}

fn record(realm: &Realm, changes: &mut Changes, event: &Event, ports: &Ports) -> Result<Receipt, Failure> {
    let record = EventRecord::new(event, &*ports.entropy)?;
    let receipt = record.receipt().clone();
    let body = realm.seal(&places::EVENT, event.id.as_bytes(), &record.to_bytes(), ports)?;
    if enforced!("event") {
        changes.insert_event(&EventRow { id: receipt.event, body, leaf: receipt.leaf, place: None });
    }
    Ok(receipt)
}

/// Records that the realm's keys were unwrapped here, before they are used: an event of its own, or one more in the tally.
pub(crate) async fn record_unwrap(realm: &Realm, tally: &Tally<(TenantId, bool)>, ports: &Ports) -> Result<(), Failure> {
    let now = ports.clock.now();
    let Record::This { counted_before } = tally.note((realm.id, realm.is_active()), now) else { return Ok(()) };
    let event = Event {
        id: EventId::new(&*ports.clock, &*ports.entropy),
        tenant: realm.id,
        at: now,
        actor: Actor::System,
        act: "keys.unwrap".to_owned(),
        outcome: Outcome::Done,
        request: None,
        detail: detail! { "scope" => if realm.is_active() { "all" } else { "log" }, "counted_before" => counted_before },
    };
    let mut changes = realm.view.changes();
    record(realm, &mut changes, &event, ports)?;
    changes.commit().await.map_err(|error| Failure::from(Stop::from(error)))
}
