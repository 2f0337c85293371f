//! Audit events as stored: sealed canonical bytes and salt, and the open leaf hash (I4).

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, LogPlace, Page, StoreError, TenantView, log};
use chancery_domain::{EventId, Sealed};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its id, in order of time.
    pub id: EventId,
    /// Salt and canonical bytes, sealed under purpose `log`.
    pub body: Sealed,
    /// The leaf hash of its salted commitment.
    pub leaf: [u8; 32],
    /// Where it stands in the log; a new one nowhere yet.
    pub place: Option<LogPlace>,
}

pub(crate) fn parse(row: &Row) -> Result<EventRow, StoreError> {
    Ok(EventRow { id: row.id(0, EventId::from_bytes)?, body: row.sealed(1)?, leaf: row.array(2)?, place: log::place(row, 3)? })
}

impl TenantView {
    /// A page of events.
    pub async fn events(&self, page: Page<EventId>) -> Result<Vec<EventRow>, StoreError> {
        let before = page.before.unwrap_or(EventId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, body, leaf, log_epoch, leaf_index FROM event WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, parse).await
    }

    /// The event.
    pub async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreError> {
        let query =
            sql!("SELECT id, body, leaf, log_epoch, leaf_index FROM event WHERE tenant_id = ?1 AND id = ?2", self.id(), id.as_bytes());
        self.row(query, parse).await
    }
}

impl Changes {
    /// Records the act. It gets its place in the log later.
    pub fn insert_event(&mut self, row: &EventRow) {
        self.records = true;
        let statement = sql!(
            "INSERT INTO event (tenant_id, id, body, leaf) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            &row.body,
            &row.leaf
        );
        self.one(Guard::Unique("event"), statement);
    }
}
