//! Nonces of signed requests: each is used once, on whatever node.

use crate::statement::sql;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::{AccountKeyId, Timestamp};

impl TenantView {
    /// Whether there are nonces to be forgotten one day.
    pub async fn has_request_nonces(&self) -> Result<bool, StoreError> {
        let found =
            self.row(sql!("SELECT expires_at FROM request_nonce WHERE tenant_id = ?1 LIMIT 1", self.id()), |row| row.int(0)).await?;
        Ok(found.is_some())
    }
}

impl Changes {
    /// Uses up a nonce of a key's signature that is good until `expires_at`. Refused if it was used, and also if what was used then is
    /// forgotten: a clock that went back opens nothing.
    pub fn insert_request_nonce(&mut self, key: AccountKeyId, nonce: &[u8; 16], expires_at: Timestamp) {
        let remembered = sql!(
            "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM authentication WHERE tenant_id = ?1 AND nonces_until > ?2)",
            self.id(),
            expires_at
        );
        self.found(Guard::Version("authentication"), remembered);
        let statement = sql!(
            "INSERT INTO request_nonce (tenant_id, key_id, nonce, expires_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            self.id(),
            key.as_bytes(),
            nonce,
            expires_at
        );
        self.one(Guard::Unique("request_nonce"), statement);
    }

    /// Forgets the nonces of signatures that expired before this, and keeps that they are forgotten.
    pub fn forget_request_nonces(&mut self, before: Timestamp) {
        self.run(sql!("DELETE FROM request_nonce WHERE tenant_id = ?1 AND expires_at < ?2", self.id(), before));
        self.run(sql!(
            "INSERT INTO authentication (tenant_id, nonces_until) VALUES (?1, ?2) ON CONFLICT (tenant_id) DO UPDATE SET nonces_until =
             CASE WHEN authentication.nonces_until < excluded.nonces_until THEN excluded.nonces_until ELSE authentication.nonces_until END",
            self.id(),
            before
        ));
    }
}
