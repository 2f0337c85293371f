//! CRLs: one per issuer and shard, published by jobs, signed by the key that survives *disable*.

use crate::deed::{Deed, detail};
use crate::failure::Stop;
use crate::jobs::{self, Kind};
use crate::realm::{Authority, Realm};
use crate::{Chancery, Failure};
use chancery_domain::{IssuerId, Timestamp, enforced, kill_point};
use chancery_store::{Changes, CrlRow, JobRow};
use chancery_x509::{CrlEntry, CrlPlan};
use std::sync::Arc;
use std::time::Duration;

/// A CRL is good for this long …
const VALIDITY: Duration = Duration::from_secs(7 * 86_400);
/// … and replaced after this long, so that six days of failures pass before anybody misses it.
pub(crate) const REFRESH: Duration = Duration::from_secs(86_400);

/// Leaves the jobs that publish a new shard's first CRL and renew it from then on.
pub(crate) fn open_shard(changes: &mut Changes, issuer: IssuerId, shard: u32, now: Timestamp) {
    changes.insert_job(&publish_job(issuer, shard, now));
    changes.insert_job(&refresh_job(issuer, shard, now.after(REFRESH)));
}

/// The job that publishes a shard's CRL at once. One a second: the id says issuer and shard, so that those of a second are one.
pub(crate) fn publish_job(issuer: IssuerId, shard: u32, now: Timestamp) -> JobRow {
    jobs::due_now(Kind::PublishCrl, &subject(issuer, shard), now)
}

pub(crate) fn refresh_job(issuer: IssuerId, shard: u32, due_at: Timestamp) -> JobRow {
    jobs::due_at(Kind::RefreshCrl, &subject(issuer, shard), due_at)
}

fn subject(issuer: IssuerId, shard: u32) -> Vec<u8> {
    [issuer.as_bytes().as_slice(), &shard.to_be_bytes()].concat()
}

/// Issuer and shard of a job.
pub(crate) fn of_subject(subject: &[u8]) -> Option<(IssuerId, u32)> {
    let (issuer, shard) = subject.split_first_chunk::<16>()?;
    Some((IssuerId::from_bytes(*issuer), u32::from_be_bytes(shard.try_into().ok()?)))
}

/// By so much, in seconds, numbers are ahead of the time where lists may be out there that are not known: more than seconds went by may have
/// been published in a row, and clocks may have been set.
const MARGIN: i64 = 1000;

/// The number after this one. Numbers are the time, in seconds; more lists than seconds count on by one.
pub(crate) fn next_number(before: i64, now: Timestamp) -> i64 {
    let time = if enforced!("crl.number-of-time") { now.seconds() } else { 1 };
    before.saturating_add(1).max(time)
}

/// A number past this one and past every list that may be out there (RFC 5280 section 5.2.3: numbers do not fall).
pub(crate) fn number_past_all(before: i64, now: Timestamp) -> i64 {
    next_number(before, now).saturating_add(MARGIN)
}

impl Chancery {
    /// Publishes a shard's CRL with what is revoked now, and ends the job that asked for it in the same step.
    pub(crate) async fn publish_crl(&self, realm: &Arc<Realm>, job: &JobRow, issuer: IssuerId, shard: u32) -> Result<(), Stop> {
        let now = self.now().whole_second();
        let authority = realm.authority(issuer).await?.ok_or_else(|| Failure::internal("the issuer of a CRL is missing"))?;
        if now > authority.certificate.not_after() {
            // Nothing that it signs counts any more, and nothing that it issued is in its time.
            return jobs::finish(realm, job).await;
        }
        let old = realm.view.crl(issuer, shard).await?;
        let before = old.as_ref().map_or(0, |crl| crl.number);
        // Its first list may be one of many that a restored store does not know of.
        let anew = old.is_none() && self.inner.store.was_restored() && enforced!("crl.number-anew");
        let number = if anew { number_past_all(before, now) } else { next_number(before, now) };
        let (row, entries) = self.signed_list(realm, &authority, shard, number, now).await?;
        let mut deed = Deed::system(realm);
        match old {
            Some(_) => deed.changes.replace_crl(&row, before),
            None => deed.changes.insert_crl(&row),
        }
        if job.kind == Kind::RefreshCrl.as_str() && enforced!("crl.refresh") {
            deed.changes.insert_job(&refresh_job(issuer, shard, now.after(REFRESH)));
        }
        deed.changes.finish_job(job);
        let detail = detail! {
            "issuer" => issuer.to_string(), "shard" => shard, "number" => row.number, "entries" => entries
        };
        kill_point!("crl.publish.before");
        deed.commit(self.ports(), "crl.publish", *issuer.as_bytes(), detail).await?;
        kill_point!("crl.publish.after");
        Ok(())
    }

    /// A shard's list with what is revoked now, signed; and how many entries it has. It is published by its commit.
    pub(crate) async fn signed_list(
        &self,
        realm: &Realm,
        authority: &Authority,
        shard: u32,
        number: i64,
        now: Timestamp,
    ) -> Result<(CrlRow, usize), Failure> {
        // An entry stays on at least one scheduled list after its certificate's end (RFC 5280 section 3.3).
        let revoked = realm.view.revocations(authority.id, shard, now.before(REFRESH * 2)).await?;
        let entry = |row: &chancery_store::RevocationRow| CrlEntry { serial: row.serial, revoked_at: row.revoked_at, reason: row.reason };
        let plan = CrlPlan {
            issuer: &authority.certificate,
            number: number.unsigned_abs(),
            this_update: now,
            next_update: now.after(VALIDITY),
            // A root's list covers its intermediates and has no shards, so it needs no scope.
            distribution_point_url: authority.parent.map(|_| self.addresses(authority.public, shard).crl_url),
            entries: revoked.iter().map(entry).collect(),
        };
        let signed = authority.status_key.sign_crl(plan.prepare()?)?;
        let (issuer, this_update, next_update) = (authority.id, now, now.after(VALIDITY));
        Ok((CrlRow { issuer, shard, number, this_update, next_update, der: signed.into_der() }, revoked.len()))
    }
}
