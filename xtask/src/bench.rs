//! Measuring: passes on to the benchmark binary, built as the product is.

use crate::command::Command;
use crate::peers;
use crate::tree::Tree;
use anyhow::{Result, bail};

pub(crate) fn run(tree: &Tree, flags: &[&str]) -> Result<()> {
    let Some((name, flags)) = flags.split_first().filter(|(name, _)| !name.starts_with('-')) else {
        bail!("which one? for example `cargo xtask bench issue --quick`");
    };
    if let Some(unknown) = flags.iter().find(|flag| !["--quick", "--json"].contains(*flag)) {
        bail!("unknown flag `{unknown}`; there are --quick and --json");
    }
    let cargo = ["run", "--release", "--quiet", "--package", "chancery-testkit", "--bin", "chancery-bench", "--", name];
    // With --json only the object may reach standard output.
    let command = Command::new("cargo", &tree.root).args(cargo).args(flags);
    let command = if *name == "peers" { command.args([peers::install(tree)?]) } else { command };
    command.pass_on()
}
