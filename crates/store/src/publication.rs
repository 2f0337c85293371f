//! Publications: the checkpoints of a realm's log that were given, blinded, to the platform's log (I14).

use crate::log::signed;
use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::{EventId, Sealed};

/// A checkpoint that was given to the platform's log, or is on its way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationRow {
    /// Of which epoch of the realm's log.
    pub epoch: u32,
    /// How many leaves it has.
    pub size: u64,
    /// The checkpoint, a signed note.
    pub note: Vec<u8>,
    /// The salt that blinds it, sealed under purpose `log`.
    pub salt: Sealed,
    /// The platform's event that holds it.
    pub event: EventId,
}

fn parse(row: &Row) -> Result<PublicationRow, StoreError> {
    Ok(PublicationRow {
        epoch: row.unsigned(0)?,
        size: row.count(1)?,
        note: row.blob(2)?.to_vec(),
        salt: row.sealed(3)?,
        event: row.id(4, EventId::from_bytes)?,
    })
}

impl TenantView {
    /// The newest publication of an epoch of the log.
    pub async fn newest_publication(&self, epoch: u32) -> Result<Option<PublicationRow>, StoreError> {
        let query = sql!(
            "SELECT epoch, size, note, salt, event_id FROM publication WHERE tenant_id = ?1 AND epoch = ?2 ORDER BY size DESC LIMIT 1",
            self.id(),
            epoch
        );
        self.row(query, parse).await
    }

    /// The first publication that has the leaf at this index.
    pub async fn publication_of(&self, epoch: u32, index: u64) -> Result<Option<PublicationRow>, StoreError> {
        let query = sql!(
            "SELECT epoch, size, note, salt, event_id FROM publication WHERE tenant_id = ?1 AND epoch = ?2 AND size > ?3
             ORDER BY size LIMIT 1",
            self.id(),
            epoch,
            signed(index)
        );
        self.row(query, parse).await
    }
}

impl Changes {
    /// Notes that a checkpoint is given to the platform's log: each size once.
    pub fn insert_publication(&mut self, row: &PublicationRow) {
        let statement = sql!(
            "INSERT INTO publication (tenant_id, epoch, size, note, salt, event_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            self.id(),
            row.epoch,
            signed(row.size),
            row.note.as_slice(),
            &row.salt,
            row.event.as_bytes()
        );
        self.one(Guard::Unique("publication"), statement);
    }
}
