//! Publishing: a realm's newest checkpoint goes, blinded, into the platform's log, so that nobody can show two histories of it unseen (I14).
//!
//! The platform's event says neither whose checkpoint it is nor how long that log is: SHA-256 over a salt, which the realm keeps
//! sealed, and the note. All realms publish at the same moment of a minute, so that the moment does not say it either. Publishing
//! leaves no event in the realm's own log, which would have to be published in turn; the platform's log is published nowhere.

use crate::deed::{Deed, detail};
use crate::epoch::signed_head;
use crate::failure::Stop;
use crate::jobs::{self, Kind, finish};
use crate::outbox;
use crate::places;
use crate::realm::Realm;
use crate::{Chancery, Failure};
use chancery_domain::{EventId, TenantId, Timestamp, enforced};
use chancery_evidence::blinded;
use chancery_store::{Changes, JobRow, PublicationRow};
use std::sync::Arc;

/// What the platform's log says of a checkpoint that was given to it.
pub(crate) const PUBLISHED: &str = "checkpoint.publish";
/// Realms publish when a minute is over.
const PERIOD: i64 = 60;

/// Leaves the job that publishes what grew: one for each minute.
pub(crate) fn plan(changes: &mut Changes, now: Timestamp) {
    if changes.tenant() != TenantId::PLATFORM && enforced!("log.publish") {
        let due = Timestamp::from_seconds((now.seconds().div_euclid(PERIOD) + 1) * PERIOD);
        changes.insert_job(&jobs::due_at(Kind::PublishLog, &due.seconds().to_be_bytes(), due));
    }
}

/// The row part of the place of a publication's salt.
pub(crate) fn publication_row(epoch: u32, size: u64) -> Vec<u8> {
    [epoch.to_be_bytes().as_slice(), &size.to_be_bytes()].concat()
}

impl Chancery {
    /// Gives the log's newest checkpoint to the platform, if it grew since the last one that was given.
    pub(crate) async fn publish_log(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        let Some(log) = realm.view.log().await? else { return finish(realm, job).await };
        let newest = realm.view.newest_publication(log.epoch).await?;
        if newest.is_some_and(|row| row.size >= log.size) {
            return finish(realm, job).await;
        }
        let signed = signed_head(&log).map_err(|error| Failure::Internal(format!("the stored checkpoint is not published: {error}")))?;
        let ports = self.ports();
        let mut salt = [0; 32];
        ports.entropy.fill(&mut salt);
        let event = EventId::new(&*ports.clock, &*ports.entropy);
        let commitment = blinded(&salt, &log.checkpoint);
        let salt = realm.seal(&places::PUBLICATION_SALT, &publication_row(log.epoch, signed.size), &salt, ports)?;
        let mut changes = realm.view.changes();
        changes.insert_publication(&PublicationRow { epoch: log.epoch, size: signed.size, note: log.checkpoint, salt, event });
        outbox::leave(&mut changes, outbox::CHECKPOINT, [event.as_bytes().as_slice(), &commitment].concat(), ports);
        changes.finish_job(job);
        // A crash before it publishes later; behind it the message is there to be delivered.
        Ok(changes.commit().await?)
    }

    /// Puts a blinded checkpoint into the platform's log, once; nothing if the message is none.
    pub(crate) async fn deliver_checkpoint(&self, payload: &[u8]) -> Result<Option<()>, Stop> {
        let Some((event, commitment)) = payload.split_first_chunk::<16>() else { return Ok(None) };
        let (event, platform) = (EventId::from_bytes(*event), self.realm(TenantId::PLATFORM).await?);
        let stands = async || platform.view.event(event).await.map(|row| row.is_some());
        if commitment.len() != 32 {
            return Ok(None);
        }
        if stands().await? {
            return Ok(Some(()));
        }
        let deed = Deed::system(&platform).recorded_as(event);
        match deed.commit(self.ports(), PUBLISHED, *event.as_bytes(), detail! { "blinded" => hex::encode(commitment) }).await {
            // Another worker delivered it meanwhile.
            Err(_) if stands().await? => Ok(Some(())),
            other => other.map(|_| Some(())),
        }
    }
}
