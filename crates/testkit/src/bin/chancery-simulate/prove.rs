//! The simulation proved: one fault after the other is turned on, and each must be found, in worlds where nothing is without it.

use anyhow::{Context, Result, bail, ensure};
use std::process::{Command, Output};

/// Faults that `broken!` or `enforced!` know, and that a few worlds show.
const QUICK: &[&str] = &[
    "event",
    "event-apart",
    "idempotency.record",
    "lane-unmarked",
    "lane-after-commit",
    "guard.version.certificate",
    "guard.limit.counter",
    "guard.unique.imported",
    "decision.key-reuse",
    "private-key.count",
    "revocation.published",
    "places-apart",
];
/// Those that take many worlds.
const SLOW: &[&str] = &["lane-settled-early", "epoch", "guard.version.private_key", "lease.forget"];

/// Each in a process of its own, for a fault is turned on once and for all.
pub(crate) fn run(runs: u64, seed: u64, quick: bool) -> Result<()> {
    let (mut missed, mut last) = (Vec::new(), seed);
    println!("at most {runs} worlds each, from seed {seed}");
    for fault in QUICK.iter().chain(SLOW.iter().filter(|_| !quick)) {
        let said = String::from_utf8(worlds(runs, seed, Some(fault))?.stdout)?;
        match said.lines().find_map(|line| line.strip_prefix("FOUND with seed ")) {
            Some(found) => {
                println!("  {fault:<28} {found}");
                let of = found.split(':').next().unwrap_or_default();
                last = last.max(of.parse().with_context(|| format!("the seed of {found}"))?);
            }
            None => missed.push(*fault),
        }
    }
    ensure!(missed.is_empty(), "not found in {runs} worlds: {}", missed.join(", "));
    // What is found without a fault, too, was not found because of it.
    let control = worlds(last - seed + 1, seed, None)?;
    if !control.status.success() {
        bail!("something is found without any fault, so nothing is proved:\n{}", String::from_utf8_lossy(&control.stdout));
    }
    println!("  without a fault              nothing in the worlds {seed} to {last}");
    Ok(())
}

/// Runs so many worlds with this fault.
fn worlds(runs: u64, seed: u64, fault: Option<&str>) -> Result<Output> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--runs", &runs.to_string(), "--seed", &seed.to_string()]);
    // Each variable knows its own names: the other one turns nothing on.
    for variable in ["CHANCERY_BROKEN", "CHANCERY_MUTANT"] {
        match fault {
            Some(fault) => command.env(variable, fault),
            None => command.env_remove(variable),
        };
    }
    command.output().with_context(|| format!("running the worlds of {}", fault.unwrap_or("no fault")))
}
