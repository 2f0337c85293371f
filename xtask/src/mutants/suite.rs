//! The suite as binaries: built once, run as often as there are mutants, ended at the first test that fails.

use super::golden::Killer;
use crate::setup;
use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What switches an act off (`domain::enforced`).
pub(super) const SWITCH: &str = "CHANCERY_MUTANT";
/// A binary that has not ended by then has failed: the whole suite takes two minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// The test binaries of the product, quick ones first.
pub(super) struct Suite {
    binaries: Vec<Binary>,
    tools: PathBuf,
}

struct Binary {
    name: String,
    path: PathBuf,
    folder: PathBuf,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every test passed.
    Passed,
    /// This test failed first.
    Failed(String),
}

impl Suite {
    /// Builds the suite and keeps its binaries aside, so that the tree may be worked on while they run.
    pub(super) fn build(tree: &Tree) -> Result<Self> {
        let built = crate::command::Command::new("cargo", &tree.root)
            .args(["test", "--workspace", "--no-run", "--locked", "--message-format=json"])
            .read()?;
        let aside = tree.target.join("mutants");
        let _ = std::fs::remove_dir_all(&aside);
        std::fs::create_dir_all(&aside).with_context(|| format!("making {}", aside.display()))?;
        let messages = built.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut binaries = messages.filter_map(|message| Binary::of(&message)).collect::<Vec<_>>();
        // This tool asks nothing of itself.
        binaries.retain(|binary| !binary.name.starts_with("xtask/"));
        for binary in &mut binaries {
            let kept = aside.join(binary.name.replace('/', "-"));
            std::fs::hard_link(&binary.path, &kept).or_else(|_| std::fs::copy(&binary.path, &kept).map(drop))?;
            binary.path = kept;
        }
        // Those with servers and clusters take longest.
        binaries.sort_by_key(|binary| (binary.name == "http/api", !binary.name.ends_with("/lib"), binary.name.clone()));
        if binaries.is_empty() {
            bail!("cargo built no test");
        }
        Ok(Self { binaries, tools: setup::judges(tree) })
    }

    /// Runs everything without any mutant; the first failure ends it.
    pub(super) fn run(&self) -> Result<Option<Killer>> {
        for binary in &self.binaries {
            if let Verdict::Failed(test) = self.run_binary(binary, None, &[])? {
                return Ok(Some(Killer { binary: binary.name.clone(), test }));
            }
        }
        Ok(None)
    }

    /// The first test that fails because of this mutant: again, and only then. One that fails now and then is passed over.
    pub(super) fn killer(&self, mutant: &str) -> Result<Option<Killer>> {
        for binary in &self.binaries {
            let mut skipped = Vec::new();
            loop {
                let arguments: Vec<_> = skipped.iter().flat_map(|test: &String| ["--skip", test.as_str()]).collect();
                let Verdict::Failed(test) = self.run_binary(binary, Some(mutant), &arguments)? else { break };
                let found = Killer { binary: binary.name.clone(), test };
                if self.fails(&found, Some(mutant))? && !self.fails(&found, None)? {
                    return Ok(Some(found));
                }
                if skipped.contains(&found.test) {
                    bail!("{} ends with {} again and again, without a test that fails", found.binary, found.test);
                }
                skipped.push(found.test);
            }
        }
        Ok(None)
    }

    /// Whether this one test fails; a test that is no more has not.
    pub(super) fn fails(&self, killer: &Killer, mutant: Option<&str>) -> Result<bool> {
        let Some(binary) = self.binaries.iter().find(|binary| binary.name == killer.binary) else { return Ok(false) };
        Ok(self.run_binary(binary, mutant, &["--exact", &killer.test])? != Verdict::Passed)
    }

    fn run_binary(&self, binary: &Binary, mutant: Option<&str>, arguments: &[&str]) -> Result<Verdict> {
        let mut command = Command::new(&binary.path);
        command.args(arguments).current_dir(&binary.folder).env("CHANCERY_TEST_TOOLS", &self.tools).env_remove(SWITCH);
        command.envs(mutant.map(|mutant| (SWITCH, mutant)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("starting {}", binary.path.display()))?;
        let verdict = first_failure(&mut child, PATIENCE);
        // By its own id; what it started ends with it.
        let _ = child.kill();
        let status = child.wait().context("waiting for a test binary")?;
        Ok(match verdict {
            None if !status.success() => Verdict::Failed("(the process ended)".to_owned()),
            None => Verdict::Passed,
            Some(test) => Verdict::Failed(test),
        })
    }
}

/// Reads the tests' lines until one fails; `None` when all have passed.
fn first_failure(child: &mut Child, patience: Duration) -> Option<String> {
    let output = child.stdout.take()?;
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + patience;
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(test) = failed(&line) {
                    return Some(test.to_owned());
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let _ = child.wait();
                return None;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => return Some("(no end)".to_owned()),
        }
    }
}

/// The test that a line of the runner calls failed. Under load the runner writes what a test prints before the verdict.
fn failed(line: &str) -> Option<&str> {
    let test = line.strip_prefix("test ")?.strip_suffix("... FAILED")?.trim();
    // `name - should panic`
    test.split(" - ").next()
}

impl Binary {
    fn of(message: &Value) -> Option<Self> {
        let target = message.get("target")?;
        let is_test = message.get("profile")?.get("test")?.as_bool()?;
        let path = PathBuf::from(message.get("executable")?.as_str().filter(|_| is_test)?);
        let folder = Path::new(message.get("manifest_path")?.as_str()?).parent()?.to_owned();
        let is_library = target.get("kind")?.as_array()?.iter().any(|kind| kind == "lib");
        let own = if is_library { "lib" } else { target.get("name")?.as_str()? };
        let name = format!("{}/{own}", folder.file_name()?.to_str()?);
        Some(Self { name, path, folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_test_is_known_by_its_line() {
        assert_eq!(failed("test a::b::sqlite ... FAILED"), Some("a::b::sqlite"));
        assert_eq!(failed("test a::b - should panic ... FAILED"), Some("a::b"));
        assert_eq!(failed("test a::b ... ok"), None);
        assert_eq!(failed("test result: FAILED. 1 passed"), None);
    }

    #[test]
    fn the_first_failure_is_told_and_an_end_without_one_is_none() {
        let run = |script: &str| {
            let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
            let found = first_failure(&mut child, Duration::from_millis(500));
            let _ = child.kill();
            child.wait().unwrap();
            found
        };
        assert_eq!(run("echo 'test a ... ok'; echo 'test b ... FAILED'; echo 'test c ... FAILED'; sleep 9").as_deref(), Some("b"));
        assert_eq!(run("echo 'test a ... ok'"), None);
        assert_eq!(run("exec sleep 9").as_deref(), Some("(no end)"));
    }
}
