//! Certificate authorities of a tenant: a root and the issuing intermediate under it are two rows.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::{IssuerId, PublicId, Sealed, Timestamp};

/// A certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRow {
    /// Its id.
    pub id: IssuerId,
    /// The authority that signed it; `None` for a root.
    pub parent: Option<IssuerId>,
    /// The random part of its public addresses.
    pub public: PublicId,
    /// Its certificate, DER; public by nature.
    pub certificate: Vec<u8>,
    /// Its name and permitted names, sealed.
    pub body: Sealed,
    /// Its private key for issuing, sealed under purpose `data`.
    pub key: Sealed,
    /// Its private key for CRLs alone, sealed under purpose `status`, which survives *disable* (docs/adr/0003).
    pub status_key: Sealed,
    /// The last second of its certificate.
    pub not_after: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

fn parse(row: &Row) -> Result<AuthorityRow, StoreError> {
    Ok(AuthorityRow {
        id: row.id(0, IssuerId::from_bytes)?,
        parent: row.id_or_null(1, IssuerId::from_bytes)?,
        public: row.id(2, PublicId::from_bytes)?,
        certificate: row.blob(3)?.to_vec(),
        body: row.sealed(4)?,
        key: row.sealed(5)?,
        status_key: row.sealed(6)?,
        not_after: row.time(7)?,
        created_at: row.time(8)?,
    })
}

impl TenantView {
    /// The authority.
    pub async fn authority(&self, id: IssuerId) -> Result<Option<AuthorityRow>, StoreError> {
        let query = sql!(
            "SELECT id, parent_id, public_id, certificate, body, key, status_key, not_after, created_at FROM authority
             WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, parse).await
    }

    /// All authorities, newest first.
    pub async fn authorities(&self) -> Result<Vec<AuthorityRow>, StoreError> {
        let query = sql!(
            "SELECT id, parent_id, public_id, certificate, body, key, status_key, not_after, created_at FROM authority
             WHERE tenant_id = ?1 ORDER BY id DESC LIMIT 1000",
            self.id()
        );
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts an authority, and starts a new epoch.
    pub fn insert_authority(&mut self, row: &AuthorityRow) {
        let statement = sql!(
            "INSERT INTO authority (tenant_id, id, parent_id, public_id, certificate, body, key, status_key, not_after, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.parent.as_ref().map(IssuerId::as_bytes),
            row.public.as_bytes(),
            row.certificate.as_slice(),
            &row.body,
            &row.key,
            &row.status_key,
            row.not_after,
            row.created_at
        );
        self.one(Guard::Unique("authority"), statement);
        self.next_epoch();
    }
}
