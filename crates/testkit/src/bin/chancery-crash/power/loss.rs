//! Which of the unsynced changes of one file or folder a loss of power spares.

use chancery_testkit::chance::Chance;

/// How a disk treats what was not synced; drawn anew for each file, for caches are emptied file by file.
pub(super) struct Mood {
    kind: Kind,
    torn: bool,
}

enum Kind {
    Nothing,
    Everything,
    /// Each with so many chances of eight.
    Some(usize),
    /// In order, up to here.
    Until(usize),
}

impl Mood {
    /// A mood towards so many changes.
    pub(super) fn of(chance: &mut Chance, changes: usize) -> Self {
        let kind = match chance.below(8) {
            0 => Kind::Nothing,
            1 => Kind::Everything,
            2 | 3 => Kind::Some(4),
            4 => Kind::Some(1),
            5 => Kind::Some(7),
            _ => Kind::Until(chance.below(changes + 1)),
        };
        Self { kind, torn: chance.below(2) == 0 }
    }

    /// Whether the next change is spared.
    pub(super) fn keeps(&mut self, chance: &mut Chance) -> bool {
        if let Kind::Until(left) = &mut self.kind {
            let kept = *left > 0;
            *left = left.saturating_sub(1);
            return kept;
        }
        self.keeps_sector(true, chance)
    }

    /// Whether the next sector of this change is spared; `kept` says whether the change is.
    pub(super) fn keeps_sector(&self, kept: bool, chance: &mut Chance) -> bool {
        match self.kind {
            Kind::Nothing => false,
            Kind::Everything => true,
            Kind::Some(of_eight) => chance.below(8) < of_eight,
            // The last one was being written.
            Kind::Until(left) => kept && (left > 0 || chance.below(2) == 0),
        }
    }

    /// Whether this sector is the one that was being written.
    pub(super) fn tears(&mut self, chance: &mut Chance) -> bool {
        let tears = self.torn && !matches!(self.kind, Kind::Everything) && chance.below(16) == 0;
        self.torn &= !tears;
        tears
    }
}
