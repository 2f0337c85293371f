//! Jobs and the outbox: what an act leaves to be done, committed with it.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::{JobId, Timestamp};

/// A unit of deferred work. Taking it moves its due time to the lease's end, so that a crashed worker's job comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// When it is due, or when its lease ends.
    pub due_at: Timestamp,
    /// Its id.
    pub id: JobId,
    /// What to do.
    pub kind: String,
    /// About what: ids and numbers, never a secret.
    pub subject: Vec<u8>,
    /// How often it was taken.
    pub attempts: i64,
}

/// A message to another realm's projection, delivered at least once and applied idempotently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its id, in order of time.
    pub id: JobId,
    /// What it says.
    pub kind: String,
    /// About what: ids, never a secret.
    pub payload: Vec<u8>,
}

impl TenantView {
    /// The jobs due at `now`, the longest due first.
    pub async fn due_jobs(&self, now: Timestamp, limit: u32) -> Result<Vec<JobRow>, StoreError> {
        let query = sql!(
            "SELECT due_at, id, kind, subject, attempts FROM job WHERE tenant_id = ?1 AND due_at <= ?2 ORDER BY due_at, id LIMIT ?3",
            self.id(),
            now,
            limit
        );
        let parse = |row: &Row| {
            Ok(JobRow {
                due_at: row.time(0)?,
                id: row.id(1, JobId::from_bytes)?,
                kind: row.text(2)?.to_owned(),
                subject: row.blob(3)?.to_vec(),
                attempts: row.int(4)?,
            })
        };
        self.rows(query, parse).await
    }

    /// When the next job is due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let query = sql!("SELECT due_at FROM job WHERE tenant_id = ?1 ORDER BY due_at LIMIT 1", self.id());
        self.row(query, |row| row.time(0)).await
    }

    /// The oldest messages of the outbox.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let query = sql!("SELECT id, kind, payload FROM outbox WHERE tenant_id = ?1 ORDER BY id LIMIT ?2", self.id(), limit);
        let parse =
            |row: &Row| Ok(OutboxRow { id: row.id(0, JobId::from_bytes)?, kind: row.text(1)?.to_owned(), payload: row.blob(2)?.to_vec() });
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Leaves a job; inserting the same one (due time and id) again changes nothing, but holds the row until the commit:
    /// a worker that takes the job meanwhile waits, and so sees what this write-set does.
    pub fn insert_job(&mut self, row: &JobRow) {
        self.next_due = Some(self.next_due.map_or(row.due_at, |due| due.min(row.due_at)));
        self.run(sql!(
            "INSERT INTO job (tenant_id, due_at, id, kind, subject, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (tenant_id, due_at, id) DO UPDATE SET attempts = job.attempts",
            self.id(),
            row.due_at,
            row.id.as_bytes(),
            row.kind.as_str(),
            row.subject.as_slice(),
            row.attempts
        ));
    }

    /// Takes the job that was read until `until`; another worker that read it too fails on the guard.
    pub fn lease_job(&mut self, row: &JobRow, until: Timestamp) {
        self.next_due = Some(self.next_due.map_or(until, |due| due.min(until)));
        let statement = sql!(
            "UPDATE job SET due_at = ?4, attempts = attempts + 1 WHERE tenant_id = ?1 AND due_at = ?2 AND id = ?3",
            self.id(),
            row.due_at,
            row.id.as_bytes(),
            until
        );
        self.one(Guard::Version("job"), statement);
    }

    /// Ends the job that is held under the lease which ends at `row.due_at`.
    pub fn finish_job(&mut self, row: &JobRow) {
        let statement = sql!("DELETE FROM job WHERE tenant_id = ?1 AND due_at = ?2 AND id = ?3", self.id(), row.due_at, row.id.as_bytes());
        self.one(Guard::Version("job"), statement);
    }

    /// Leaves a message for another realm.
    pub fn insert_outbox(&mut self, row: &OutboxRow) {
        let statement = sql!(
            "INSERT INTO outbox (tenant_id, id, kind, payload) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.kind.as_str(),
            row.payload.as_slice()
        );
        self.one(Guard::Unique("outbox"), statement);
    }

    /// Forgets a message that was delivered.
    pub fn remove_outbox(&mut self, id: JobId) {
        self.run(sql!("DELETE FROM outbox WHERE tenant_id = ?1 AND id = ?2", self.id(), id.as_bytes()));
    }
}
