//! The driver proved: each fault is turned on in a process of its own and must be found.

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// Faults that `broken!` knows.
const FAULTS: [&str; 4] = ["sqlite.synchronous-off", "sqlite.synchronous-normal", "sqlite.answer-before-commit", "folder-unsynced"];

/// Each fault for at most `runs` losses.
pub(super) async fn run(runs: u32, seed: u64) -> Result<()> {
    let mut missed = Vec::new();
    println!("power, at most {runs} losses each");
    for fault in FAULTS {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--power", "--first", "--runs", &runs.to_string(), "--seed", &seed.to_string()]);
        let output = command.env("CHANCERY_BROKEN", fault).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let losses = text.split(' ').next().unwrap_or_default();
        match text.split_once("FOUND ") {
            Some((_, finding)) => {
                let finding = finding.lines().next().context("a finding says nothing")?;
                println!("  {fault:<28} found within {losses:>3} losses: {finding}");
            }
            None => missed.push(fault),
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found in {runs} losses: {}", missed.join(", ")) }
}
