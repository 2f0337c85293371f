//! The outbox: what a realm's act says to the platform, committed with the act and delivered at least once.

use crate::failure::Stop;
use crate::jobs::{self, Kind};
use crate::realm::Realm;
use crate::service::Ports;
use crate::{Chancery, Failure};
use chancery_domain::{IssuerId, JobId, PublicId, kill_point};
use chancery_store::{Changes, JobRow, OutboxRow, PublicAddressRow};
use std::sync::Arc;
use std::time::Duration;

/// An authority's public address: its random part, then the authority.
pub(crate) const PUBLIC_ADDRESS: &str = "public-address";
/// A blinded checkpoint: the event that is to hold it, then SHA-256.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Leaves a message, and the job that delivers it.
pub(crate) fn leave(changes: &mut Changes, kind: &str, payload: Vec<u8>, ports: &Ports) {
    let id = JobId::new(&*ports.clock, &*ports.entropy);
    changes.insert_outbox(&OutboxRow { id, kind: kind.to_owned(), payload });
    changes.insert_job(&jobs::due_now(Kind::DeliverOutbox, &[], ports.clock.now()));
}

impl Chancery {
    pub(crate) async fn deliver_outbox(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        const MESSAGES: u32 = 100;
        let mut changes = realm.view.changes();
        let messages = realm.view.outbox(MESSAGES).await?;
        if messages.len() == MESSAGES as usize {
            // Those after them need another turn, a second later, as this one's id is taken.
            changes.insert_job(&jobs::due_now(Kind::DeliverOutbox, &[], self.now().after(Duration::from_secs(1))));
        }
        for message in messages {
            let malformed = || Failure::Internal(format!("an outbox message of kind {} is malformed", message.kind));
            // A crash behind either delivers the message again, which changes nothing.
            match message.kind.as_str() {
                PUBLIC_ADDRESS => self.deliver_address(realm, &message.payload).await?.ok_or_else(malformed)?,
                CHECKPOINT => self.deliver_checkpoint(&message.payload).await?.ok_or_else(malformed)?,
                _ => return Err(malformed().into()),
            }
            kill_point!("outbox.delivered");
            changes.remove_outbox(message.id);
        }
        changes.finish_job(job);
        Ok(changes.commit().await?)
    }

    /// Puts an address into the platform's table; nothing if the message is none.
    async fn deliver_address(&self, realm: &Realm, payload: &[u8]) -> Result<Option<()>, Stop> {
        let Some((public, issuer)) = payload.split_first_chunk::<16>() else { return Ok(None) };
        let Ok(issuer) = IssuerId::from_slice(issuer) else { return Ok(None) };
        let mut projection = self.inner.store.platform().changes();
        projection.put_public_address(&PublicAddressRow { public: PublicId::from_bytes(*public), tenant: realm.id, issuer });
        projection.commit().await?;
        Ok(Some(()))
    }
}
