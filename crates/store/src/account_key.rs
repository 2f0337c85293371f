//! Public keys of accounts.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::account_key::KeyPurpose;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::{AccountId, AccountKeyId, Sealed, Timestamp};

/// A key of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKeyRow {
    /// Its id, which follows from the key.
    pub id: AccountKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// The public key, a DER SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// What people call it, sealed.
    pub label: Sealed,
    /// When it was registered.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, purpose, algorithm, spki, label, created_at, expires_at, ended_at FROM account_key WHERE tenant_id = ?1 AND ",
            $rest
        )
    };
}

fn parse(row: &Row) -> Result<AccountKeyRow, StoreError> {
    Ok(AccountKeyRow {
        id: row.id(0, AccountKeyId::from_bytes)?,
        account: row.id(1, AccountId::from_bytes)?,
        purpose: row.named(2, KeyPurpose::from_name)?,
        algorithm: row.named(3, KeyAlgorithm::from_name)?,
        spki: row.blob(4)?.to_vec(),
        label: row.sealed(5)?,
        created_at: row.time(6)?,
        expires_at: row.time(7)?,
        ended_at: row.time_or_null(8)?,
    })
}

impl TenantView {
    /// The key.
    pub async fn account_key(&self, id: AccountKeyId) -> Result<Option<AccountKeyRow>, StoreError> {
        self.row(sql!(select!("id = ?2"), self.id(), id.as_bytes()), parse).await
    }

    /// The keys of an account, newest first; those of one registration time in the order of their ids.
    pub async fn account_keys(&self, account: AccountId) -> Result<Vec<AccountKeyRow>, StoreError> {
        let query = sql!(select!("account_id = ?2 ORDER BY created_at DESC, id LIMIT 1000"), self.id(), account.as_bytes());
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts a key, which the tenant never had before.
    pub fn insert_account_key(&mut self, row: &AccountKeyRow) {
        let statement = sql!(
            "INSERT INTO account_key (tenant_id, id, account_id, purpose, algorithm, spki, label, created_at, expires_at, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.account.as_bytes(),
            row.purpose.as_str(),
            row.algorithm.as_str(),
            row.spki.as_slice(),
            &row.label,
            row.created_at,
            row.expires_at,
            row.ended_at
        );
        self.one(Guard::Unique("account_key"), statement);
    }

    /// Ends a key that has not ended, and starts a new epoch.
    pub fn end_account_key(&mut self, id: AccountKeyId, at: Timestamp) {
        let statement = sql!(
            "UPDATE account_key SET ended_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL",
            self.id(),
            id.as_bytes(),
            at
        );
        self.one(Guard::Version("account_key"), statement);
        self.next_epoch();
    }
}
