//! Bearer and enrolment tokens: only their hashes.

use crate::account::{roles_from, roles_text};
use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::role::Role;
use chancery_domain::{AccountId, Timestamp, TokenId};

/// A token as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id, which the token's text carries.
    pub id: TokenId,
    /// Whose it is; `None` for an enrolment token, which makes an account.
    pub account: Option<AccountId>,
    /// The roles that an enrolment gives; empty for a bearer token, whose account has them.
    pub roles: Vec<Role>,
    /// SHA-256 of the secret, which has 256 random bits.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// When it was revoked, or used up.
    pub ended_at: Option<Timestamp>,
}

const COLUMNS: &str = "SELECT id, account_id, roles, hash, created_at, expires_at, ended_at FROM token WHERE tenant_id = ?1 AND id = ?2";

fn parse(row: &Row) -> Result<TokenRow, StoreError> {
    Ok(TokenRow {
        id: row.id(0, TokenId::from_bytes)?,
        account: row.id_or_null(1, AccountId::from_bytes)?,
        roles: row.named(2, roles_from)?,
        hash: row.array(3)?,
        created_at: row.time(4)?,
        expires_at: row.time(5)?,
        ended_at: row.time_or_null(6)?,
    })
}

impl TenantView {
    /// The token.
    pub async fn token(&self, id: TokenId) -> Result<Option<TokenRow>, StoreError> {
        self.row(sql!(COLUMNS, self.id(), id.as_bytes()), parse).await
    }

    /// The tokens of an account, newest first.
    pub async fn tokens(&self, account: AccountId) -> Result<Vec<TokenRow>, StoreError> {
        let query = sql!(
            "SELECT id, account_id, roles, hash, created_at, expires_at, ended_at FROM token
             WHERE tenant_id = ?1 AND account_id = ?2 ORDER BY id DESC LIMIT 1000",
            self.id(),
            account.as_bytes()
        );
        self.rows(query, parse).await
    }

    /// The enrolment tokens that were neither used nor ended.
    pub async fn open_enrolments(&self) -> Result<Vec<TokenId>, StoreError> {
        let query = sql!("SELECT id FROM token WHERE tenant_id = ?1 AND account_id IS NULL AND ended_at IS NULL", self.id());
        self.rows(query, |row| row.id(0, TokenId::from_bytes)).await
    }
}

impl Changes {
    /// Inserts a token.
    pub fn insert_token(&mut self, row: &TokenRow) {
        let statement = sql!(
            "INSERT INTO token (tenant_id, id, account_id, roles, hash, created_at, expires_at, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.account.as_ref().map(AccountId::as_bytes),
            roles_text(&row.roles),
            &row.hash,
            row.created_at,
            row.expires_at,
            row.ended_at
        );
        self.one(Guard::Unique("token"), statement);
    }

    /// Ends a token that has not ended: revoked, or used up. Single use rests on this guard.
    pub fn end_token(&mut self, id: TokenId, at: Timestamp) {
        let statement =
            sql!("UPDATE token SET ended_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL", self.id(), id.as_bytes(), at);
        self.one(Guard::Version("token"), statement);
        self.next_epoch();
    }
}
