//! Where a tenant's archive is, and how far the log was put there.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::{Sealed, Timestamp};

/// A tenant's archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveRow {
    /// Where it is, sealed.
    pub destination: Sealed,
    /// The epoch of the log that is put there.
    pub epoch: u32,
    /// How many of its entries are there.
    pub exported: u64,
    /// When it was last found or made complete.
    pub exported_at: Option<Timestamp>,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// How often in a row it failed.
    pub failures: u32,
    /// Why, as a stable code.
    pub failure: Option<String>,
    /// When it was begun: jobs of one that was ended before are not its own.
    pub began_at: Timestamp,
    /// Counts its changes.
    pub version: i64,
}

fn archive(row: &Row) -> Result<ArchiveRow, StoreError> {
    Ok(ArchiveRow {
        destination: row.sealed(0)?,
        epoch: row.unsigned(1)?,
        exported: row.count(2)?,
        exported_at: row.time_or_null(3)?,
        failing_since: row.time_or_null(4)?,
        failures: row.unsigned(5)?,
        failure: if row.is_null(6)? { None } else { Some(row.text(6)?.to_owned()) },
        began_at: row.time(7)?,
        version: row.int(8)?,
    })
}

impl TenantView {
    /// The tenant's archive, if it has one.
    pub async fn archive(&self) -> Result<Option<ArchiveRow>, StoreError> {
        let query = sql!(
            "SELECT destination, epoch, exported, exported_at, failing_since, failures, failure, began_at, version FROM archive
             WHERE tenant_id = ?1",
            self.id()
        );
        self.row(query, archive).await
    }
}

impl Changes {
    /// Gives the tenant an archive, which it must not have.
    pub fn insert_archive(&mut self, row: &ArchiveRow) {
        let statement = sql!(
            "INSERT INTO archive (tenant_id, destination, epoch, exported, failures, began_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO NOTHING",
            self.id(),
            &row.destination,
            row.epoch,
            i64::try_from(row.exported).unwrap_or(i64::MAX),
            row.failures,
            row.began_at,
            row.version
        );
        self.one(Guard::Version("archive"), statement);
    }

    /// Puts `next` in the place of the archive that was read.
    pub fn move_archive(&mut self, read: &ArchiveRow, next: &ArchiveRow) {
        let statement = sql!(
            "UPDATE archive SET destination = ?3, epoch = ?4, exported = ?5, exported_at = ?6, failing_since = ?7, failures = ?8, failure = ?9,
             version = version + 1 WHERE tenant_id = ?1 AND version = ?2",
            self.id(),
            read.version,
            &next.destination,
            next.epoch,
            i64::try_from(next.exported).unwrap_or(i64::MAX),
            next.exported_at,
            next.failing_since,
            next.failures,
            next.failure.as_deref()
        );
        self.one(Guard::Version("archive"), statement);
    }

    /// Ends the archive that was read: what is there stays there.
    pub fn remove_archive(&mut self, read: &ArchiveRow) {
        let statement = sql!("DELETE FROM archive WHERE tenant_id = ?1 AND version = ?2", self.id(), read.version);
        self.one(Guard::Version("archive"), statement);
    }
}
