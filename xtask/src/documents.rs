//! Whether what documents and comments refer to exists: files, invariants, threats, tests.

use crate::tree::Tree;
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::path::Path;

const INVARIANTS: &str = "docs/invariants.md";
const THREATS: &str = "docs/threats.md";

/// Checks every relative link in a document, every invariant and threat cited in code, and every test named in the two lists.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    let mut wrong = Vec::new();
    let documents = tree.files("md")?;
    for path in &documents {
        let text = tree.text(path)?;
        let folder = tree.root.join(path.parent().unwrap_or(Path::new("")));
        for (line, link) in relative_links(&text).into_iter().filter(|(_, link)| !folder.join(link).exists()) {
            wrong.push(format!("{}:{line}: links to {link}, which does not exist", path.display()));
        }
    }
    let invariants = numbered_rows(&tree.text(Path::new(INVARIANTS))?, "I");
    let threats = numbered_rows(&tree.text(Path::new(THREATS))?, "");
    let mut tests = BTreeSet::new();
    for path in tree.files("rs")? {
        let text = tree.text(&path)?;
        tests.extend(functions(&text).map(str::to_owned));
        for (line, comment) in text.lines().zip(1..).filter_map(|(text, line)| Some((line, comment(text)?))) {
            let cited = |kind: &str, number: u32, list: &str| {
                format!("{}:{line}: cites {kind}{number}, which {list} does not have", path.display())
            };
            wrong.extend(numbers_after(comment, "I").filter(|n| !invariants.contains(n)).map(|n| cited("I", n, INVARIANTS)));
            if comment.contains("DESIGN") {
                wrong.push(format!("{}:{line}: cites a design that is not in this tree; cite docs/ or say why here", path.display()));
            }
            wrong.extend(numbers_after(comment, "THREATS ").filter(|n| !threats.contains(n)).map(|n| cited("threat ", n, THREATS)));
        }
    }
    for list in [INVARIANTS, THREATS] {
        for (line, name) in named_tests(&tree.text(Path::new(list))?).into_iter().filter(|(_, name)| !tests.contains(name)) {
            wrong.push(format!("{list}:{line}: names the test `{name}`, which does not exist"));
        }
    }
    for line in &wrong {
        println!("{line}");
    }
    if !wrong.is_empty() {
        bail!("{} references lead nowhere", wrong.len());
    }
    println!("{} documents, {} invariants, {} threats: every reference leads somewhere", documents.len(), invariants.len(), threats.len());
    Ok(())
}

/// Targets of links that are files of the tree, without their anchors; code blocks aside.
fn relative_links(text: &str) -> Vec<(usize, String)> {
    let mut in_code = false;
    let mut links = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        for part in line.split("](").skip(1).filter(|_| !in_code) {
            let target = part.split([')', ' ']).next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains(':') {
                links.push((number, file.to_owned()));
            }
        }
    }
    links
}

/// Numbers of the rows of the tables in a document: `| I4 | …` with the prefix `I`.
fn numbered_rows(text: &str, prefix: &str) -> BTreeSet<u32> {
    let row = |line: &str| line.strip_prefix("| ")?.strip_prefix(prefix)?.split(' ').next()?.parse().ok();
    text.lines().filter_map(row).collect()
}

/// The comment of a line of code; a `//` within an address is none.
fn comment(line: &str) -> Option<&str> {
    line.match_indices("//").find_map(|(at, _)| (!line.get(..at)?.ends_with(':')).then(|| line.get(at..)).flatten())
}

/// Numbers that follow a word, where the word begins: `I4` in "see I4", not in "RFCI4".
fn numbers_after<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = u32> + 'a {
    text.match_indices(word).filter_map(move |(at, _)| {
        let before = text.get(..at)?.chars().last();
        let after = text.get(at + word.len()..)?;
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let ends = !after.get(digits..)?.starts_with(|c: char| c.is_alphanumeric());
        let begins = !before.is_some_and(char::is_alphanumeric);
        (begins && ends).then(|| after.get(..digits)?.parse().ok()).flatten()
    })
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.split_once("fn ")?.1.split(['(', '<']).next())
}

/// Tests named in a list: test `name`.
fn named_tests(text: &str) -> Vec<(usize, String)> {
    let in_line = |(line, number): (&str, usize)| -> Vec<(usize, String)> {
        line.split("test `").skip(1).filter_map(|rest| Some((number, rest.split_once('`')?.0.to_owned()))).collect()
    };
    text.lines().zip(1..).flat_map(in_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_links_that_are_files() {
        let text = "[a](docs/a.md#part) and ![b](b.png \"title\")\n[c](https://example.org) [d](#here)\n```\n[e](none)\n```\n";
        assert_eq!(relative_links(text), [(1, "docs/a.md".to_owned()), (1, "b.png".to_owned())]);
    }

    #[test]
    fn finds_the_numbers_of_rows_and_citations() {
        assert_eq!(numbered_rows("| # |\n| --- |\n| I4 | no act |\n| I14 |\n", "I").into_iter().collect::<Vec<_>>(), [4, 14]);
        assert_eq!(numbered_rows("| 7 | rls |\n| x | y |\n", "").into_iter().collect::<Vec<_>>(), [7]);
        let cited = |text| numbers_after(comment(text).unwrap_or_default(), "I").collect::<Vec<_>>();
        assert_eq!(cited("let x = 1; // I5: intent (I4), not RFCI6, I7x or I"), [5, 4]);
        assert!(cited("let I8 = \"http://I9\";").is_empty());
        assert_eq!(numbers_after("// THREATS 15 and I5", "THREATS ").collect::<Vec<_>>(), [15]);
    }

    #[test]
    fn finds_tests_and_where_they_are_named() {
        let code = "    async fn one_gives_one() {\n    fn two<T>(x: T) {\n";
        assert_eq!(functions(code).collect::<Vec<_>>(), ["one_gives_one", "two"]);
        assert_eq!(named_tests("| I4 | test `one_gives_one`, test `three` |"), [(1, "one_gives_one".to_owned()), (1, "three".to_owned())]);
    }
}
