//! Crash runs: builds the product with its kill points and passes on to the driver.

use crate::command::Command;
use crate::tree::Tree;
use anyhow::Result;

/// In CI: so many runs an engine.
const SHARE: &str = "100";

/// Runs the driver with these flags; without `--engine` on both, one after the other.
pub(crate) fn run(tree: &Tree, flags: &[&str]) -> Result<()> {
    // Both in one build, so that the product's binary beside the driver's has the kill points; a release build never has them.
    let build =
        ["build", "--locked", "--package", "chancery", "--package", "chancery-testkit", "--bin", "chancery", "--bin", "chancery-crash"];
    Command::new("cargo", &tree.root).args(build).run()?;
    let both = if flags.contains(&"--engine") { vec![vec![]] } else { vec![vec!["--engine", "sqlite"], vec!["--engine", "postgres"]] };
    for engine in both {
        Command::new(tree.target.join("debug/chancery-crash"), &tree.root).args(engine).args(flags).run()?;
    }
    Ok(())
}

/// What CI does: both engines, and the proof that the driver finds what it is there to find.
pub(crate) fn share(tree: &Tree) -> Result<()> {
    run(tree, &["--runs", SHARE])?;
    run(tree, &["--prove", "--engine", "sqlite", "--runs", "60"])
}
