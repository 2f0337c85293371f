//! Accounts of a realm.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::identity::{AccountKind, Holder, Identity};
use chancery_domain::role::Role;
use chancery_domain::{AccountId, PersonId, Sealed, TenantId, Timestamp};

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
    /// Who holds it. Of a service account only the owner's id is written; the rest is read from the owner's row.
    pub holder: Holder,
}

impl AccountRow {
    /// Who it is, to be compared with another.
    pub const fn identity(&self, tenant: TenantId) -> Identity {
        Identity { tenant, account: self.id, person: self.holder.person() }
    }
}

pub(crate) fn roles_from(text: &str) -> Option<Vec<Role>> {
    text.split(',').filter(|name| !name.is_empty()).map(Role::from_name).collect()
}

pub(crate) fn roles_text(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",")
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.name, a.roles, a.enabled, a.created_at, a.version, a.kind, a.person_id, a.owner_id, o.person_id, o.enabled
             FROM account a LEFT JOIN account o ON o.tenant_id = a.tenant_id AND o.id = a.owner_id WHERE a.tenant_id = ?1 ",
            $rest
        )
    };
}

fn parse(row: &Row) -> Result<AccountRow, StoreError> {
    let id = row.id(0, AccountId::from_bytes)?;
    Ok(AccountRow {
        id,
        name: row.sealed(1)?,
        roles: row.named(2, roles_from)?,
        enabled: row.int(3)? == 1,
        created_at: row.time(4)?,
        version: row.int(5)?,
        holder: holder(row, id)?,
    })
}

/// An account from before people were known is a person of its own.
fn holder(row: &Row, id: AccountId) -> Result<Holder, StoreError> {
    let person = |at, id: AccountId| Ok(row.id_or_null(at, PersonId::from_bytes)?.unwrap_or(PersonId::from_bytes(*id.as_bytes())));
    match row.named(6, AccountKind::from_name)? {
        AccountKind::User => Ok(Holder::User(person(7, id)?)),
        AccountKind::Service => {
            let owner = row.id(8, AccountId::from_bytes)?;
            Ok(Holder::Service { owner, owner_enabled: row.int(10)? == 1, person: person(9, owner)? })
        }
    }
}

impl TenantView {
    /// The account.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
        self.row(sql!(select!("AND a.id = ?2"), self.id(), id.as_bytes()), parse).await
    }

    /// A page of the accounts that may act.
    pub async fn enabled_accounts(&self, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError> {
        let before = page.before.unwrap_or(AccountId::from_bytes([0xff; 16]));
        let query = sql!(select!("AND a.id < ?2 AND a.enabled = 1 ORDER BY a.id DESC LIMIT ?3"), self.id(), before.as_bytes(), page.limit);
        self.rows(query, parse).await
    }

    /// A page of accounts.
    pub async fn accounts(&self, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError> {
        let before = page.before.unwrap_or(AccountId::from_bytes([0xff; 16]));
        let query = sql!(select!("AND a.id < ?2 ORDER BY a.id DESC LIMIT ?3"), self.id(), before.as_bytes(), page.limit);
        self.rows(query, parse).await
    }

    /// The service accounts that the account owns and that may act, newest first.
    pub async fn owned_accounts(&self, owner: AccountId) -> Result<Vec<AccountId>, StoreError> {
        let query = sql!(
            "SELECT id FROM account WHERE tenant_id = ?1 AND owner_id = ?2 AND enabled = 1 ORDER BY id DESC LIMIT 1000",
            self.id(),
            owner.as_bytes()
        );
        self.rows(query, |row| row.id(0, AccountId::from_bytes)).await
    }
}

impl Changes {
    /// Inserts an account.
    pub fn insert_account(&mut self, row: &AccountRow) {
        let person = match row.holder {
            Holder::User(person) => Some(person),
            Holder::Service { .. } => None,
        };
        let statement = sql!(
            "INSERT INTO account (tenant_id, id, name, roles, enabled, created_at, version, kind, person_id, owner_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            &row.name,
            roles_text(&row.roles),
            i64::from(row.enabled),
            row.created_at,
            row.version,
            row.holder.kind().as_str(),
            person.as_ref().map(PersonId::as_bytes),
            row.holder.owner().as_ref().map(AccountId::as_bytes)
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

    /// Gives the account that was read other roles, everywhere and lasting, and starts a new epoch.
    pub fn set_roles(&mut self, row: &AccountRow, roles: &[Role]) {
        let statement = sql!(
            "UPDATE account SET roles = ?4, version = version + 1 WHERE tenant_id = ?1 AND id = ?2 AND version = ?3",
            self.id(),
            row.id.as_bytes(),
            row.version,
            roles_text(roles)
        );
        self.one(Guard::Version("account"), statement);
        self.next_epoch();
    }

    /// Makes the account that was read a service account of this owner, and starts a new epoch.
    pub fn own_account(&mut self, row: &AccountRow, owner: AccountId) {
        let statement = sql!(
            "UPDATE account SET kind = 'service', person_id = NULL, owner_id = ?4, version = version + 1
             WHERE tenant_id = ?1 AND id = ?2 AND version = ?3",
            self.id(),
            row.id.as_bytes(),
            row.version,
            owner.as_bytes()
        );
        self.one(Guard::Version("account"), statement);
        self.next_epoch();
    }

    /// Makes one person of the two who hold the account that was read and another, and starts a new epoch.
    pub fn join_person(&mut self, row: &AccountRow, person: PersonId) {
        let statement = sql!(
            "UPDATE account SET person_id = ?3, version = version + 1
             WHERE tenant_id = ?1 AND kind = 'user' AND COALESCE(person_id, id) = ?2",
            self.id(),
            row.holder.person().as_bytes(),
            person.as_bytes()
        );
        self.run(statement);
        self.next_epoch();
    }
}
