//! Crash runs: real clients against the real server, which is killed at named points and at random and started again.
//!
//! `chancery-crash --engine sqlite|postgres --runs N --seed S [--prove]`; called through `cargo xtask crash`. With `--power` the loss of
//! power is played instead, in this process, with `--failing` of a disk that failed before; `--first` ends at the first finding.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]
#![allow(clippy::disallowed_methods, reason = "I10, I12 are about the product; a driver looks at the clock and dials its own server")]
#![allow(clippy::indexing_slicing, reason = "of JSON values, where what is missing is null")]

mod act;
mod check;
mod choose;
mod client;
mod customer;
mod database;
mod journal;
mod logs;
mod points;
mod power;
mod prove;
mod report;
mod server;
mod setup;
mod world;

use anyhow::{Result, bail};
use chancery_testkit::Engine;
use report::Report;
use std::process::ExitCode;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match runtime.block_on(run(&arguments)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("chancery-crash: {error:#}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn run(arguments: &[String]) -> Result<()> {
    let (mut engine, mut runs, mut seed) = (Engine::Sqlite, 100, 1);
    let [mut proving, mut power] = [false; 2];
    let mut how = power::How::default();
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let value = match word {
            "--prove" | "--power" | "--first" | "--failing" => "",
            _ => words.next().unwrap_or_default(),
        };
        match (word, value) {
            ("--engine", "sqlite") => engine = Engine::Sqlite,
            ("--engine", "postgres") => engine = Engine::Postgres,
            ("--runs", number) => runs = number.parse()?,
            ("--seed", number) => seed = number.parse()?,
            ("--prove", _) => proving = true,
            ("--power", _) => power = true,
            ("--first", _) => how.first = true,
            ("--failing", _) => how.failing = true,
            _ => bail!("--engine sqlite|postgres, --runs N, --seed S, --prove, --power, --first, --failing; not `{word} {value}`"),
        }
    }
    anyhow::ensure!(!power || matches!(engine, Engine::Sqlite), "--power is about SQLite: PostgreSQL's own files are its own affair");
    anyhow::ensure!(power || !(how.failing || how.first), "--failing and --first are about losses of power: give --power, too");
    if power {
        return power::run(runs, seed, power::How { proving, ..how }).await;
    }
    if proving {
        return prove::run(engine, runs, seed).await;
    }
    let mut report = campaign(engine, runs, seed, None).await?;
    report.expect_all(engine);
    report.print(engine);
    if report.findings.is_empty() { Ok(()) } else { bail!("{} findings", report.findings.len()) }
}

/// Worlds of seeds `seed`, `seed + 1`, … until there were so many runs; with a fault, until what is expected of it is found.
async fn campaign(engine: Engine, runs: u32, seed: u64, fault: world::Fault) -> Result<Report> {
    let mut report = Report::new();
    let mut cycle = points::Cycle::of(engine);
    let mut world = seed;
    let found = |report: &Report| fault.is_some_and(|(_, expected)| report.findings.iter().any(|finding| finding.contains(expected)));
    while report.runs < runs && !found(&report) {
        let before = report.findings.len();
        let rounds = world::ROUNDS.min(runs - report.runs);
        world::run(engine, world, rounds, fault, &mut cycle, &mut report).await?;
        world += 1;
        if fault.is_none() {
            report.findings.iter().skip(before).for_each(|finding| eprintln!("FOUND {finding}"));
            eprintln!("{engine:?}: {} of {runs} runs, {} findings", report.runs, report.findings.len());
        }
    }
    Ok(report)
}
