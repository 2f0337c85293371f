//! Lengths of the source files: a long file is a room with two names.

use crate::tree::Tree;
use anyhow::{Result, bail};

const LONGEST: usize = 600;
/// A longer file says why among its first lines, after this word.
const EXCUSE: &str = "reason:";
const FIRST_LINES: usize = 10;

/// Prints the median and the longest, and fails on a file that is too long without saying why.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    let mut lengths = Vec::new();
    let mut too_long = Vec::new();
    for path in tree.files("rs")? {
        let text = tree.text(&path)?;
        let lines = text.lines().count();
        if is_too_long(&text) {
            too_long.push(format!("{} ({lines} lines)", path.display()));
        }
        lengths.push((lines, path));
    }
    lengths.sort();
    let (Some((median, _)), Some((longest, path))) = (lengths.get(lengths.len() / 2), lengths.last()) else { bail!("no source files") };
    println!("{} files, median {median} lines, longest {longest} ({})", lengths.len(), path.display());
    if !too_long.is_empty() {
        bail!("over {LONGEST} lines; split them, or say `{EXCUSE}` in the first {FIRST_LINES} lines: {}", too_long.join(", "));
    }
    Ok(())
}

fn is_too_long(text: &str) -> bool {
    text.lines().count() > LONGEST && !text.lines().take(FIRST_LINES).any(|line| line.contains(EXCUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_needs_a_reason_at_its_top() {
        assert!(!is_too_long(&"x\n".repeat(LONGEST)));
        assert!(is_too_long(&"x\n".repeat(LONGEST + 1)));
        assert!(!is_too_long(&format!("//! reason: one table\n{}", "x\n".repeat(LONGEST))));
        assert!(is_too_long(&format!("{}// reason: too late\n", "x\n".repeat(LONGEST))));
    }
}
