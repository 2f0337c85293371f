//! Idempotency records: what a principal's key stood for. They hold no secret, only where the result is.

use crate::engine::Step;
use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::{AccountId, EventId, Timestamp};

/// What an idempotency key stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// Whose key it is: keys of different principals never meet.
    pub principal: AccountId,
    /// SHA-256 of the operation and the key.
    pub key: [u8; 32],
    /// SHA-256 of the request's body.
    pub body: [u8; 32],
    /// The object that the act made or changed.
    pub subject: [u8; 16],
    /// The event of the act.
    pub event: EventId,
    /// When.
    pub created_at: Timestamp,
}

impl TenantView {
    /// What this principal's key stood for.
    pub async fn idempotency(&self, principal: AccountId, key: &[u8; 32]) -> Result<Option<IdempotencyRow>, StoreError> {
        let query = sql!(
            "SELECT principal, key, body, subject, event_id, created_at FROM idempotency
             WHERE tenant_id = ?1 AND principal = ?2 AND key = ?3",
            self.id(),
            principal.as_bytes(),
            key
        );
        let parse = |row: &Row| {
            Ok(IdempotencyRow {
                principal: row.id(0, AccountId::from_bytes)?,
                key: row.array(1)?,
                body: row.array(2)?,
                subject: row.array(3)?,
                event: row.id(4, EventId::from_bytes)?,
                created_at: row.time(5)?,
            })
        };
        self.row(query, parse).await
    }
}

impl Changes {
    /// Records what the key stands for, once.
    pub fn insert_idempotency(&mut self, row: &IdempotencyRow) {
        let statement = sql!(
            "INSERT INTO idempotency (tenant_id, principal, key, body, subject, event_id, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            self.id(),
            row.principal.as_bytes(),
            &row.key,
            &row.body,
            &row.subject,
            row.event.as_bytes(),
            row.created_at
        );
        // First of all: that the request was done before is a better answer than what else stands in its way.
        self.steps.insert(0, Step::changed(Guard::Unique("idempotency"), statement));
    }

    /// Forgets the records made before this time.
    pub fn forget_idempotency(&mut self, before: Timestamp) {
        self.run(sql!("DELETE FROM idempotency WHERE tenant_id = ?1 AND created_at < ?2", self.id(), before));
    }
}
