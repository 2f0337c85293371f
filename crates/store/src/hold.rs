//! Legal holds, and whether one keeps something.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::hold::HoldSubject;
use chancery_domain::{EventId, HoldId, Sealed, Timestamp};

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// Its id.
    pub id: HoldId,
    /// What it keeps.
    pub subject: HoldSubject,
    /// Its name and reason, sealed.
    pub body: Sealed,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// By which event.
    pub placed_by: EventId,
    /// When it was released, and by which event.
    pub released: Option<(Timestamp, EventId)>,
}

fn hold(row: &Row) -> Result<HoldRow, StoreError> {
    let subject = HoldSubject::from_stored(row.text(1)?, row.array(2)?);
    Ok(HoldRow {
        id: row.id(0, HoldId::from_bytes)?,
        subject: subject.ok_or(StoreError::Malformed("a hold is on nothing that is known"))?,
        body: row.sealed(3)?,
        placed_at: row.time(4)?,
        placed_by: row.id(5, EventId::from_bytes)?,
        released: row.time_or_null(6)?.zip(row.id_or_null(7, EventId::from_bytes)?),
    })
}

impl TenantView {
    /// The hold.
    pub async fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, StoreError> {
        let query = sql!(
            "SELECT id, kind, subject, body, placed_at, placed_by, released_at, released_by FROM hold WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, hold).await
    }

    /// A page of holds, those that were released among them.
    pub async fn holds(&self, page: Page<HoldId>) -> Result<Vec<HoldRow>, StoreError> {
        let before = page.before.unwrap_or(HoldId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, kind, subject, body, placed_at, placed_by, released_at, released_by FROM hold
             WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, hold).await
    }

    /// A hold that is on this now, if there is one.
    pub async fn hold_on(&self, subject: &HoldSubject) -> Result<Option<HoldRow>, StoreError> {
        let query = sql!(
            "SELECT id, kind, subject, body, placed_at, placed_by, released_at, released_by FROM hold
             WHERE tenant_id = ?1 AND kind = ?2 AND subject = ?3 AND released_at IS NULL ORDER BY id LIMIT 1",
            self.id(),
            subject.kind(),
            &subject.id()
        );
        self.row(query, hold).await
    }
}

impl Changes {
    /// Places a hold, and starts a new epoch: whoever removes something has looked before it, or looks again.
    pub fn insert_hold(&mut self, row: &HoldRow) {
        let statement = sql!(
            "INSERT INTO hold (tenant_id, id, kind, subject, body, placed_at, placed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.subject.kind(),
            &row.subject.id(),
            &row.body,
            row.placed_at,
            row.placed_by.as_bytes()
        );
        self.one(Guard::Unique("hold"), statement);
        self.next_epoch();
    }

    /// Releases a hold, once.
    pub fn release_hold(&mut self, id: HoldId, at: Timestamp, by: EventId) {
        let statement = sql!(
            "UPDATE hold SET released_at = ?3, released_by = ?4 WHERE tenant_id = ?1 AND id = ?2 AND released_at IS NULL",
            self.id(),
            id.as_bytes(),
            at,
            by.as_bytes()
        );
        self.one(Guard::Version("hold"), statement);
    }
}
