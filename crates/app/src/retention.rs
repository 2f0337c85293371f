//! Retention: how long signatures are kept, lengthened at will, and what becomes of them when nobody has to keep them any more.
//!
//! What is removed is the signature with whatever lies in it. Its digest, its place among the versions of a document and its event stay.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::jobs::{self, Kind};
use crate::places;
use crate::realm::Realm;
use crate::signatures;
use crate::view::{Receipt, Signature};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::SignatureRetain;
use chancery_domain::hold::HoldSubject;
use chancery_domain::lineage::LineageKind;
use chancery_domain::{SignatureId, Timestamp, enforced};
use chancery_store::{JobRow, SignatureRow};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// So many are removed by one act.
const BATCH: u32 = 100;
const DAY: Duration = Duration::from_secs(86_400);
/// The longest that anything can be kept, from today: 200 years.
const LONGEST: Duration = Duration::from_secs(200 * 366 * 86_400);

/// The job that removes what may be removed from then on: one for all of a day, when that is over.
pub(crate) fn disposal(at: Timestamp) -> JobRow {
    let day = at.seconds().div_euclid(86_400).saturating_add(1);
    jobs::due_at(Kind::Dispose, &[], Timestamp::from_seconds(day.saturating_mul(86_400)))
}

impl Chancery {
    /// Has signatures kept longer than they are; never shorter.
    pub async fn retain_signature(&self, caller: &Caller, id: SignatureId, until: Timestamp) -> Result<(Signature, Receipt), Failure> {
        if until > self.now().after(LONGEST) {
            return Err(Failure::invalid("kept_until", "at most 200 years from now"));
        }
        deciding_anew!(self, caller => self.try_retain(&caller, id, until))
    }

    async fn try_retain(&self, caller: &Caller, id: SignatureId, until: Timestamp) -> Result<(Signature, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<SignatureRetain, _>(caller, realm.view.signature(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((signatures::read(realm, &row).await?, done.receipt));
        }
        if let Some(at) = row.disposed_at.filter(|_| enforced!("retention.removed")) {
            return Err(Failure::Conflict(format!("the signature was removed at {at}")).into());
        }
        if row.kept_until.is_some_and(|kept| until <= kept) && enforced!("retention.longer") {
            return Err(Failure::Conflict("it is kept as long already: retention is lengthened, never shortened".to_owned()).into());
        }
        let dispose_at = row.dispose_at.map(|_| until);
        let mut deed = Deed::by(&permit);
        deed.changes.retain_signature(&row, until, dispose_at);
        if dispose_at.is_some() {
            deed.changes.insert_job(&disposal(until));
        }
        let before = row.kept_until.map(|kept| kept.to_string());
        let detail = detail! { "signature" => id.to_string(), "kept_until" => until.to_string(), "before" => before };
        let receipt = deed.commit(self.ports(), "signature.retain", *id.as_bytes(), detail).await?;
        let kept = SignatureRow { kept_until: Some(until), dispose_at, ..row };
        Ok((signatures::read(realm, &kept).await?, receipt))
    }

    /// Removes what is past its retention and on no hold; what is on one is looked at again a day later.
    pub(crate) async fn dispose(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        let tomorrow = self.now().after(DAY);
        if !realm.is_active() {
            // Who is suspended can place no hold.
            let mut changes = realm.view.changes();
            changes.finish_job(job);
            changes.insert_job(&disposal(tomorrow));
            return Ok(changes.commit().await?);
        }
        // A clock that jumped ahead would remove what has years to go.
        let now = if enforced!("retention.clock") { self.trusted_time(realm).await? } else { self.now() };
        let due = realm.view.disposals(now, BATCH).await?;
        let mut deed = Deed::system(realm);
        // A hold that is placed meanwhile begins a new epoch.
        deed.changes.guard_epoch(realm.record.epoch);
        let mut removed = Vec::new();
        for row in &due {
            match self.held(realm, row).await?.filter(|_| enforced!("retention.hold")) {
                Some(_) => deed.changes.postpone_disposal(row, tomorrow),
                None => removed.push(self.put_disposal(&mut deed, realm, row, now)?),
            }
        }
        if removed.len() < due.len() {
            deed.changes.insert_job(&disposal(tomorrow));
        }
        if due.len() == BATCH as usize {
            deed.changes.insert_job(&jobs::due_now(Kind::Dispose, &[], now.after(Duration::from_secs(1))));
        }
        deed.changes.finish_job(job);
        if removed.is_empty() {
            return Ok(deed.changes.commit().await?);
        }
        deed.commit(self.ports(), "signature.dispose", *job.id.as_bytes(), detail! { "signatures" => removed }).await?;
        Ok(())
    }

    /// A hold that keeps these signatures: on them, on their document, on the certificate, or on the tenant.
    async fn held(&self, realm: &Realm, row: &SignatureRow) -> Result<Option<chancery_domain::HoldId>, Failure> {
        let body = signatures::body_of(realm, row)?;
        let versions = realm.view.signer_versions(row.signer).await?;
        let certificate = versions.iter().find(|version| version.version == body.signer_version).and_then(|version| version.certificate);
        let mut subjects = vec![HoldSubject::Signature(row.id)];
        subjects.extend(body.version_of.map(|of| HoldSubject::Document(of.document)));
        subjects.extend(certificate.map(HoldSubject::Certificate));
        realm.hold_on(&subjects).await
    }

    /// Puts the removal into the deed; what its event says of it.
    fn put_disposal(&self, deed: &mut Deed, realm: &Realm, row: &SignatureRow, now: Timestamp) -> Result<Value, Failure> {
        let mut body = signatures::body_of(realm, row)?;
        body.documents.iter_mut().for_each(|document| document.signature.clear());
        let sealed = realm.seal(&places::SIGNATURE, row.id.as_bytes(), &serde_json::to_vec(&body)?, self.ports())?;
        deed.changes.dispose_of_signature(row, &sealed, now);
        deed.makes(LineageKind::Disposal, row.id.as_bytes(), 1);
        Ok(json!({ "signature": row.id.to_string(), "kept_until": row.kept_until.map(|kept| kept.to_string()) }))
    }
}
