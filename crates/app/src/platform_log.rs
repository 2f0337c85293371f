//! The platform's log as tenants see it: its checkpoints, how it grew, and where their own checkpoints stand in it (I14).

use crate::evidence::proof_of;
use crate::log::{self, LogEpoch};
use crate::places;
use crate::publish::publication_row;
use crate::realm::Realm;
use crate::witness::Witnesses;
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::EventRead;
use chancery_domain::{TenantId, enforced};
use chancery_evidence::{Hash, PlatformProof, TrustedPlatform, blinded};
use chancery_store::{LogRow, PublicationRow};

impl Chancery {
    /// All epochs of the platform's log, oldest first: names, keys, sizes and checkpoints, which say nothing of what is in it.
    pub async fn platform_log_epochs(&self, caller: &Caller) -> Result<Vec<LogEpoch>, Failure> {
        self.permit::<EventRead>(caller).await?;
        self.inner.store.platform().log_epochs().await?.into_iter().map(log::epoch).collect()
    }

    /// The newest checkpoint of the platform's log, or of an epoch of it; with witnesses, the newest that enough of them cosigned.
    pub async fn platform_checkpoint(&self, caller: &Caller, number: Option<u32>) -> Result<String, Failure> {
        self.permit::<EventRead>(caller).await?;
        let few = || Failure::Unavailable("not enough witnesses have cosigned the platform's log yet: ask again in a minute".to_owned());
        let log = self.cosigned_head(number, None).await?.ok_or_else(few)?;
        String::from_utf8(log.checkpoint).map_err(Failure::internal)
    }

    /// The hashes that prove that the platform's log of `old` leaves is the beginning of that of `new` leaves, by default of now.
    pub async fn platform_log_consistency(
        &self,
        caller: &Caller,
        number: Option<u32>,
        old: u64,
        new: Option<u64>,
    ) -> Result<(u64, Vec<Hash>), Failure> {
        self.permit::<EventRead>(caller).await?;
        log::grown(&self.inner.store.platform(), number, old, new).await
    }

    /// Whom to trust for the platform's log.
    pub(crate) async fn trusted_platform(&self) -> Result<Option<TrustedPlatform>, Failure> {
        let epochs = self.inner.store.platform().log_epochs().await?;
        let keys: Vec<_> = epochs.into_iter().map(|row| log::epoch(row).map(|epoch| epoch.verifier_key)).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Ok(None);
        }
        let Some(Witnesses { policy, .. }) = &self.inner.settings.witnesses else {
            return Ok(Some(TrustedPlatform { keys, ..TrustedPlatform::default() }));
        };
        let witnesses = policy.counted().iter().map(ToString::to_string).collect();
        Ok(Some(TrustedPlatform { keys, witnesses, cosignatures: policy.threshold() }))
    }

    /// The realm's log as it was given to the platform first with this leaf in it, and where it stands there; nothing in the minute
    /// before, and until enough witnesses cosigned.
    pub(crate) async fn published(&self, realm: &Realm, epoch: u32, index: u64) -> Result<Option<(LogRow, PlatformProof)>, Failure> {
        let first = realm.view.publication_of(epoch, index).await?;
        // Of a backup the platform's part may be older than the realm's: then only what was given since stands there.
        let newest = realm.view.newest_publication(epoch).await?.filter(|row| row.size > index);
        for row in first.into_iter().chain(newest) {
            if let Some(proof) = self.platform_proof(realm, &row).await? {
                let log = log::find(&realm.view, Some(epoch)).await?;
                return Ok(Some((LogRow { size: row.size, checkpoint: row.note, ..log }, proof)));
            }
        }
        Ok(None)
    }

    async fn platform_proof(&self, realm: &Realm, row: &PublicationRow) -> Result<Option<PlatformProof>, Failure> {
        let platform = self.realm(TenantId::PLATFORM).await?;
        let Some(event) = platform.view.event(row.event).await? else { return Ok(None) };
        let Some(place) = event.place else { return Ok(None) };
        let Some(log) = self.cosigned_head(Some(place.epoch), Some(place.index)).await? else { return Ok(None) };
        let proof = proof_of(&platform, &event, place, &log, 0).await?;
        let salt = realm.open(&places::PUBLICATION_SALT, &publication_row(row.epoch, row.size), &row.salt)?;
        let salt: Hash = salt.as_slice().try_into().map_err(Failure::internal)?;
        let commitment = hex::encode(blinded(&salt, &row.note));
        let says = |opened: &chancery_evidence::OpenedEvent| opened.event.contains(&commitment);
        if !proof.opened.as_ref().is_some_and(says) && enforced!("published.commitment") {
            return Err(log::changed("the platform's event is of another checkpoint than the one that was given to it"));
        }
        Ok(Some(PlatformProof {
            salt: hex::encode(salt),
            note: String::from_utf8(row.note.clone()).map_err(Failure::internal)?,
            consistency: Vec::new(),
            event: proof,
            checkpoint: String::from_utf8(log.checkpoint).map_err(Failure::internal)?,
        }))
    }
}
