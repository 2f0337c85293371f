//! Checkpoints of a realm's log with the cosignatures of witnesses; only the platform's log has any (I14).

use crate::log::signed;
use crate::statement::sql;
use crate::{Changes, StoreError, TenantView};

/// A checkpoint that witnesses cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedRow {
    /// Of which epoch of the log.
    pub epoch: u32,
    /// How many leaves it has.
    pub size: u64,
    /// The signed note with the cosignatures.
    pub note: Vec<u8>,
}

impl TenantView {
    /// The cosigned checkpoints of an epoch, the longest first: the last one that enough witnesses cosigned, and those since.
    pub async fn cosigned(&self, epoch: u32) -> Result<Vec<CosignedRow>, StoreError> {
        let query = sql!("SELECT epoch, size, note FROM cosigned WHERE tenant_id = ?1 AND epoch = ?2 ORDER BY size DESC", self.id(), epoch);
        let parse = |row: &crate::value::Row| Ok(CosignedRow { epoch: row.unsigned(0)?, size: row.count(1)?, note: row.blob(2)?.to_vec() });
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Keeps a checkpoint with its cosignatures.
    pub fn put_cosigned(&mut self, row: &CosignedRow) {
        self.run(sql!(
            "INSERT INTO cosigned (tenant_id, epoch, size, note) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant_id, epoch, size) DO UPDATE SET note = excluded.note",
            self.id(),
            row.epoch,
            signed(row.size),
            row.note.as_slice()
        ));
    }

    /// Forgets the shorter ones.
    pub fn forget_cosigned(&mut self, epoch: u32, before: u64) {
        self.run(sql!("DELETE FROM cosigned WHERE tenant_id = ?1 AND epoch = ?2 AND size < ?3", self.id(), epoch, signed(before)));
    }
}
