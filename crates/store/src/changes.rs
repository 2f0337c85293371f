//! The write-set: what an act changes, as values; one durable step when committed (I4).

use crate::engine::Step;
use crate::statement::{Statement, sql};
use crate::{CommitError, Guard, TenantView};
use chancery_domain::{TenantId, Timestamp, broken, enforced};

/// The write-set of one act in one tenant. Its writers stand beside the rows they write.
#[must_use = "a write-set does nothing until it is committed"]
pub struct Changes {
    pub(crate) view: TenantView,
    pub(crate) steps: Vec<Step>,
    pub(crate) next_due: Option<Timestamp>,
    /// Whether it leaves an event that needs a place in the log.
    pub(crate) records: bool,
}

impl Changes {
    pub(crate) const fn new(view: TenantView) -> Self {
        Self { view, steps: Vec::new(), next_due: None, records: false }
    }

    /// Whose data it changes.
    pub const fn tenant(&self) -> TenantId {
        self.view.tenant
    }

    /// The tenant's id as a value of a statement.
    pub(crate) const fn id(&self) -> &[u8; 16] {
        self.view.tenant.as_bytes()
    }

    /// Makes the write-set depend on the epoch that the act was decided under.
    pub fn guard_epoch(&mut self, epoch: i64) {
        let statement = sql!("SELECT 1 FROM tenant WHERE tenant_id = ?1 AND epoch = ?2", self.id(), epoch);
        self.found(Guard::Epoch, statement);
    }

    /// Starts a new epoch: what is cached of the tenant's status, accounts, tokens, profiles and issuers is out of date.
    pub fn next_epoch(&mut self) {
        if enforced!("epoch.next") {
            self.run(sql!("UPDATE tenant SET epoch = epoch + 1 WHERE tenant_id = ?1", self.id()));
        }
    }

    pub(crate) fn run(&mut self, statement: Statement) {
        self.steps.push(Step::plain(statement));
    }

    pub(crate) fn found(&mut self, guard: Guard, statement: Statement) {
        self.steps.push(Step::found(guard, statement));
    }

    pub(crate) fn one(&mut self, guard: Guard, statement: Statement) {
        self.steps.push(Step::changed(guard, statement));
    }

    /// Commits: one durable step, or the guard that did not hold.
    pub async fn commit(self) -> Result<(), CommitError> {
        // A false alarm on a lane is cheap, a lost one is not: the lane is marked before the work exists.
        let late = broken!("lane-after-commit");
        // So that another process finds events that this one leaves without a place in the log.
        let due = self.records.then(|| self.view.lanes.sequenced_by()).into_iter().chain(self.next_due).min();
        if let Some(due) = due.filter(|_| !broken!("lane-unmarked") && !late) {
            self.view.lanes.mark(&*self.view.engine, self.view.tenant, due).await?;
        }
        let committed = self.view.engine.commit(self.view.tenant, self.steps).await;
        if matches!(committed, Err(CommitError::Store(_))) {
            // The engine is in doubt, and with it what was written into the lane: the next commit marks anew.
            self.view.lanes.forget(self.view.tenant);
        }
        if self.records && !matches!(committed, Err(CommitError::Guard(_))) {
            self.view.lanes.note_unsequenced(self.view.tenant);
        }
        committed?;
        if let Some(due) = self.next_due {
            if late {
                self.view.lanes.mark(&*self.view.engine, self.view.tenant, due).await?;
            }
            self.view.lanes.nudge(self.view.tenant, due);
        }
        Ok(())
    }
}
