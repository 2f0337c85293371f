//! Counters with a ceiling: quotas that no race overshoots.

use crate::statement::sql;
use crate::{Changes, Guard, StoreError, TenantView};

/// Counts so many more, `?3`, last among its values: what many count is counted at once.
pub(crate) const COUNT_UP: &str =
    "UPDATE counter SET value = value + ?3, total = total + ?3 WHERE tenant_id = ?1 AND name = ?2 AND ceiling - value >= ?3";

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterRow {
    /// How many there are now.
    pub value: i64,
    /// How many there ever were.
    pub total: i64,
    /// How many there may be.
    pub ceiling: i64,
}

impl TenantView {
    /// The counter of this name.
    pub async fn counter(&self, name: &str) -> Result<Option<CounterRow>, StoreError> {
        let query = sql!("SELECT value, total, ceiling FROM counter WHERE tenant_id = ?1 AND name = ?2", self.id(), name);
        self.row(query, |row| Ok(CounterRow { value: row.int(0)?, total: row.int(1)?, ceiling: row.int(2)? })).await
    }
}

impl Changes {
    /// Makes a counter at zero.
    pub fn insert_counter(&mut self, name: &str, ceiling: i64) {
        let statement = sql!(
            "INSERT INTO counter (tenant_id, name, value, total, ceiling) VALUES (?1, ?2, 0, 0, ?3) ON CONFLICT DO NOTHING",
            self.id(),
            name,
            ceiling
        );
        self.one(Guard::Unique("counter"), statement);
    }

    /// Makes a counter at zero, unless it is there.
    pub fn open_counter(&mut self, name: &str, ceiling: i64) {
        let statement = sql!(
            "INSERT INTO counter (tenant_id, name, value, total, ceiling) VALUES (?1, ?2, 0, 0, ?3) ON CONFLICT DO NOTHING",
            self.id(),
            name,
            ceiling
        );
        self.run(statement);
    }

    /// Drops the counters of this kind, which their names begin with, before `time`, in the order of their texts.
    pub fn forget_counters(&mut self, kind: &str, time: &str) {
        let before = format!("{kind}{time}");
        let statement =
            sql!("DELETE FROM counter WHERE tenant_id = ?1 AND substr(name, 1, length(?2)) = ?2 AND name < ?3", self.id(), kind, before);
        self.run(statement);
    }

    /// Moves a counter's ceiling, if there is such a counter.
    pub fn move_ceiling(&mut self, name: &str, ceiling: i64) {
        self.run(sql!("UPDATE counter SET ceiling = ?3 WHERE tenant_id = ?1 AND name = ?2", self.id(), name, ceiling));
    }

    /// Moves the ceilings of all counters of this kind, which their names begin with.
    pub fn move_ceilings(&mut self, kind: &str, ceiling: i64) {
        let statement =
            sql!("UPDATE counter SET ceiling = ?3 WHERE tenant_id = ?1 AND substr(name, 1, length(?2)) = ?2", self.id(), kind, ceiling);
        self.run(statement);
    }

    /// Counts one more, unless that passes the ceiling.
    pub fn count_up(&mut self, name: &'static str) {
        self.count_up_by(name, name, 1);
    }

    /// Counts so many more, unless that passes the ceiling; `what` tells of what there are enough then.
    pub fn count_up_by(&mut self, name: &str, what: &'static str, by: i64) {
        self.one(Guard::Limit(what), sql!(COUNT_UP, self.id(), name, by));
    }

    /// Counts one more that was not made here, unless that passes the ceiling.
    pub fn count_in(&mut self, name: &'static str) {
        let statement =
            sql!("UPDATE counter SET value = value + 1 WHERE tenant_id = ?1 AND name = ?2 AND value < ceiling", self.id(), name);
        self.one(Guard::Limit(name), statement);
    }

    /// Counts one less.
    pub fn count_down(&mut self, name: &'static str) {
        let statement = sql!("UPDATE counter SET value = value - 1 WHERE tenant_id = ?1 AND name = ?2 AND value > 0", self.id(), name);
        self.one(Guard::Limit(name), statement);
    }
}
