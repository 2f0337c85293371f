//! Losses of power: a run of the real service is recorded below SQLite, and at many moments of it the disk is what was synced,
//! with any part of the rest. Each such disk is opened, worked on and compared as after a kill. The disk may have failed before.

mod disk;
mod early;
mod fault;
mod loss;
mod prove;
mod record;
mod vfs;
mod world;

pub(crate) use record::moment;

use anyhow::{Result, bail};
use std::time::Instant;

/// Losses from one recorded run, and from one in which the disk failed: those differ more.
const EACH: u32 = 100;
const EACH_FAILED: u32 = 20;

/// Sums over all worlds.
#[derive(Default)]
struct Report {
    losses: u32,
    /// Of them before the first operator was there.
    early: u32,
    worlds: u32,
    /// Steps of the disk that were recorded, and acts that were acknowledged.
    steps: usize,
    acknowledged: usize,
    /// Steps, and bytes of files, that were not synced at the losses.
    unsynced: usize,
    findings: Vec<String>,
}

/// How losses are played.
#[derive(Clone, Copy, Default)]
pub(crate) struct How {
    /// Up to the first finding.
    pub(crate) first: bool,
    pub(crate) proving: bool,
    /// The disk fails now and then while clients act.
    pub(crate) failing: bool,
}

/// `runs` losses, in worlds of seeds `seed`, `seed + 1`, ….
pub(crate) async fn run(runs: u32, seed: u64, How { first, proving, failing }: How) -> Result<()> {
    if proving {
        return prove::run(runs, seed, failing).await;
    }
    vfs::install()?;
    let (mut report, started) = (Report::default(), Instant::now());
    let mut world = seed;
    while report.losses < runs && (!first || report.findings.is_empty()) {
        let losses = if failing { EACH_FAILED } else { EACH }.min(runs - report.losses);
        let known = report.findings.len();
        world::run(world, losses, first, failing, &mut report).await?;
        world += 1;
        // At once: a long run that is cut short has told what it found.
        report.findings.iter().skip(known).for_each(|finding| eprintln!("FOUND {finding}"));
        eprintln!("power: {} of {runs} losses, {} findings", report.losses, report.findings.len());
    }
    println!("{} losses of power in {:.0} s", report.losses, started.elapsed().as_secs_f64());
    println!("  recorded runs          {:>7}", report.worlds);
    println!("  steps of the disk      {:>7}", report.steps);
    println!("  acts acknowledged      {:>7}   (in the recorded runs)", report.acknowledged);
    println!("  failed writes, syncs   {:>7}   (in the recorded runs)", fault::failed());
    println!("  before any operator    {:>7}   (losses)", report.early);
    println!("  steps not synced       {:>7}   (on average at a loss)", report.unsynced / report.losses.max(1) as usize);
    println!("  findings               {:>7}", report.findings.len());
    for finding in &report.findings {
        println!("FOUND {finding}");
    }
    if report.findings.is_empty() { Ok(()) } else { bail!("{} findings", report.findings.len()) }
}
