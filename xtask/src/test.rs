//! All tests, on both engines.

use crate::command::Command;
use crate::setup;
use crate::tree::Tree;
use anyhow::Result;

/// Installs what tests need and runs them all; the runner's lines go to the terminal as they are.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    setup::for_tests(tree)?;
    Command::new("cargo", &tree.root).args(["test", "--workspace", "--no-fail-fast"]).env("CHANCERY_TEST_TOOLS", setup::judges(tree)).run()
}
