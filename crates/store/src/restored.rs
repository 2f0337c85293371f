//! A restored store: it reads and does not write until it is reconciled with what was published since its backup.

use crate::engine::{Engine, Step};
use crate::statement::Statement;
use crate::value::Row;
use crate::{CommitError, StoreError};
use chancery_domain::{TenantId, Timestamp, enforced};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The platform's setting that marks a restored store.
pub(crate) const MARK: &str = "restored";
/// The platform's setting that says which restore made the store. It stays: whoever opened the store before is not to write it.
pub(crate) const INCARNATION: &str = "incarnation";

/// What a restored store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreMark {
    /// When the backup began: nothing after it is known here.
    pub taken_at: Timestamp,
    /// When it was restored.
    pub restored_at: Timestamp,
    /// SHA-256 of the published lists that it was compared with, once its reconciliation has begun.
    #[serde(default)]
    pub compared: Option<[u8; 32]>,
}

impl RestoreMark {
    /// The mark of a store that is restored now; one that bears a mark already knows nothing since the older backup.
    pub(crate) fn renewed(before: Option<&[u8]>, taken_at: Timestamp, restored_at: Timestamp) -> Result<Self, StoreError> {
        let before = before.map(Self::parse).transpose()?;
        Ok(Self { taken_at: before.map_or(taken_at, |before| before.taken_at.min(taken_at)), restored_at, compared: None })
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        serde_json::from_slice(bytes).map_err(|_| StoreError::Malformed("the mark of a restored store"))
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        serde_json::to_vec(&self).unwrap_or_default()
    }

    /// The value of the setting [`INCARNATION`].
    pub(crate) fn incarnation(self) -> Vec<u8> {
        self.restored_at.to_string().into_bytes()
    }
}

/// An engine that refuses every write-set.
pub(crate) struct ReadOnly(pub(crate) Arc<dyn Engine>);

#[async_trait::async_trait]
impl Engine for ReadOnly {
    async fn read(&self, tenant: TenantId, queries: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        self.0.read(tenant, queries).await
    }

    async fn commit(&self, tenant: TenantId, steps: Vec<Step>) -> Result<(), CommitError> {
        if enforced!("restored.commit") {
            return Err(StoreError::ReadOnly.into());
        }
        self.0.commit(tenant, steps).await
    }

    async fn create_realm(&self, _: TenantId) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }
}
