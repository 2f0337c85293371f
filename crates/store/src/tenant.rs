//! The tenant's own record: the authority for its status, epoch and limits.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::Timestamp;
use chancery_domain::tenant::TenantStatus;

/// The tenant's own record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRow {
    /// Its short name.
    pub slug: String,
    /// Where it stands.
    pub status: TenantStatus,
    /// Counts the changes after which what is cached of the tenant must be read again.
    pub epoch: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

fn parse(row: &Row) -> Result<TenantRow, StoreError> {
    Ok(TenantRow {
        slug: row.text(0)?.to_owned(),
        status: row.named(1, TenantStatus::from_name)?,
        epoch: row.int(2)?,
        created_at: row.time(3)?,
    })
}

impl TenantView {
    /// The tenant's record; `None` before its creation is complete.
    pub async fn tenant(&self) -> Result<Option<TenantRow>, StoreError> {
        self.row(sql!("SELECT slug, status, epoch, created_at FROM tenant WHERE tenant_id = ?1", self.id()), parse).await
    }

    /// The tenant's epoch alone.
    pub async fn epoch(&self) -> Result<Option<i64>, StoreError> {
        self.row(sql!("SELECT epoch FROM tenant WHERE tenant_id = ?1", self.id()), |row| row.int(0)).await
    }
}

impl Changes {
    /// Inserts the tenant's record, once.
    pub fn insert_tenant(&mut self, row: &TenantRow) {
        let statement = sql!(
            "INSERT INTO tenant (tenant_id, slug, status, epoch, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            self.id(),
            row.slug.as_str(),
            row.status.as_str(),
            row.epoch,
            row.created_at
        );
        self.one(Guard::Unique("tenant"), statement);
    }

    /// Moves the tenant's status from one that was read, and starts a new epoch.
    pub fn move_tenant(&mut self, from: TenantStatus, to: TenantStatus) {
        let statement = sql!(
            "UPDATE tenant SET status = ?3, epoch = epoch + 1 WHERE tenant_id = ?1 AND status = ?2",
            self.id(),
            from.as_str(),
            to.as_str()
        );
        self.one(Guard::Version("tenant"), statement);
    }
}
