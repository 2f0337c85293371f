//! Who may see whom. The direction of crates is what `ls crates` promises; ARCHITECTURE.md draws it.

mod direction;
mod source;

use crate::kill_points;
use crate::tree::Tree;
use anyhow::{Result, bail};

/// Checks the direction of crates, who names a storage backend, where SQL stands, and that durable acts have kill points.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    let mut violations = direction::violations(&tree.metadata);
    let mut files = 0;
    for path in tree.files("rs")? {
        let Some(file) = source::File::product(&path) else { continue };
        files += 1;
        violations.extend(file.violations(&tree.text(&path)?));
    }
    for path in tree.files("sql")? {
        if !path.starts_with("crates/store") {
            violations.push(format!("{}: SQL lives in crates/store and nowhere else", path.display()));
        }
    }
    violations.extend(kill_points::violations(tree)?);
    for violation in &violations {
        println!("{violation}");
    }
    if !violations.is_empty() {
        bail!("{} violations of the layers", violations.len());
    }
    println!(
        "layers: crates point the right way; {files} source files name no backend and hold no SQL where they must not; every durable act has a kill point"
    );
    Ok(())
}
