//! The kill points of docs/kill-points.md, taken in turn so that each is hit.

use chancery_testkit::Engine;
use chancery_testkit::chance::Chance;

/// The points that a server on this engine can pass, each once a cycle.
pub(crate) struct Cycle {
    all: Vec<&'static str>,
    next: usize,
    next_at_init: usize,
    /// Those that were not reached in time.
    again: Vec<&'static str>,
}

const LISTED: &str = include_str!("../../../../../docs/kill-points.md");

/// Who kills there, as the page says it of a point that the driver passes.
const DRIVER: &str = "`cargo xtask crash`";
/// Points that `chancery init` alone passes.
const INITIAL: &[&str] = &["root-key.", "postgres.migration.", "postgres.keyring.migration."];

/// The points of this engine: all but those of the other one's code.
pub(crate) fn of(engine: Engine) -> Vec<&'static str> {
    let other = match engine {
        Engine::Sqlite => "postgres.",
        Engine::Postgres => "sqlite.",
    };
    let driven = LISTED.lines().filter(|line| line.contains(DRIVER));
    driven.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).filter(|name| !name.starts_with(other)).collect()
}

fn is_initial(name: &str) -> bool {
    INITIAL.iter().any(|start| name.starts_with(start))
}

impl Cycle {
    pub(crate) fn of(engine: Engine) -> Self {
        Self { all: of(engine), next: 0, next_at_init: 0, again: Vec::new() }
    }

    /// The next point for a server that serves, and at which passage.
    pub(crate) fn next(&mut self, chance: &mut Chance) -> (&'static str, usize) {
        // A point that was missed at a later passage is surely met at the first.
        if let Some(point) = self.again.pop() {
            return (point, 1);
        }
        let serving: Vec<_> = self.all.iter().copied().filter(|name| !is_initial(name)).collect();
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

    /// Asks for a point once more, that was not reached in time.
    pub(crate) fn again(&mut self, point: &'static str) {
        self.again.push(point);
    }

    /// The next point for `chancery init`: first those that it alone passes.
    pub(crate) fn next_at_init(&mut self) -> &'static str {
        let others = ["sqlite.", "postgres.", "tenant.keys-made", "tenant.realm-made"];
        let passed = |name: &&&str| !is_initial(name) && others.iter().any(|start| name.starts_with(start));
        let initial: Vec<_> = self.all.iter().filter(|name| is_initial(name)).chain(self.all.iter().filter(passed)).copied().collect();
        let point = initial.get(self.next_at_init % initial.len().max(1)).copied().unwrap_or_default();
        self.next_at_init += 1;
        point
    }
}
