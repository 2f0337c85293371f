//! Crash runs: builds the product with its kill points and passes on to the driver.

use crate::command::Command;
use crate::tree::Tree;
use anyhow::Result;

/// In CI: so many runs an engine, and so many losses of power.
const SHARE: &str = "100";
const LOSSES: &str = "60";

/// Runs the driver with these flags; without `--engine` on both, one after the other. With `--power` there is SQLite alone.
pub(crate) fn run(tree: &Tree, flags: &[&str]) -> Result<()> {
    // Both in one build, so that the product's binary beside the driver's has the kill points; a release build never has them.
    let build =
        ["build", "--locked", "--package", "chancery", "--package", "chancery-testkit", "--bin", "chancery", "--bin", "chancery-crash"];
    Command::new("cargo", &tree.root).args(build).run()?;
    let both = if flags.contains(&"--engine") || flags.contains(&"--power") {
        vec![vec![]]
    } else {
        vec![vec!["--engine", "sqlite"], vec!["--engine", "postgres"]]
    };
    for engine in both {
        Command::new(tree.target.join("debug/chancery-crash"), &tree.root).args(engine).args(flags).run()?;
    }
    Ok(())
}

/// What CI does: both engines, and the proof that the driver finds what it is there to find.
pub(crate) fn share(tree: &Tree) -> Result<()> {
    run(tree, &["--runs", SHARE])?;
    run(tree, &["--prove", "--engine", "sqlite", "--runs", "60"])?;
    run(tree, &["--power", "--runs", LOSSES])?;
    run(tree, &["--power", "--prove", "--runs", "100"])?;
    run(tree, &["--power", "--failing", "--runs", LOSSES])?;
    run(tree, &["--power", "--failing", "--prove", "--runs", "200"])
}
