//! What the runs came to: the table, and each finding with the way to see it again.

use crate::act::Act;
use crate::points;
use chancery_testkit::Engine;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// In so many runs every point must have been hit.
const ENOUGH: u32 = 100;

/// Sums over all worlds.
pub(crate) struct Report {
    pub(crate) runs: u32,
    /// Kills by point.
    pub(crate) at_points: BTreeMap<&'static str, u32>,
    /// Kills at a random moment.
    pub(crate) at_random: u32,
    /// Points that were asked for and not reached in time; the server was killed then.
    pub(crate) not_reached: u32,
    /// What was acknowledged, by act.
    pub(crate) acknowledged: BTreeMap<Act, usize>,
    /// Acknowledged only when they were sent again.
    pub(crate) unanswered: usize,
    pub(crate) repeated: usize,
    /// Checkpoints of logs that were fetched and compared.
    pub(crate) checkpoints: usize,
    pub(crate) findings: Vec<String>,
    started: Instant,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            runs: 0,
            at_points: BTreeMap::new(),
            at_random: 0,
            not_reached: 0,
            acknowledged: BTreeMap::new(),
            unanswered: 0,
            repeated: 0,
            checkpoints: 0,
            findings: Vec::new(),
            started: Instant::now(),
        }
    }

    pub(crate) fn took(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn hit(&mut self, point: &'static str) {
        *self.at_points.entry(point).or_default() += 1;
    }

    /// Whoever goes through the points more than once has hit each, and has had each act acknowledged.
    pub(crate) fn expect_all(&mut self, engine: Engine) {
        if self.runs < ENOUGH {
            return;
        }
        let points = points::of(engine);
        let missed = points.iter().filter(|point| !self.at_points.contains_key(*point));
        self.findings.extend(missed.map(|point| format!("nothing was killed at {point}: does the server still pass it?")));
        let never = Act::ALL.iter().filter(|act| !self.acknowledged.contains_key(act));
        self.findings.extend(never.map(|act| format!("{act:?} was never acknowledged: do clients still ask for it?")));
    }

    pub(crate) fn print(&self, engine: Engine) {
        println!("{engine:?}: {} runs in {:.0} s", self.runs, self.took().as_secs_f64());
        println!("  killed at a point      {:>7}", self.at_points.values().sum::<u32>());
        println!("  killed at random       {:>7}", self.at_random);
        println!("  point not reached      {:>7}   (killed then)", self.not_reached);
        println!("  acts acknowledged      {:>7}", self.acknowledged.values().sum::<usize>());
        println!("  of them sent again     {:>7}   (unanswered at a kill)", self.unanswered);
        println!("  repeats compared       {:>7}", self.repeated);
        println!("  checkpoints compared   {:>7}", self.checkpoints);
        println!("  findings               {:>7}", self.findings.len());
        for act in Act::ALL {
            println!("    {:<32} {:>5}", format!("{act:?}"), self.acknowledged.get(act).copied().unwrap_or(0));
        }
        for point in points::of(engine) {
            println!("    {point:<32} {:>5}", self.at_points.get(point).copied().unwrap_or(0));
        }
        for finding in &self.findings {
            println!("FOUND {finding}");
        }
    }
}
