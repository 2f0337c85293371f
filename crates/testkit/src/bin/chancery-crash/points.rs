//! The kill points of docs/kill-points.md, taken in turn so that each is hit.

use chancery_testkit::Engine;
use chancery_testkit::chance::Chance;

/// The points that a server on this engine can pass, each once a cycle.
pub(crate) struct Cycle {
    all: Vec<&'static str>,
    next: usize,
    next_at_init: usize,
}

const LISTED: &str = include_str!("../../../../../docs/kill-points.md");

/// Points that commands pass and no server: crates/cli/tests/backup kills at each of them.
const OFFLINE: &[&str] = &["backup.", "restore.", "reconcile."];

/// The points of this engine: all but those of the other one's code.
pub(crate) fn of(engine: Engine) -> Vec<&'static str> {
    let other = match engine {
        Engine::Sqlite => "postgres.",
        Engine::Postgres => "sqlite.",
    };
    let names = LISTED.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.filter(|name| !name.starts_with(other) && !OFFLINE.iter().any(|start| name.starts_with(start))).collect()
}

impl Cycle {
    pub(crate) fn of(engine: Engine) -> Self {
        Self { all: of(engine), next: 0, next_at_init: 0 }
    }

    /// The next point for a server that serves, and at which passage.
    pub(crate) fn next(&mut self, chance: &mut Chance) -> (&'static str, usize) {
        let serving: Vec<_> = self.all.iter().copied().filter(|name| !name.starts_with("root-key.")).collect();
        let point = serving.get(self.next % serving.len().max(1)).copied().unwrap_or_default();
        self.next += 1;
        let often = [".commit.", "lane.mark"].iter().any(|part| point.contains(part));
        let seldom = ["crl.", "job."].iter().any(|start| point.starts_with(start));
        (
            point,
            1 + chance.below(if often {
                60
            } else if seldom {
                6
            } else {
                2
            }),
        )
    }

    /// The next point for `chancery init`.
    pub(crate) fn next_at_init(&mut self) -> &'static str {
        let passed = |name: &&&str| {
            ["root-key.", "sqlite.", "postgres.", "tenant.keys-made", "tenant.realm-made"].iter().any(|start| name.starts_with(start))
        };
        let initial: Vec<_> = self.all.iter().filter(passed).copied().collect();
        let point = initial.get(self.next_at_init % initial.len().max(1)).copied().unwrap_or_default();
        self.next_at_init += 1;
        point
    }
}
