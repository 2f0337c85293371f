//! Kill points: the list of durable steps under docs/, from the sources, and the check that no durable act stands without one.

use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The golden file.
const PAGE: &str = "kill-points.md";

/// What makes something durable, as it stands in a line of code.
const DURABLE: &[&str] = &[
    "sync_all(",
    "sync_data(",
    "fs::rename(",
    "persist_noclobber(",
    "disk::sync_file(",
    "disk::rename(",
    "disk::sync_folder(",
    "transaction.commit(",
    "store.create_realm(",
    "lease.execute(",
    ".execute(params!",
    "\"COMMIT\"",
    "deed.commit(self.ports(), \"crl.publish\"",
];
/// A point stands at most so many lines away.
const BESIDE: usize = 8;
/// A comment that says why a durable act needs none.
const EXCUSE: &str = "no kill point:";

/// The commands, and the archives, whose points no server of the driver passes, with the test that kills them at each, and fails for one that was not passed.
const COMMANDS: [(&str, &str); 4] = [
    ("archive.", "a_killed_export_puts_the_same_there_again"),
    ("backup.", "a_killed_backup_leaves_nothing_that_looks_whole"),
    ("restore.", "a_killed_restore_is_not_served_and_runs_again"),
    ("reconcile.", "a_killed_reconciliation_goes_on"),
];
/// Where these tests are.
const TESTS: &str = "crates/cli/tests/backup/kills.rs";

const HEAD: &str = "\
# Kill points

Every durable step has a name in the code, before and after it. `cargo xtask crash` ends the server at each of them
(`CHANCERY_KILL=<name>:<nth>`, in builds for tests alone) and compares what is left with what was acknowledged; see
[crash.md](crash.md). Commands are ended at theirs by a test. Either fails for a point at which nothing was killed. `cargo xtask generate`
writes this page; `cargo xtask layers` fails where something durable is done without a point beside it.

| Point | Where | Killed there by |
| --- | --- | --- |
";

/// Writes the page into the folder.
pub(crate) fn write(tree: &Tree, folder: &Path) -> Result<()> {
    let mut points = BTreeMap::new();
    for path in sources(tree)? {
        for name in names(&tree.text(&path)?) {
            if let Some(first) = points.insert(name.clone(), path.clone()) {
                bail!("the kill point {name} stands twice: {} and {}", first.display(), path.display());
            }
        }
    }
    let mut page = HEAD.to_owned();
    for (name, path) in &points {
        page += &format!("| `{name}` | `{}` | {} |\n", path.display(), killer(tree, name)?);
    }
    std::fs::write(folder.join(PAGE), page).with_context(|| format!("writing {PAGE}"))
}

/// Who kills at this point: the driver, whose report fails for one that it never hit, or a test that goes through the points of a command.
fn killer(tree: &Tree, name: &str) -> Result<String> {
    let Some((start, test)) = COMMANDS.iter().find(|(start, _)| name.starts_with(start)) else {
        return Ok("`cargo xtask crash`".to_owned());
    };
    let text = tree.text(Path::new(TESTS))?;
    let body = text.split_once(&format!("async fn {test}(")).map(|(_, rest)| rest.split("\n}\n").next().unwrap_or_default());
    match body {
        Some(body) if body.contains(&format!("points(\"{start}\"")) && body.contains("was not passed") => Ok(format!("`{TESTS}` `{test}`")),
        _ => bail!("{TESTS} has no test {test} that kills at each of the points {start}*: name the one that does in COMMANDS"),
    }
}

/// Durable acts without a point, in words.
pub(crate) fn violations(tree: &Tree) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for path in sources(tree)? {
        let lines = bare(&tree.text(&path)?);
        found.extend(lines.into_iter().map(|(line, act)| {
            format!(
                "{}:{line}: {act} is durable and has no kill_point! beside it; name one, or say why in a comment `// {EXCUSE} …`",
                path.display()
            )
        }));
    }
    Ok(found)
}

/// The product's sources, without files of tests and without the module that defines the points.
fn sources(tree: &Tree) -> Result<Vec<PathBuf>> {
    let product = |path: &PathBuf| {
        let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
        matches!(parts.as_slice(), ["crates", room, "src", rest @ ..]
            if *room != "testkit" && !rest.iter().any(|part| ["tests", "tests.rs", "kill.rs"].contains(part)))
    };
    Ok(tree.files("rs")?.into_iter().filter(product).collect())
}

fn names(text: &str) -> Vec<String> {
    let parts = text.split("kill_point!(\"").skip(1);
    parts.filter_map(|rest| rest.split_once("\")")).map(|(name, _)| name.to_owned()).collect()
}

/// Line and text of durable acts that no point and no excuse stands beside.
fn bare(text: &str) -> Vec<(usize, &'static str)> {
    let lines: Vec<&str> = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").collect();
    let named = |line: &&str| line.contains("kill_point!(") || line.contains(EXCUSE);
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        let Some(act) = DURABLE.iter().find(|act| line.contains(*act)) else { continue };
        let beside = lines.get(at.saturating_sub(BESIDE)..(at + BESIDE + 1).min(lines.len())).unwrap_or_default();
        if !line.contains("fn ") && !beside.iter().any(named) {
            found.push((at + 1, *act));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_durable_act_without_a_point_is_named_with_its_line() {
        let text = "fn save() {\n    file.sync_all()?;\n}\n";
        assert_eq!(bare(text), [(2, "sync_all(")]);
        assert_eq!(bare("    transaction.commit().await?;\n"), [(1, "transaction.commit(")]);
        assert_eq!(bare("    run(connection, \"COMMIT\")?;\n"), [(1, "\"COMMIT\"")]);
        assert_eq!(bare(&format!("kill_point!(\"far\");{}file.sync_all()?;\n", "\n".repeat(BESIDE + 1))).len(), 1, "too far away");
    }

    #[test]
    fn a_point_or_a_reason_beside_it_is_enough() {
        assert!(bare("    kill_point!(\"file.written\");\n    file.sync_all()?;\n").is_empty());
        assert!(bare("    // no kill point: a client's file\n    file.sync_all()?;\n").is_empty());
        assert!(bare("// sync_all() is a word here\n").is_empty());
        assert!(bare("#[cfg(test)]\nmod tests { fn a() { file.sync_all() } }\n").is_empty());
    }

    #[test]
    fn points_are_read_by_name() {
        assert_eq!(names("kill_point!(\"a.b\");\nkill_point!(\"c\");"), ["a.b", "c"]);
    }
}
