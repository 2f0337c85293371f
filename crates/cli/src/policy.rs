//! `chancery policy`: a folder of rules and fixtures, looked at and run here, without a server.

mod diff;
mod folder;

use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_policy::{Bundle, Compiled, Tried, Verdict};
use clap::Subcommand;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Policies.
#[derive(clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Say whether a folder is a policy: its rules parse, call only what a policy may, and its fixtures have the input's form.
    #[command(after_help = "Examples:\n  chancery policy check policies/production\n  chancery policy check . --json")]
    Check {
        /// The folder: *.rego, and fixtures/*.json.
        folder: PathBuf,
    },
    /// Run a policy's fixtures: each is an input and what the policy is to say of it. Ends with 0 only if it says exactly that of each.
    #[command(after_help = "Examples:\n  chancery policy test policies/production\n  chancery policy test . --json")]
    Test {
        /// The folder: *.rego, and fixtures/*.json.
        folder: PathBuf,
    },
    /// Say what two policies decide differently: the files that changed, and each fixture of either of which they say different things.
    #[command(after_help = "Examples:\n  chancery policy diff policies/in-force policies/proposed\n  \
        chancery policy diff policies/in-force policies/proposed --json")]
    Diff {
        /// The folder as it was.
        old: PathBuf,
        /// The folder as it is to be.
        new: PathBuf,
    },
}

/// A folder that is a policy.
#[derive(Serialize)]
struct Checked {
    /// SHA-256 of the bundle's canonical bytes, lower-case hexadecimal.
    sha256: String,
    files: usize,
    fixtures: usize,
}

#[derive(Serialize)]
struct Ran {
    sha256: String,
    passed: usize,
    failed: usize,
    fixtures: Vec<Run>,
}

/// A fixture that was run.
#[derive(Serialize)]
struct Run {
    name: String,
    passed: bool,
    expected: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<Verdict>,
    /// Why it said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn policy(args: PolicyArgs, form: Form) -> Result<(), Ended> {
    match args.command {
        PolicyCommand::Check { folder } => check(&folder, form),
        PolicyCommand::Test { folder } => test(&folder, form),
        PolicyCommand::Diff { old, new } => diff::diff(&read(&old)?, &read(&new)?, form),
    }
}

fn check(folder: &Path, form: Form) -> Result<(), Ended> {
    let (bundle, _) = read(folder)?;
    let fixtures = fixtures(&bundle)?.len();
    let checked = Checked { sha256: hex::encode(bundle.digest()), files: bundle.rego().count(), fixtures };
    output::result(form, &checked, |checked| {
        output::fields(&[("sha256", &checked.sha256), ("files", &checked.files.to_string()), ("fixtures", &checked.fixtures.to_string())])
    });
    Ok(())
}

fn test(folder: &Path, form: Form) -> Result<(), Ended> {
    let (bundle, compiled) = read(folder)?;
    let runs: Vec<Run> = compiled.try_fixtures(fixtures(&bundle)?).into_iter().map(run).collect();
    let failed = runs.iter().filter(|run| !run.passed).count();
    let ran = Ran { sha256: hex::encode(bundle.digest()), passed: runs.len() - failed, failed, fixtures: runs };
    output::result(form, &ran, |ran| ran.fixtures.iter().map(shown).collect::<Vec<_>>().join("\n"));
    match (failed, ran.fixtures.len()) {
        (_, 0) => Err(Ended::Policy("there are no fixtures: nothing was tested".to_owned())),
        (0, _) => Ok(()),
        (failed, of) => Err(Ended::Policy(format!("{failed} of {of} fixtures failed: see above"))),
    }
}

fn read(folder: &Path) -> Result<(Bundle, Compiled), Ended> {
    let bundle = folder::read(folder)?;
    let compiled = Compiled::new(&bundle).map_err(|refused| Ended::Policy(refused.to_string()))?;
    Ok((bundle, compiled))
}

fn fixtures(bundle: &Bundle) -> Result<Vec<chancery_policy::Fixture>, Ended> {
    let words = |bad: Vec<chancery_policy::BadFixture>| bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    bundle.read_fixtures().map_err(|bad| Ended::Policy(words(bad)))
}

fn run(tried: Tried) -> Run {
    let passed = tried.passed();
    let (said, error) = match tried.said {
        Ok(said) => (Some(said), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Run { name: tried.fixture.name, passed, expected: tried.fixture.expect, said, error }
}

fn shown(run: &Run) -> String {
    if run.passed {
        return format!("ok      {}", run.name);
    }
    let expected = String::from_utf8_lossy(&run.expected.canonical()).into_owned();
    let said = match (&run.said, &run.error) {
        (Some(said), _) => String::from_utf8_lossy(&said.canonical()).into_owned(),
        (None, error) => error.clone().unwrap_or_default(),
    };
    format!("FAILED  {}\n        expected  {expected}\n        said      {said}", run.name)
}
