//! The tenant's archive: where it is, and how it stands. What puts things there is in `archive/export`.

mod export;
mod port;

pub use port::{ArchiveError, Archives, Destination, Object};

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::jobs::{self, Kind};
use crate::places;
use crate::realm::Realm;
use crate::view::Receipt;
use crate::{Caller, Chancery, Failure};
use chancery_domain::Timestamp;
use chancery_domain::action::{ArchiveRead, ArchiveWrite};
use chancery_domain::enforced;
use chancery_store::ArchiveRow;

/// How an archive stands.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Where it is.
    pub destination: Destination,
    /// The epoch of the log that is put there.
    pub epoch: u32,
    /// How many of its entries are there.
    pub exported: u64,
    /// When everything was last found there.
    pub exported_at: Option<Timestamp>,
    /// Since when, how often in a row and why (a stable code) it fails, if it does.
    pub failing: Option<(Timestamp, u32, String)>,
}

impl Chancery {
    /// How the tenant's archive stands, if it has one.
    pub async fn archive(&self, caller: &Caller) -> Result<Option<Archive>, Failure> {
        self.permit::<ArchiveRead>(caller).await?;
        caller.realm.view.archive().await?.map(|row| shown(&caller.realm, row)).transpose()
    }

    /// Has everything that the log records from its beginning on put there by itself. To another place everything goes anew.
    pub async fn set_archive(&self, caller: &Caller, destination: Destination) -> Result<(Archive, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_set_archive(&caller, &destination))
    }

    async fn try_set_archive(&self, caller: &Caller, destination: &Destination) -> Result<(Archive, Receipt), Stop> {
        let realm = &caller.realm;
        let permit = self.permit::<ArchiveWrite>(caller).await?;
        let read = realm.view.archive().await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((shown(realm, read.ok_or(Failure::NotFound)?)?, done.receipt));
        }
        let offered = self.ports().archives.offers(destination);
        if let Err(reason) = offered.map_err(str::to_owned)
            && enforced!("archive.offered")
        {
            return Err(Failure::invalid("destination", reason).into());
        }
        let bytes = serde_json::to_vec(destination).map_err(Failure::from)?;
        let sealed = realm.seal(&places::ARCHIVE, realm.id.as_bytes(), &bytes, self.ports())?;
        let new = ArchiveRow {
            destination: sealed,
            epoch: 1,
            exported: 0,
            exported_at: None,
            failing_since: None,
            failures: 0,
            failure: None,
            began_at: read.as_ref().map_or(self.now(), |read| read.began_at),
            version: 1,
        };
        let mut deed = Deed::by(&permit);
        match &read {
            Some(read) if destination_of(realm, read)? == *destination && enforced!("archive.there") => {
                return Err(Failure::Conflict("the archive is there already".to_owned()).into());
            }
            Some(read) => deed.changes.move_archive(read, &new),
            None => {
                deed.changes.insert_archive(&new);
                deed.changes.insert_job(&jobs::due_now(Kind::Archive, &subject(&new), self.now()));
            }
        }
        let receipt =
            deed.commit(self.ports(), "archive.set", *realm.id.as_bytes(), detail! { "destination" => destination.kind() }).await?;
        Ok((shown(realm, new)?, receipt))
    }

    /// Puts nothing there any more. What is there stays.
    pub async fn end_archive(&self, caller: &Caller) -> Result<Receipt, Failure> {
        deciding_anew!(self, caller => self.try_end_archive(&caller))
    }

    async fn try_end_archive(&self, caller: &Caller) -> Result<Receipt, Stop> {
        let realm = &caller.realm;
        let permit = self.permit::<ArchiveWrite>(caller).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok(done.receipt);
        }
        let row = realm.view.archive().await?.ok_or(Failure::NotFound)?;
        let mut deed = Deed::by(&permit);
        deed.changes.remove_archive(&row);
        let detail = detail! { "destination" => destination_of(realm, &row)?.kind() };
        deed.commit(self.ports(), "archive.end", *realm.id.as_bytes(), detail).await
    }
}

/// What its jobs are about.
fn subject(row: &ArchiveRow) -> [u8; 8] {
    row.began_at.millis().to_be_bytes()
}

fn destination_of(realm: &Realm, row: &ArchiveRow) -> Result<Destination, Failure> {
    Ok(serde_json::from_slice(&realm.open(&places::ARCHIVE, realm.id.as_bytes(), &row.destination)?)?)
}

fn shown(realm: &Realm, row: ArchiveRow) -> Result<Archive, Failure> {
    let failing = row.failing_since.zip(row.failure.clone()).map(|(since, code)| (since, row.failures, code));
    let destination = destination_of(realm, &row)?;
    Ok(Archive { destination, epoch: row.epoch, exported: row.exported, exported_at: row.exported_at, failing })
}
