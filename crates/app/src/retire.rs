//! Retirement: an issuer issues nothing more, for good. Its revocations and CRLs go on, for its certificates are out there.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::issuers::issuer;
use crate::jobs::{self, Kind};
use crate::realm::Realm;
use crate::roll::certificate_of;
use crate::view::{Issuer, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::IssuerWrite;
use chancery_domain::issuer::IssuerState;
use chancery_domain::{IssuerId, Timestamp, enforced};
use chancery_store::{AuthorityRow, JobRow};
use std::sync::Arc;

/// The job that retires an issuer on its date.
pub(crate) fn retirement(id: IssuerId, at: Timestamp) -> JobRow {
    jobs::due_at(Kind::RetireIssuer, id.as_bytes(), at)
}

impl Chancery {
    /// Retires an issuing authority; or a root, whose issuing authorities must all have retired before.
    pub async fn retire_issuer(&self, caller: &Caller, id: IssuerId) -> Result<(Issuer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_retire(&caller, id))
    }

    async fn try_retire(&self, caller: &Caller, id: IssuerId) -> Result<(Issuer, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<IssuerWrite, _>(caller, realm.view.authority(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((issuer(realm, &row)?, done.receipt));
        }
        let state = row.state.advance(IssuerState::Retired).map_err(|error| Failure::Conflict(error.to_string()))?;
        let all = realm.view.authorities().await?;
        let stands = all.iter().any(|below| below.parent == Some(id) && below.state == IssuerState::Active);
        if stands && enforced!("retire.below") {
            let message = "issuing authorities below it are active: retire them first, after a successor took their place";
            return Err(Failure::Conflict(message.to_owned()).into());
        }
        let mut deed = Deed::by(&permit);
        deed.changes.move_authority(&row, state);
        let detail = detail! { "issuer" => id.to_string(), "moves" => vec![row.state.as_str(), state.as_str()] };
        let receipt = deed.commit(self.ports(), "issuer.retire", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((issuer(realm, &AuthorityRow { state, retire_at: None, ..row })?, receipt))
    }

    /// Retires an issuer on its date, unless nobody in its time would be left to issue in its place: then the date lapses.
    ///
    /// A clock that runs ahead retires early by as much. That harms nobody: the successor has issued since it was made, and the
    /// retired one still publishes its CRLs.
    pub(crate) async fn retire_on_date(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        let id = IssuerId::from_slice(&job.subject).map_err(|_| Failure::internal("a retirement's subject is malformed"))?;
        let all = realm.view.authorities().await?;
        let now = self.now();
        let planned = |row: &&AuthorityRow| row.id == id && row.state == IssuerState::Active;
        let planned = all.iter().find(planned).and_then(|row| row.retire_at.map(|at| (row, at)));
        let Some((row, at)) = planned else { return jobs::finish(realm, job).await };
        if at > now && enforced!("retire.date") {
            // Another date replaced the one that this job was for, or the clock went back after it was taken.
            let mut changes = realm.view.changes();
            changes.finish_job(job);
            changes.insert_job(&retirement(id, at));
            return Ok(changes.commit().await?);
        }
        let mut succeeded = false;
        let issues = |other: &AuthorityRow| other.state == IssuerState::Active || !enforced!("retire.successor-active");
        for other in all.iter().filter(|other| other.succeeds(row) && issues(other)) {
            succeeded |= certificate_of(other)?.is_in_time(now) || !enforced!("retire.successor-in-time");
        }
        let mut deed = Deed::system(realm);
        // Nobody retires the successor between this look and the commit.
        deed.changes.guard_epoch(realm.record.epoch);
        deed.changes.finish_job(job);
        let detail = detail! { "issuer" => id.to_string() };
        let act = if succeeded {
            deed.changes.move_authority(row, IssuerState::Retired);
            "issuer.retire"
        } else {
            deed.changes.plan_retirement(id, None);
            "issuer.retirement-lapse"
        };
        deed.commit(self.ports(), act, *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok(())
    }
}
