//! The simulation proved: one fault after the other is turned on, and each must be found.

use anyhow::{Context, Result, bail};
use std::process::Command;

/// Faults that `broken!` or `enforced!` know.
const FAULTS: &[&str] = &[
    "event",
    "event-apart",
    "idempotency.record",
    "lane-unmarked",
    "lane-after-commit",
    "epoch",
    "guard.version.certificate",
    "guard.limit.counter",
    "revocation.published",
    "lease.forget",
];

/// Each in a process of its own, for a fault is turned on once and for all.
pub(crate) fn run(runs: u64, seed: u64) -> Result<()> {
    let mut missed = Vec::new();
    println!("at most {runs} worlds each, from seed {seed}");
    for fault in FAULTS {
        let output = Command::new(std::env::current_exe()?)
            .args(["--runs", &runs.to_string(), "--seed", &seed.to_string()])
            // Each variable knows its own names: the other one turns nothing on.
            .env("CHANCERY_BROKEN", fault)
            .env("CHANCERY_MUTANT", fault)
            .output()
            .with_context(|| format!("running the worlds of {fault}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        match said.lines().find_map(|line| line.strip_prefix("FOUND with ")) {
            Some(found) => println!("  {fault:<28} {found}"),
            None => missed.push(*fault),
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found in {runs} worlds: {}", missed.join(", ")) }
}
