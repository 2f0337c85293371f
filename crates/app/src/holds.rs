//! Legal holds: placed with a name and a reason, released for a reason, and in the way of whatever would be removed meanwhile.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::places;
use crate::realm::Realm;
use crate::view::Receipt;
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{HoldPlace, HoldRead, HoldRelease};
use chancery_domain::hold::HoldSubject;
use chancery_domain::{EventId, HoldId, Timestamp, enforced};
use chancery_store::{HoldRow, Page};
use serde::{Deserialize, Serialize};

/// Longest name, in characters.
const LONGEST_NAME: usize = 100;
/// Longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// The sealed part of a row.
#[derive(Serialize, Deserialize)]
struct Body {
    name: String,
    reason: String,
}

/// A legal hold.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// What it keeps.
    pub subject: HoldSubject,
    /// Its name: of the case, for example.
    pub name: String,
    /// Why it was placed.
    pub reason: String,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// By which event.
    pub placed_by: EventId,
    /// When it was released, and by which event.
    pub released: Option<(Timestamp, EventId)>,
}

impl Chancery {
    /// Places a hold: what it is on is removed by nobody until it is released.
    pub async fn place_hold(&self, caller: &Caller, subject: HoldSubject, name: &str, reason: &str) -> Result<(Hold, Receipt), Failure> {
        checked("name", name, LONGEST_NAME)?;
        checked("reason", reason, LONGEST_REASON)?;
        deciding_anew!(self, caller => self.try_place_hold(&caller, subject, name, reason))
    }

    async fn try_place_hold(&self, caller: &Caller, subject: HoldSubject, name: &str, reason: &str) -> Result<(Hold, Receipt), Stop> {
        let realm = &caller.realm;
        let is_there = match subject {
            HoldSubject::Tenant => true,
            HoldSubject::Document(id) => realm.view.document(id).await?.is_some(),
            HoldSubject::Signature(id) => realm.view.signature(id).await?.is_some(),
            HoldSubject::Certificate(id) => realm.view.certificate(id).await?.is_some(),
        };
        let (permit, subject) = self.permit_on::<HoldPlace, _>(caller, is_there.then_some(subject)).await?;
        if let Some(done) = caller.done_before().await? {
            let row = realm.view.hold(HoldId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((shown(realm, &row)?, done.receipt));
        }
        let ports = self.ports();
        let id = HoldId::new(&*ports.clock, &*ports.entropy);
        let body = Body { name: name.to_owned(), reason: reason.to_owned() };
        let mut deed = Deed::by(&permit);
        let row = HoldRow {
            id,
            subject,
            body: realm.seal(&places::HOLD, id.as_bytes(), &serde_json::to_vec(&body).map_err(Failure::from)?, ports)?,
            placed_at: self.now(),
            placed_by: deed.event(ports),
            released: None,
        };
        deed.changes.insert_hold(&row);
        let mut detail = detail! { "hold" => id.to_string(), "on" => subject.kind(), "name" => name, "reason" => reason };
        detail.extend(subject.id_text().map(|id| (subject.kind().to_owned(), id.into())));
        let receipt = deed.commit(ports, "hold.place", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((shown(realm, &row)?, receipt))
    }

    /// Releases a hold, for a reason.
    pub async fn release_hold(&self, caller: &Caller, id: HoldId, reason: &str) -> Result<(Hold, Receipt), Failure> {
        checked("reason", reason, LONGEST_REASON)?;
        deciding_anew!(self, caller => self.try_release_hold(&caller, id, reason))
    }

    async fn try_release_hold(&self, caller: &Caller, id: HoldId, reason: &str) -> Result<(Hold, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<HoldRelease, _>(caller, realm.view.hold(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((shown(realm, &row)?, done.receipt));
        }
        if row.released.is_some() && enforced!("hold.released") {
            return Err(Failure::Conflict("the hold is released already".to_owned()).into());
        }
        let (ports, now) = (self.ports(), self.now());
        let mut deed = Deed::by(&permit);
        let event = deed.event(ports);
        deed.changes.release_hold(id, now, event);
        let mut detail = detail! { "hold" => id.to_string(), "on" => row.subject.kind(), "reason" => reason };
        detail.extend(row.subject.id_text().map(|id| (row.subject.kind().to_owned(), id.into())));
        let receipt = deed.commit(ports, "hold.release", *id.as_bytes(), detail).await?;
        Ok((shown(realm, &HoldRow { released: Some((now, event)), ..row })?, receipt))
    }

    /// The hold.
    pub async fn hold(&self, caller: &Caller, id: HoldId) -> Result<Hold, Failure> {
        let (_permit, row) = self.permit_on::<HoldRead, _>(caller, caller.realm.view.hold(id).await?).await?;
        shown(&caller.realm, &row)
    }

    /// A page of holds, newest first, those that were released among them.
    pub async fn legal_holds(&self, caller: &Caller, page: Page<HoldId>) -> Result<Vec<Hold>, Failure> {
        self.permit::<HoldRead>(caller).await?;
        caller.realm.view.holds(page).await?.iter().map(|row| shown(&caller.realm, row)).collect()
    }
}

impl Realm {
    /// The first hold that is on one of these, or on the whole tenant. Who acts on the answer guards the epoch, which each hold begins anew.
    pub(crate) async fn hold_on(&self, subjects: &[HoldSubject]) -> Result<Option<HoldId>, Failure> {
        for subject in [HoldSubject::Tenant].iter().chain(subjects) {
            if let Some(row) = self.view.hold_on(subject).await? {
                return Ok(Some(row.id));
            }
        }
        Ok(None)
    }
}

/// What is said of something that a hold keeps.
pub(crate) fn kept(hold: HoldId) -> String {
    format!("the legal hold {hold} keeps it: nothing is removed until the hold is released")
}

fn checked(field: &'static str, text: &str, longest: usize) -> Result<(), Failure> {
    let fits = (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(Failure::invalid(field, format!("1 to {longest} characters without control characters"))) }
}

fn shown(realm: &Realm, row: &HoldRow) -> Result<Hold, Failure> {
    let body: Body = serde_json::from_slice(&realm.open(&places::HOLD, row.id.as_bytes(), &row.body)?)?;
    let HoldRow { id, subject, placed_at, placed_by, released, .. } = *row;
    Ok(Hold { id, subject, name: body.name, reason: body.reason, placed_at, placed_by, released })
}
