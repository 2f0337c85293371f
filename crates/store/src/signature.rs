//! Signatures that were made: one row a request, with all that it signed.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::{EventId, Sealed, SignatureId, SignerId, Timestamp};

/// The signatures of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRow {
    /// Its id.
    pub id: SignatureId,
    /// Who signed.
    pub signer: SignerId,
    /// The event that recorded it.
    pub event: EventId,
    /// What was signed and the signatures, sealed.
    pub body: Sealed,
    /// When.
    pub created_at: Timestamp,
}

fn parse(row: &Row) -> Result<SignatureRow, StoreError> {
    Ok(SignatureRow {
        id: row.id(0, SignatureId::from_bytes)?,
        signer: row.id(1, SignerId::from_bytes)?,
        event: row.id(2, EventId::from_bytes)?,
        body: row.sealed(3)?,
        created_at: row.time(4)?,
    })
}

impl TenantView {
    /// The signatures of one request.
    pub async fn signature(&self, id: SignatureId) -> Result<Option<SignatureRow>, StoreError> {
        let query = sql!(
            "SELECT id, signer_id, event_id, body, created_at FROM signature WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, parse).await
    }

    /// A page of them.
    pub async fn signatures(&self, page: Page<SignatureId>) -> Result<Vec<SignatureRow>, StoreError> {
        let before = page.before.unwrap_or(SignatureId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, signer_id, event_id, body, created_at FROM signature WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts what was signed.
    pub fn insert_signature(&mut self, row: &SignatureRow) {
        let statement = sql!(
            "INSERT INTO signature (tenant_id, id, signer_id, event_id, body, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.signer.as_bytes(),
            row.event.as_bytes(),
            &row.body,
            row.created_at
        );
        self.one(Guard::Unique("signature"), statement);
    }
}
