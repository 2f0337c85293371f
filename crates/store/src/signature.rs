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
    /// Until then nobody removes them; for ever, if nothing is said.
    pub kept_until: Option<Timestamp>,
    /// When they are to be removed, if they are.
    pub dispose_at: Option<Timestamp>,
    /// When they were removed, but for what the sealed part still tells of them.
    pub disposed_at: Option<Timestamp>,
}

fn parse(row: &Row) -> Result<SignatureRow, StoreError> {
    Ok(SignatureRow {
        id: row.id(0, SignatureId::from_bytes)?,
        signer: row.id(1, SignerId::from_bytes)?,
        event: row.id(2, EventId::from_bytes)?,
        body: row.sealed(3)?,
        created_at: row.time(4)?,
        kept_until: row.time_or_null(5)?,
        dispose_at: row.time_or_null(6)?,
        disposed_at: row.time_or_null(7)?,
    })
}

impl TenantView {
    /// The signatures of one request.
    pub async fn signature(&self, id: SignatureId) -> Result<Option<SignatureRow>, StoreError> {
        let query = sql!(
            "SELECT id, signer_id, event_id, body, created_at, kept_until, dispose_at, disposed_at FROM signature
             WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, parse).await
    }

    /// A page of them.
    pub async fn signatures(&self, page: Page<SignatureId>) -> Result<Vec<SignatureRow>, StoreError> {
        let before = page.before.unwrap_or(SignatureId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, signer_id, event_id, body, created_at, kept_until, dispose_at, disposed_at FROM signature
             WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, parse).await
    }

    /// Those that are to be removed by `now`, the longest due first.
    pub async fn disposals(&self, now: Timestamp, limit: u32) -> Result<Vec<SignatureRow>, StoreError> {
        let query = sql!(
            "SELECT id, signer_id, event_id, body, created_at, kept_until, dispose_at, disposed_at FROM signature
             WHERE tenant_id = ?1 AND dispose_at <= ?2 ORDER BY dispose_at, id LIMIT ?3",
            self.id(),
            now,
            limit
        );
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts what was signed.
    pub fn insert_signature(&mut self, row: &SignatureRow) {
        let statement = sql!(
            "INSERT INTO signature (tenant_id, id, signer_id, event_id, body, created_at, kept_until, dispose_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.signer.as_bytes(),
            row.event.as_bytes(),
            &row.body,
            row.created_at,
            row.kept_until,
            row.dispose_at
        );
        self.one(Guard::Unique("signature"), statement);
    }

    /// Keeps the signatures that were read until `until`, which is later than they were kept.
    pub fn retain_signature(&mut self, row: &SignatureRow, until: Timestamp, dispose_at: Option<Timestamp>) {
        let statement = sql!(
            "UPDATE signature SET kept_until = ?3, dispose_at = ?4 WHERE tenant_id = ?1 AND id = ?2 AND disposed_at IS NULL
             AND (kept_until IS NULL OR kept_until < ?3) AND (dispose_at IS NULL) = (CAST(?4 AS BIGINT) IS NULL)",
            self.id(),
            row.id.as_bytes(),
            until,
            dispose_at
        );
        self.one(Guard::Version("signature"), statement);
    }

    /// Looks at the signatures that were read again at `until`, as they cannot be removed now.
    pub fn postpone_disposal(&mut self, row: &SignatureRow, until: Timestamp) {
        let statement = sql!(
            "UPDATE signature SET dispose_at = ?4 WHERE tenant_id = ?1 AND id = ?2 AND dispose_at = ?3",
            self.id(),
            row.id.as_bytes(),
            row.dispose_at,
            until
        );
        self.one(Guard::Version("signature"), statement);
    }

    /// Removes the signatures that were read, unless they are kept longer since: `body` says what is left to tell.
    pub fn dispose_of_signature(&mut self, row: &SignatureRow, body: &Sealed, at: Timestamp) {
        let statement = sql!(
            "UPDATE signature SET body = ?4, dispose_at = NULL, disposed_at = ?5 WHERE tenant_id = ?1 AND id = ?2 AND dispose_at = ?3",
            self.id(),
            row.id.as_bytes(),
            row.dispose_at,
            body,
            at
        );
        self.one(Guard::Version("signature"), statement);
    }
}
