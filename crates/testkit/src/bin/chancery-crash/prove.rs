//! The driver proved: one fault after the other is turned on in the server, and each must be found.

use crate::campaign;
use anyhow::{Result, bail};
use chancery_testkit::Engine;

/// Faults that `broken!` or `enforced!` know, each with what must be found of it.
const FAULTS: [(&str, &str); 8] = [
    ("sqlite.answer-before-commit", "acknowledged, and its event is not in the log"),
    ("postgres.answer-before-commit", "acknowledged, and its event is not in the log"),
    ("event-apart", "in the tables"),
    ("event", "acknowledged, and its event is not in the log"),
    ("idempotency.record", "a repeat was answered otherwise"),
    ("guard.version.private_key", "the log counts"),
    ("places-apart", "the log has a gap"),
    ("lane-unmarked", "jobs not done"),
];

/// Each fault for at most `runs` runs. Without a fault nothing may be found, which the ordinary runs show.
pub(crate) async fn run(engine: Engine, runs: u32, seed: u64) -> Result<()> {
    let mut missed = Vec::new();
    println!("{engine:?}, at most {runs} runs each");
    let other = if engine == Engine::Sqlite { "postgres." } else { "sqlite." };
    let own = |(fault, _): &&(&str, &str)| !fault.starts_with(other);
    for (fault, expected) in FAULTS.iter().filter(own) {
        let report = campaign(engine, runs, seed, Some((*fault, *expected))).await?;
        match report.findings.iter().find(|finding| finding.contains(expected)) {
            Some(finding) => println!("  {fault:<28} found after {:>3} runs: {}", report.runs, finding.lines().next().unwrap_or_default()),
            None => missed.push(*fault),
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found in {runs} runs: {}", missed.join(", ")) }
}
