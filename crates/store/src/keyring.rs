//! The keyring: a database of its own, apart from all data, for the software key provider's sealed keys.

use crate::StoreError;
use chancery_domain::{Sealed, TenantId};

/// A tenant's wrapping key as the keyring keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringRow {
    /// Whose.
    pub tenant: TenantId,
    /// `main` or `log`.
    pub kind: String,
    /// The epoch of the root key that seals it.
    pub root_epoch: u32,
    /// The sealed key; `None` is the tombstone of a destroyed one.
    pub sealed: Option<Sealed>,
}

/// The keyring's database.
#[async_trait::async_trait]
pub trait KeyringDb: Send + Sync {
    /// The record of this tenant and kind.
    async fn load(&self, tenant: TenantId, kind: &str) -> Result<Option<KeyringRow>, StoreError>;

    /// Inserts the record unless there is one, tombstones included; returns the one that stands.
    async fn insert_if_absent(&self, row: KeyringRow) -> Result<KeyringRow, StoreError>;
}
