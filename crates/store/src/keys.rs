//! The tenant's key hierarchy as stored: wrapped, never open (I6).

use crate::statement::sql;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::Sealed;

/// A key-encryption key, wrapped by the key provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KekRow {
    /// `main` or `log`.
    pub kind: String,
    /// Its version, from 1.
    pub version: u32,
    /// The wrapped key.
    pub wrapped: Sealed,
}

/// A purpose key, wrapped by a key-encryption key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeKeyRow {
    /// Its purpose's name.
    pub purpose: String,
    /// Its version, from 1.
    pub version: u32,
    /// The version of the key-encryption key that wraps it.
    pub kek_version: u32,
    /// The wrapped key.
    pub wrapped: Sealed,
}

impl TenantView {
    /// All key-encryption keys.
    pub async fn keks(&self) -> Result<Vec<KekRow>, StoreError> {
        let query = sql!("SELECT kind, version, wrapped FROM kek WHERE tenant_id = ?1 ORDER BY kind, version", self.id());
        let parse =
            |row: &crate::value::Row| Ok(KekRow { kind: row.text(0)?.to_owned(), version: row.unsigned(1)?, wrapped: row.sealed(2)? });
        self.rows(query, parse).await
    }

    /// All purpose keys.
    pub async fn purpose_keys(&self) -> Result<Vec<PurposeKeyRow>, StoreError> {
        let query = sql!(
            "SELECT purpose, version, kek_version, wrapped FROM purpose_key WHERE tenant_id = ?1 ORDER BY purpose, version",
            self.id()
        );
        let parse = |row: &crate::value::Row| {
            Ok(PurposeKeyRow {
                purpose: row.text(0)?.to_owned(),
                version: row.unsigned(1)?,
                kek_version: row.unsigned(2)?,
                wrapped: row.sealed(3)?,
            })
        };
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts a key-encryption key.
    pub fn insert_kek(&mut self, row: &KekRow) {
        let statement = sql!(
            "INSERT INTO kek (tenant_id, kind, version, wrapped) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            self.id(),
            row.kind.as_str(),
            row.version,
            &row.wrapped
        );
        self.one(Guard::Unique("kek"), statement);
    }

    /// Inserts a purpose key.
    pub fn insert_purpose_key(&mut self, row: &PurposeKeyRow) {
        let statement = sql!(
            "INSERT INTO purpose_key (tenant_id, purpose, version, kek_version, wrapped) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.purpose.as_str(),
            row.version,
            row.kek_version,
            &row.wrapped
        );
        self.one(Guard::Unique("purpose_key"), statement);
    }
}
