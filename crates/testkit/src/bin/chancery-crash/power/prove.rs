//! The driver proved: each fault is turned on in a process of its own and must be found.

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// Faults that `broken!` knows.
const FAULTS: [&str; 4] = ["sqlite.synchronous-off", "sqlite.synchronous-normal", "sqlite.answer-before-commit", "folder-unsynced"];

/// Those that show where the disk fails, besides.
const FAILING: [&str; 2] = ["journal-as-shown", "sqlite.answer-before-commit"];

/// Each fault for at most `runs` losses.
pub(super) async fn run(runs: u32, seed: u64, failing: bool) -> Result<()> {
    let mut missed = Vec::new();
    println!("power, at most {runs} losses each");
    for fault in if failing { &FAILING[..] } else { &FAULTS } {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--power", "--first", "--runs", &runs.to_string(), "--seed", &seed.to_string()]);
        command.args(failing.then_some("--failing"));
        let output = command.env("CHANCERY_BROKEN", fault).output().await?;
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let losses = text.split(' ').next().unwrap_or_default();
        let found = text.split_once("FOUND ").map(|(_, found)| (format!("within {losses:>3} losses"), found));
        // What is wrong before any loss ends the campaign.
        let before = errors.split_once("chancery-crash: in the recorded run").map(|(_, found)| ("in a recorded run".to_owned(), found));
        match found.or(before) {
            Some((when, finding)) => {
                let finding = finding.lines().next().context("a finding says nothing")?;
                println!("  {fault:<28} found {when}: {finding}");
            }
            None => missed.push(*fault),
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found in {runs} losses: {}", missed.join(", ")) }
}
