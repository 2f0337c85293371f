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
    /// The hour in which it was last used; coarse on purpose.
    pub used_at: Option<Timestamp>,
    /// The token that took its place.
    pub successor: Option<TokenId>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, roles, hash, created_at, expires_at, ended_at, used_at, successor_id FROM token WHERE tenant_id = ?1 AND ",
            $rest
        )
    };
}

fn parse(row: &Row) -> Result<TokenRow, StoreError> {
    Ok(TokenRow {
        id: row.id(0, TokenId::from_bytes)?,
        account: row.id_or_null(1, AccountId::from_bytes)?,
        roles: row.named(2, roles_from)?,
        hash: row.array(3)?,
        created_at: row.time(4)?,
        expires_at: row.time(5)?,
        ended_at: row.time_or_null(6)?,
        used_at: row.time_or_null(7)?,
        successor: row.id_or_null(8, TokenId::from_bytes)?,
    })
}

impl TenantView {
    /// The token.
    pub async fn token(&self, id: TokenId) -> Result<Option<TokenRow>, StoreError> {
        self.row(sql!(select!("id = ?2"), self.id(), id.as_bytes()), parse).await
    }

    /// The tokens of an account, newest first.
    pub async fn tokens(&self, account: AccountId) -> Result<Vec<TokenRow>, StoreError> {
        let query = sql!(select!("account_id = ?2 ORDER BY id DESC LIMIT 1000"), self.id(), account.as_bytes());
        self.rows(query, parse).await
    }

    /// The tokens, of the accounts from one to another, that live at `now` and no longer at `until`, newest first.
    pub async fn live_tokens(
        &self,
        accounts: (AccountId, AccountId),
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<TokenRow>, StoreError> {
        let query = sql!(
            select!(
                "account_id >= ?2 AND account_id <= ?3 AND ended_at IS NULL AND expires_at > ?4 AND expires_at <= ?5
                 ORDER BY account_id DESC, id DESC LIMIT 10000"
            ),
            self.id(),
            accounts.0.as_bytes(),
            accounts.1.as_bytes(),
            now,
            until
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
            "INSERT INTO token (tenant_id, id, account_id, roles, hash, created_at, expires_at, ended_at, used_at, successor_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.account.as_ref().map(AccountId::as_bytes),
            roles_text(&row.roles),
            &row.hash,
            row.created_at,
            row.expires_at,
            row.ended_at,
            row.used_at,
            row.successor.as_ref().map(TokenId::as_bytes)
        );
        self.one(Guard::Unique("token"), statement);
    }

    /// Puts another in a token's place, which ends at `until`. Only one ever takes it, and never of one that was revoked.
    pub fn succeed_token(&mut self, id: TokenId, successor: TokenId, until: Timestamp) {
        let statement = sql!(
            "UPDATE token SET successor_id = ?3, expires_at = ?4
             WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL AND successor_id IS NULL",
            self.id(),
            id.as_bytes(),
            successor.as_bytes(),
            until
        );
        self.one(Guard::Version("token"), statement);
        self.next_epoch();
    }

    /// Notes that a token was used in the hour that begins at `hour`.
    pub fn note_token_use(&mut self, id: TokenId, hour: Timestamp) {
        self.run(sql!(
            "UPDATE token SET used_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND (used_at IS NULL OR used_at < ?3)",
            self.id(),
            id.as_bytes(),
            hour
        ));
    }

    /// Ends a token that has not ended: revoked, or used up. Single use rests on this guard.
    pub fn end_token(&mut self, id: TokenId, at: Timestamp) {
        let statement =
            sql!("UPDATE token SET ended_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL", self.id(), id.as_bytes(), at);
        self.one(Guard::Version("token"), statement);
        self.next_epoch();
    }
}
