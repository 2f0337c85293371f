//! The driver proved: each fault is turned on in a process of its own and must be found, and without a fault nothing is.

use anyhow::{Result, bail};
use tokio::process::Command;

/// Faults that `broken!` knows.
const FAULTS: [&str; 4] = ["sqlite.synchronous-off", "sqlite.synchronous-normal", "sqlite.answer-before-commit", "folder-unsynced"];

/// Those that show where the disk fails, besides.
const FAILING: [&str; 2] = ["journal-as-shown", "sqlite.answer-before-commit"];

/// What a campaign came to.
struct Ended {
    losses: String,
    finding: Option<String>,
    /// Why it failed.
    error: Option<String>,
}

/// Each fault for at most `runs` losses, and as many without one.
pub(super) async fn run(runs: u32, seed: u64, failing: bool) -> Result<()> {
    println!("power, at most {runs} losses each");
    let control = campaign(None, runs, seed, failing).await?;
    if let Some(wrong) = control.finding.or(control.error) {
        bail!("without a fault, so that nothing is proved: {wrong}");
    }
    println!("  {:<28} nothing found in {} losses", "without a fault", control.losses);
    let mut missed = Vec::new();
    for fault in if failing { &FAILING[..] } else { &FAULTS } {
        let Ended { losses, finding, error } = campaign(Some(fault), runs, seed, failing).await?;
        match finding {
            Some(finding) => println!("  {fault:<28} found within {losses:>3} losses: {finding}"),
            // An error that is no finding proves nothing either.
            None => missed.push(error.map_or_else(|| (*fault).to_owned(), |error| format!("{fault} ({error})"))),
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("not found in {runs} losses: {}", missed.join(", ")) }
}

/// Losses up to the first finding, in a process of its own.
async fn campaign(fault: Option<&str>, runs: u32, seed: u64, failing: bool) -> Result<Ended> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--power", "--first", "--runs", &runs.to_string(), "--seed", &seed.to_string()]);
    command.args(failing.then_some("--failing"));
    match fault {
        Some(fault) => command.env("CHANCERY_BROKEN", fault),
        None => command.env_remove("CHANCERY_BROKEN"),
    };
    let output = command.output().await?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    Ok(Ended {
        losses: text.split(' ').next().unwrap_or_default().to_owned(),
        finding: text.split_once("FOUND ").map(|(_, found)| line(found)),
        error: (!output.status.success()).then(|| errors.lines().last().unwrap_or("it says nothing").to_owned()),
    })
}
