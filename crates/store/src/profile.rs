//! Profiles: immutable versions, the highest is in force.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::profile::ProfileName;
use chancery_domain::{Sealed, Timestamp};

/// One version of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    /// Its name.
    pub name: ProfileName,
    /// Its version, from 1.
    pub version: u32,
    /// The profile, sealed: name patterns tell whose it is.
    pub body: Sealed,
    /// When this version was made.
    pub created_at: Timestamp,
}

fn parse(row: &Row) -> Result<ProfileRow, StoreError> {
    Ok(ProfileRow {
        name: row.named(0, |text| text.parse().ok())?,
        version: row.unsigned(1)?,
        body: row.sealed(2)?,
        created_at: row.time(3)?,
    })
}

impl TenantView {
    /// The version in force of the profile.
    pub async fn profile(&self, name: &ProfileName) -> Result<Option<ProfileRow>, StoreError> {
        let query = sql!(
            "SELECT name, version, body, created_at FROM profile WHERE tenant_id = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1",
            self.id(),
            name.as_str()
        );
        self.row(query, parse).await
    }

    /// The versions in force of all profiles.
    pub async fn profiles(&self) -> Result<Vec<ProfileRow>, StoreError> {
        let query = sql!(
            "SELECT p.name, p.version, p.body, p.created_at FROM profile p
             WHERE p.tenant_id = ?1 AND p.version = (SELECT max(q.version) FROM profile q WHERE q.tenant_id = ?1 AND q.name = p.name)
             ORDER BY p.name LIMIT 1000",
            self.id()
        );
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts a version of a profile, which must not exist, and starts a new epoch.
    pub fn insert_profile(&mut self, row: &ProfileRow) {
        let statement = sql!(
            "INSERT INTO profile (tenant_id, name, version, body, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            self.id(),
            row.name.as_str(),
            row.version,
            &row.body,
            row.created_at
        );
        self.one(Guard::Version("profile"), statement);
        self.next_epoch();
    }
}
