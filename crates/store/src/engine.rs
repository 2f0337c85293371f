//! What an engine must do; SQLite and PostgreSQL are the two.

use crate::statement::Statement;
use crate::value::Row;
use crate::{CommitError, Guard, StoreError};
use chancery_domain::{TenantId, enforced};

/// One step of a write-set.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) statement: Statement,
    pub(crate) expect: Expect,
}

impl Step {
    /// A step that any number of rows may change in.
    pub(crate) const fn plain(statement: Statement) -> Self {
        Self { statement, expect: Expect::Anything }
    }

    /// A change of exactly one row, else the guard failed. With [`Self::found`] the only maker of guarded steps.
    pub(crate) fn changed(guard: Guard, statement: Statement) -> Self {
        Self { statement, expect: if enforced!("guard", guard.kind(), guard.of()) { Expect::OneChanged(guard) } else { Expect::Anything } }
    }

    /// A SELECT of exactly one row, else the guard failed.
    pub(crate) fn found(guard: Guard, statement: Statement) -> Self {
        Self { statement, expect: if enforced!("guard", guard.kind(), guard.of()) { Expect::OneFound(guard) } else { Expect::Anything } }
    }
}

/// What a step must have done for the write-set to stand.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// Any number of rows changed.
    Anything,
    /// A changing statement must have changed exactly one row, else the guard failed.
    OneChanged(Guard),
    /// The statement is a SELECT that must return exactly one row, else the guard failed.
    OneFound(Guard),
}

/// An engine: each call is for one tenant (I1), and never touches a row of another.
#[async_trait::async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Runs the queries in one snapshot of the tenant's data; a result per query.
    async fn read(&self, tenant: TenantId, queries: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError>;

    /// Makes one durable step of the write-set, or nothing. After `Ok` it survives the loss of power.
    async fn commit(&self, tenant: TenantId, steps: Vec<Step>) -> Result<(), CommitError>;

    /// Makes the tenant's store if it does not exist; a no-op where it does. Durable when it returns.
    async fn create_realm(&self, tenant: TenantId) -> Result<(), StoreError>;
}
