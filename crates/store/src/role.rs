//! A tenant's own roles, what accounts hold of roles, and duties kept apart.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::role::Role;
use chancery_domain::{AccountId, BindingId, ConflictId, RoleId, Sealed, Timestamp};

/// A role of the tenant's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRow {
    /// Its id.
    pub id: RoleId,
    /// The blind index of its name, which no other has.
    pub blind: [u8; 16],
    /// Its name and actions, sealed.
    pub body: Sealed,
    /// Who made it.
    pub made_by: AccountId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts its changes.
    pub version: i64,
}

/// Which role is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundRole {
    /// A built-in one.
    BuiltIn(Role),
    /// One of the tenant's own.
    Own(RoleId),
}

/// What an account holds of a role, where and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingRow {
    /// Its id.
    pub id: BindingId,
    /// Whose it is.
    pub account: AccountId,
    /// The role.
    pub role: BoundRole,
    /// Where it holds, sealed.
    pub body: Sealed,
    /// Who gave it.
    pub granted_by: AccountId,
    /// When it was given.
    pub created_at: Timestamp,
    /// From when on it counts no longer.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub ended_at: Option<Timestamp>,
}

/// Two sets of actions that nobody may hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// Its id.
    pub id: ConflictId,
    /// Its name and both sides, sealed.
    pub body: Sealed,
    /// Who declared it.
    pub made_by: AccountId,
    /// When it was declared.
    pub created_at: Timestamp,
    /// Until when it counted.
    pub ended_at: Option<Timestamp>,
}

fn role(row: &Row) -> Result<RoleRow, StoreError> {
    Ok(RoleRow {
        id: row.id(0, RoleId::from_bytes)?,
        blind: row.array(1)?,
        body: row.sealed(2)?,
        made_by: row.id(3, AccountId::from_bytes)?,
        created_at: row.time(4)?,
        version: row.int(5)?,
    })
}

macro_rules! bindings {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, role, role_id, body, granted_by, created_at, expires_at, ended_at FROM role_binding WHERE tenant_id = ?1 ",
            $rest
        )
    };
}

fn binding(row: &Row) -> Result<BindingRow, StoreError> {
    let own = row.id_or_null(3, RoleId::from_bytes)?.map(BoundRole::Own);
    Ok(BindingRow {
        id: row.id(0, BindingId::from_bytes)?,
        account: row.id(1, AccountId::from_bytes)?,
        role: own.map_or_else(|| row.named(2, Role::from_name).map(BoundRole::BuiltIn), Ok)?,
        body: row.sealed(4)?,
        granted_by: row.id(5, AccountId::from_bytes)?,
        created_at: row.time(6)?,
        expires_at: row.time_or_null(7)?,
        ended_at: row.time_or_null(8)?,
    })
}

fn conflict(row: &Row) -> Result<ConflictRow, StoreError> {
    Ok(ConflictRow {
        id: row.id(0, ConflictId::from_bytes)?,
        body: row.sealed(1)?,
        made_by: row.id(2, AccountId::from_bytes)?,
        created_at: row.time(3)?,
        ended_at: row.time_or_null(4)?,
    })
}

impl TenantView {
    /// A role of the tenant's own.
    pub async fn role(&self, id: RoleId) -> Result<Option<RoleRow>, StoreError> {
        let query = sql!(
            "SELECT id, blind, body, made_by, created_at, version FROM role WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, role).await
    }

    /// All roles of the tenant's own, newest first.
    pub async fn roles(&self) -> Result<Vec<RoleRow>, StoreError> {
        let query = sql!("SELECT id, blind, body, made_by, created_at, version FROM role WHERE tenant_id = ?1 ORDER BY id DESC", self.id());
        self.rows(query, role).await
    }

    /// A binding, also one that was taken back or has expired.
    pub async fn binding(&self, id: BindingId) -> Result<Option<BindingRow>, StoreError> {
        self.row(sql!(bindings!("AND id = ?2"), self.id(), id.as_bytes()), binding).await
    }

    /// A page of bindings, newest first, also those that were taken back or have expired.
    pub async fn bindings(&self, page: Page<BindingId>) -> Result<Vec<BindingRow>, StoreError> {
        let before = page.before.unwrap_or(BindingId::from_bytes([0xff; 16]));
        let query = sql!(bindings!("AND id < ?2 ORDER BY id DESC LIMIT ?3"), self.id(), before.as_bytes(), page.limit);
        self.rows(query, binding).await
    }

    /// The bindings of the accounts from one to another that count at this time.
    pub async fn live_bindings(&self, accounts: (AccountId, AccountId), now: Timestamp) -> Result<Vec<BindingRow>, StoreError> {
        let query = sql!(
            bindings!(
                "AND account_id >= ?2 AND account_id <= ?3 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?4)
                 ORDER BY account_id, id LIMIT 100000"
            ),
            self.id(),
            accounts.0.as_bytes(),
            accounts.1.as_bytes(),
            now
        );
        self.rows(query, binding).await
    }

    /// All duties that are kept apart now, newest first.
    pub async fn conflicts(&self) -> Result<Vec<ConflictRow>, StoreError> {
        let query = sql!(
            "SELECT id, body, made_by, created_at, ended_at FROM duty_conflict WHERE tenant_id = ?1 AND ended_at IS NULL ORDER BY id DESC",
            self.id()
        );
        self.rows(query, conflict).await
    }

    /// Duties that are, or were, kept apart.
    pub async fn conflict(&self, id: ConflictId) -> Result<Option<ConflictRow>, StoreError> {
        let query = sql!(
            "SELECT id, body, made_by, created_at, ended_at FROM duty_conflict WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, conflict).await
    }
}

impl Changes {
    /// Inserts a role, and starts a new epoch.
    pub fn insert_role(&mut self, row: &RoleRow) {
        let statement = sql!(
            "INSERT INTO role (tenant_id, id, blind, body, made_by, created_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            &row.blind,
            &row.body,
            row.made_by.as_bytes(),
            row.created_at,
            row.version
        );
        self.one(Guard::Unique("role"), statement);
        self.next_epoch();
    }

    /// Puts another name and other actions into the role that was read, and starts a new epoch.
    pub fn change_role(&mut self, row: &RoleRow, blind: &[u8; 16], body: &Sealed) {
        let statement = sql!(
            "UPDATE role SET blind = ?4, body = ?5, version = version + 1 WHERE tenant_id = ?1 AND id = ?2 AND version = ?3",
            self.id(),
            row.id.as_bytes(),
            row.version,
            blind,
            body
        );
        self.one(Guard::Version("role"), statement);
        self.next_epoch();
    }

    /// Removes the role that was read, and starts a new epoch.
    pub fn remove_role(&mut self, row: &RoleRow) {
        let statement =
            sql!("DELETE FROM role WHERE tenant_id = ?1 AND id = ?2 AND version = ?3", self.id(), row.id.as_bytes(), row.version);
        self.one(Guard::Version("role"), statement);
        self.next_epoch();
    }

    /// Inserts a binding, and starts a new epoch.
    pub fn insert_binding(&mut self, row: &BindingRow) {
        let (built_in, own) = match row.role {
            BoundRole::BuiltIn(role) => (Some(role.as_str()), None),
            BoundRole::Own(id) => (None, Some(id)),
        };
        let statement = sql!(
            "INSERT INTO role_binding (tenant_id, id, account_id, role, role_id, body, granted_by, created_at, expires_at, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.account.as_bytes(),
            built_in,
            own.as_ref().map(RoleId::as_bytes),
            &row.body,
            row.granted_by.as_bytes(),
            row.created_at,
            row.expires_at,
            row.ended_at
        );
        self.one(Guard::Unique("role_binding"), statement);
        self.next_epoch();
    }

    /// Takes a binding back, once, and starts a new epoch.
    pub fn end_binding(&mut self, id: BindingId, at: Timestamp) {
        let statement = sql!(
            "UPDATE role_binding SET ended_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL",
            self.id(),
            id.as_bytes(),
            at
        );
        self.one(Guard::Version("role_binding"), statement);
        self.next_epoch();
    }

    /// Inserts duties kept apart, and starts a new epoch.
    pub fn insert_conflict(&mut self, row: &ConflictRow) {
        let statement = sql!(
            "INSERT INTO duty_conflict (tenant_id, id, body, made_by, created_at, ended_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            &row.body,
            row.made_by.as_bytes(),
            row.created_at,
            row.ended_at
        );
        self.one(Guard::Unique("duty_conflict"), statement);
        self.next_epoch();
    }

    /// Keeps these duties apart no longer, and starts a new epoch.
    pub fn end_conflict(&mut self, id: ConflictId, at: Timestamp) {
        let statement = sql!(
            "UPDATE duty_conflict SET ended_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND ended_at IS NULL",
            self.id(),
            id.as_bytes(),
            at
        );
        self.one(Guard::Version("duty_conflict"), statement);
        self.next_epoch();
    }
}
