//! Simulations: builds the driver, which has the service in it, and passes on to it.

use crate::command::Command;
use crate::tree::Tree;
use anyhow::{Context, Result};

/// In CI: so many worlds, other ones for each commit.
const SHARE: &str = "60";
/// In so many worlds, whatever the seeds have come to mean, each of the faults that CI turns on was found.
const PROVING: &str = "60";

/// Runs the driver with these flags.
pub(crate) fn run(tree: &Tree, flags: &[&str]) -> Result<()> {
    Command::new("cargo", &tree.root).args(["build", "--locked", "--package", "chancery-testkit", "--bin", "chancery-simulate"]).run()?;
    Command::new(tree.target.join("debug/chancery-simulate"), &tree.root).args(flags).run()
}

/// What CI does: the proof by faults that few worlds show, and worlds whose seeds follow from the commit.
pub(crate) fn share_of_commit(tree: &Tree) -> Result<()> {
    let hash = Command::new("git", &tree.root).args(["rev-parse", "HEAD"]).read()?;
    let start = hash.get(..8).context("git told no commit")?;
    // A hundred seeds to each hash, so that shares of different commits do not overlap.
    let seed = u64::from_str_radix(start, 16)? * 100;
    run(tree, &["--prove", "--quick", "--runs", PROVING])?;
    run(tree, &["--runs", SHARE, "--seed", &seed.to_string()])
}
