//! Golden files: what the code says of itself, kept under docs/ so that a change of it is seen in review.

use crate::command::Command;
use crate::kill_points;
use crate::mutants;
use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use std::path::Path;

const MEND: &str = "run `cargo xtask generate`, read the difference with `git diff docs`, and commit it with the change that caused it";

/// Writes the golden files.
pub(crate) fn write(tree: &Tree) -> Result<()> {
    generate(tree, &tree.root.join("docs"))
}

/// Compares them with what the code says now, writing nothing under docs/.
pub(crate) fn check(tree: &Tree) -> Result<()> {
    let fresh = tree.target.join("golden");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).with_context(|| format!("emptying {}", fresh.display()))?;
    }
    std::fs::create_dir_all(&fresh).with_context(|| format!("making {}", fresh.display()))?;
    generate(tree, &fresh)?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&fresh).context("reading what was generated")? {
        names.push(entry?.file_name());
    }
    names.sort();
    if names.is_empty() {
        bail!("the generator wrote no file");
    }
    let mut stale = Vec::new();
    for name in &names {
        let kept = tree.root.join("docs").join(name);
        if std::fs::read(&kept).ok() == Some(std::fs::read(fresh.join(name))?) {
            println!("docs/{}: up to date", name.display());
        } else {
            stale.push(format!("docs/{}", name.display()));
            show_difference(tree, &kept, &fresh.join(name));
        }
    }
    if !stale.is_empty() {
        bail!("{} no longer what the code says: {MEND}", stale.join(", "));
    }
    Ok(())
}

fn generate(tree: &Tree, folder: &Path) -> Result<()> {
    Command::new("cargo", &tree.root)
        .args(["run", "--quiet", "--package", "chancery-testkit", "--bin", "chancery-generate", "--"])
        .args([folder])
        .run()?;
    kill_points::write(tree, folder)?;
    mutants::generate(tree, folder)
}

/// Minus: what is kept; plus: what the code says. Git ends with 1 when there is a difference, which is what is expected here.
fn show_difference(tree: &Tree, kept: &Path, fresh: &Path) {
    let kept = if kept.exists() { kept } else { Path::new("/dev/null") };
    let shown = Command::new("git", &tree.root).args(["--no-pager", "diff", "--no-index", "--no-color", "--"]).args([kept, fresh]).run();
    if shown.is_ok() {
        println!("(git shows no difference; line ends or permissions?)");
    }
}
