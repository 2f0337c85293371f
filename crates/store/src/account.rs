//! Accounts of a realm.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::role::Role;
use chancery_domain::{AccountId, Sealed, Timestamp};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// Its name, sealed.
    pub name: Sealed,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Whether it may act.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts its changes.
    pub version: i64,
}

pub(crate) fn roles_from(text: &str) -> Option<Vec<Role>> {
    text.split(',').filter(|name| !name.is_empty()).map(Role::from_name).collect()
}

pub(crate) fn roles_text(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",")
}

fn parse(row: &Row) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        id: row.id(0, AccountId::from_bytes)?,
        name: row.sealed(1)?,
        roles: row.named(2, roles_from)?,
        enabled: row.int(3)? == 1,
        created_at: row.time(4)?,
        version: row.int(5)?,
    })
}

impl TenantView {
    /// The account.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
        let query = sql!(
            "SELECT id, name, roles, enabled, created_at, version FROM account WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, parse).await
    }

    /// A page of the accounts that may act.
    pub async fn enabled_accounts(&self, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError> {
        let before = page.before.unwrap_or(AccountId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, name, roles, enabled, created_at, version FROM account
             WHERE tenant_id = ?1 AND id < ?2 AND enabled = 1 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, parse).await
    }

    /// A page of accounts.
    pub async fn accounts(&self, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError> {
        let before = page.before.unwrap_or(AccountId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, name, roles, enabled, created_at, version FROM account
             WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts an account.
    pub fn insert_account(&mut self, row: &AccountRow) {
        let statement = sql!(
            "INSERT INTO account (tenant_id, id, name, roles, enabled, created_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            &row.name,
            roles_text(&row.roles),
            i64::from(row.enabled),
            row.created_at,
            row.version
        );
        self.one(Guard::Unique("account"), statement);
    }

    /// Disables the account that was read, and starts a new epoch.
    pub fn disable_account(&mut self, row: &AccountRow) {
        let statement = sql!(
            "UPDATE account SET enabled = 0, version = version + 1 WHERE tenant_id = ?1 AND id = ?2 AND version = ?3",
            self.id(),
            row.id.as_bytes(),
            row.version
        );
        self.one(Guard::Version("account"), statement);
        self.next_epoch();
    }
}
