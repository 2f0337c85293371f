//! Lineage: which event made what later acts rest upon, and which took something back.

use crate::statement::sql;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::EventId;
use chancery_domain::lineage::LineageKind;

/// An event and what it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageRow {
    /// What it made: a kind of thing.
    pub kind: LineageKind,
    /// Which: an id or a name, as bytes.
    pub subject: Vec<u8>,
    /// Its version, from 1; of what has none, 1.
    pub version: u32,
    /// The event.
    pub event: EventId,
}

impl TenantView {
    /// What made this version of something, or took it back.
    pub async fn lineage(&self, kind: LineageKind, subject: &[u8], version: u32) -> Result<Option<LineageRow>, StoreError> {
        let query = sql!(
            "SELECT kind, subject, version, event_id FROM lineage WHERE tenant_id = ?1 AND kind = ?2 AND subject = ?3 AND version = ?4",
            self.id(),
            kind.as_str(),
            subject,
            version
        );
        let parse = |row: &crate::value::Row| {
            Ok(LineageRow {
                kind: row.named(0, LineageKind::from_name)?,
                subject: row.blob(1)?.to_vec(),
                version: row.unsigned(2)?,
                event: row.id(3, EventId::from_bytes)?,
            })
        };
        self.row(query, parse).await
    }
}

impl Changes {
    /// Notes which event makes this version of something: once.
    pub fn insert_lineage(&mut self, row: &LineageRow) {
        let statement = sql!(
            "INSERT INTO lineage (tenant_id, kind, subject, version, event_id) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            self.id(),
            row.kind.as_str(),
            row.subject.as_slice(),
            row.version,
            row.event.as_bytes()
        );
        self.one(Guard::Unique("lineage"), statement);
    }
}
