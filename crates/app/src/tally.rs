//! Tallies: of what happens often, the first in each window are recorded one by one and the rest counted, so that neither a
//! flood nor a trickle fills the disk, and nothing is lost from the record but its repetition.

use chancery_domain::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A tally by whose or what it is.
pub(crate) struct Tally<K> {
    each: u32,
    window: Duration,
    windows: Mutex<BTreeMap<K, Window>>,
}

struct Window {
    ends: Timestamp,
    seen: u32,
}

/// What is to be recorded of one occurrence.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// It itself, and how many were only counted in the window before.
    This { counted_before: u32 },
    /// Nothing now.
    Count,
}

impl<K: Ord> Tally<K> {
    /// Records `each` in a window one by one.
    pub(crate) fn new(each: u32, window: Duration) -> Self {
        Self { each, window, windows: Mutex::default() }
    }

    /// Notes one occurrence.
    pub(crate) fn note(&self, what: K, now: Timestamp) -> Record {
        let mut windows = self.windows();
        let window = windows.entry(what).or_insert_with(|| Window { ends: now.after(self.window), seen: 0 });
        let mut counted_before = 0;
        if window.ends <= now && self.each > 0 {
            counted_before = window.seen.saturating_sub(self.each);
            *window = Window { ends: now.after(self.window), seen: 0 };
        }
        window.seen = window.seen.saturating_add(1);
        if window.seen <= self.each { Record::This { counted_before } } else { Record::Count }
    }

    /// Takes out the windows that ended, with what was only counted in them.
    pub(crate) fn ended(&self, now: Timestamp) -> Vec<(K, u32)> {
        let ended: Vec<_> = self.windows().extract_if(.., |_, window| window.ends <= now).collect();
        ended.into_iter().map(|(what, window)| (what, window.seen.saturating_sub(self.each))).filter(|(_, n)| *n > 0).collect()
    }

    /// Puts back what could not be recorded; it is told with the window's next end.
    pub(crate) fn put_back(&self, what: K, counted: u32, now: Timestamp) {
        let seen = counted.saturating_add(self.each);
        let mut windows = self.windows();
        let window = windows.entry(what).or_insert_with(|| Window { ends: now.after(self.window), seen: 0 });
        window.seen = window.seen.max(self.each).saturating_add(seen.saturating_sub(self.each));
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<K, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_flood_is_counted_and_none_is_lost() {
        let (tally, now) = (Tally::new(20, MINUTE), Timestamp::from_seconds(1_800_000_000));
        let recorded = (0..1000).filter(|_| matches!(tally.note("who", now), Record::This { .. })).count();
        assert_eq!(recorded, 20);
        assert!(tally.ended(now).is_empty());
        assert_eq!(tally.ended(now.after(MINUTE)), [("who", 980)]);
        assert!(tally.ended(now.after(MINUTE)).is_empty());
    }

    #[test]
    fn what_could_not_be_told_is_told_later() {
        let (tally, now) = (Tally::new(0, MINUTE), Timestamp::from_seconds(1_800_000_000));
        assert_eq!(tally.note("who", now), Record::Count);
        for (who, counted) in tally.ended(now.after(MINUTE)) {
            tally.put_back(who, counted, now.after(MINUTE));
        }
        tally.note("who", now.after(MINUTE));
        assert_eq!(tally.ended(now.after(MINUTE * 2)), [("who", 2)]);
    }

    #[test]
    fn a_new_window_tells_what_the_old_one_counted() {
        let (tally, now) = (Tally::new(1, MINUTE), Timestamp::from_seconds(1_800_000_000));
        assert_eq!(tally.note("who", now), Record::This { counted_before: 0 });
        assert_eq!(tally.note("who", now), Record::Count);
        assert_eq!(tally.note("who", now.after(MINUTE)), Record::This { counted_before: 1 });
    }
}
