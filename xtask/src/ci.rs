//! Continuous integration: every stage is run, timed and reported, whether or not an earlier one failed.

use crate::command::{Command, seconds};
use crate::tree::Tree;
use crate::{crash, documents, generate, layers, mutants, secrets, setup, simulate, sizes, test};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// What became of a stage.
enum Outcome {
    Passed,
    Failed(String),
    Skipped(&'static str),
}

struct Report {
    stage: &'static str,
    took: Duration,
    outcome: Outcome,
}

/// Runs all stages and fails at the end with the list of those that failed.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    let mut reports = Vec::new();
    let mut stage = |name: &'static str, work: &dyn Fn(&Tree) -> Result<()>| {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work(tree);
        let took = start.elapsed();
        let passed = result.is_ok();
        let outcome = match result {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        let report = Report { stage: name, took, outcome };
        println!("{}", line(&report));
        reports.push(report);
        passed
    };
    // Quick and telling stages first, so that a look at the log in the first minute is worth it.
    stage("setup", &setup::everything);
    stage("fetch", &|tree| cargo(tree, &["fetch", "--locked"]));
    stage("format", &|tree| cargo(tree, &["fmt", "--all", "--check"]));
    stage("layers", &layers::run);
    stage("documents", &documents::run);
    stage("sizes", &sizes::run);
    stage("switches", &mutants::check);
    stage("secrets", &secrets::run);
    stage("deny", &deny);
    stage("machete", &machete);
    stage("clippy", &|tree| cargo(tree, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]));
    stage("rustdoc", &rustdoc);
    stage("test", &test::run);
    stage("mutants", &mutants::sample_of_commit);
    stage("crash", &crash::share);
    stage("simulation", &simulate::share_of_commit);
    stage("generated files", &generate::check);
    let built = stage("release build", &|tree| cargo(tree, &["build", "--release", "--locked"]));
    if built {
        stage("no switches", &mutants::none_in_the_product);
        stage("demo", &|tree| cargo(tree, &["run", "--release", "--", "demo", "--check"]));
    } else {
        reports.push(Report { stage: "demo", took: Duration::ZERO, outcome: Outcome::Skipped("the release build failed") });
    }
    conclude(&reports)
}

fn cargo(tree: &Tree, arguments: &[&str]) -> Result<()> {
    Command::new("cargo", &tree.root).args(arguments).run()
}

fn deny(tree: &Tree) -> Result<()> {
    // Advisories are left out: their database comes from a host that a build must not depend on.
    Command::new(tree.tools().join("bin/cargo-deny"), &tree.root).args(["--offline", "check", "bans", "licenses", "sources"]).run()
}

fn machete(tree: &Tree) -> Result<()> {
    Command::new(tree.tools().join("bin/cargo-machete"), &tree.root).args(["crates", "xtask"]).run()
}

fn rustdoc(tree: &Tree) -> Result<()> {
    Command::new("cargo", &tree.root).args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings").run()
}

fn conclude(reports: &[Report]) -> Result<()> {
    println!("\n== stages");
    for report in reports {
        println!("{}", line(report));
    }
    println!("{:<16} {:>9}", "all", seconds(reports.iter().map(|report| report.took).sum()));
    let failed: Vec<&str> = reports.iter().filter(|report| !matches!(report.outcome, Outcome::Passed)).map(|report| report.stage).collect();
    if !failed.is_empty() {
        bail!("not green: {}", failed.join(", "));
    }
    Ok(())
}

fn line(report: &Report) -> String {
    let outcome = match &report.outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed(error) => format!("FAILED: {error}"),
        Outcome::Skipped(why) => format!("skipped: {why}"),
    };
    format!("{:<16} {:>9}  {outcome}", report.stage, seconds(report.took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_or_skipped_stage_fails_the_whole() {
        let report = |stage, outcome| Report { stage, took: Duration::from_millis(1234), outcome };
        assert!(conclude(&[report("a", Outcome::Passed)]).is_ok());
        let error = conclude(&[
            report("a", Outcome::Passed),
            report("b", Outcome::Failed("why".into())),
            report("c", Outcome::Skipped("b failed")),
        ]);
        assert_eq!(error.unwrap_err().to_string(), "not green: b, c");
        assert_eq!(line(&report("a", Outcome::Passed)), "a                    1.2 s  passed");
    }
}
