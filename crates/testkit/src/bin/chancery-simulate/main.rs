//! Simulation: the service on two nodes in one thread, under a simulated clock, a seeded schedule and a store that fails.
//!
//! `chancery-simulate --runs N --seed S [--prove [--quick]] [--trace]`; called through `cargo xtask simulate`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]
#![allow(clippy::disallowed_methods, reason = "I10 is about the product; the driver times its own campaign")]
#![allow(clippy::indexing_slicing, reason = "of JSON values and of fixed pairs by what was drawn for them")]

mod act;
mod check;
mod client;
mod end;
mod keyring;
mod lanes;
mod node;
mod outside;
mod prove;
mod rules;
mod schedule;
mod sim;
mod tables;
mod workload;
mod world;

use anyhow::{Result, bail};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Every so many seeds one is run twice: its trace must be the same to the byte.
const TWICE: u64 = 50;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chancery-simulate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let (mut runs, mut seed, mut proving, mut quick, mut trace) = (1000, 1, false, false, false);
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--prove" => proving = true,
            "--quick" => quick = true,
            "--trace" => trace = true,
            "--runs" => runs = words.next().unwrap_or_default().parse()?,
            "--seed" => seed = words.next().unwrap_or_default().parse()?,
            _ => bail!("--runs N, --seed S, --prove, --quick, --trace; not `{word}`"),
        }
    }
    if proving {
        return prove::run(runs, seed, quick);
    }
    let campaign = Campaign::default();
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| campaign.take_part(seed, runs, trace));
        }
    });
    campaign.report(seed, began)
}

/// Sums over all worlds.
#[derive(Default)]
struct Campaign {
    taken: AtomicU64,
    stop: AtomicBool,
    worlds: AtomicU64,
    twice: AtomicU64,
    acts: AtomicU64,
    checks: AtomicU64,
    faults: AtomicU64,
    lives: AtomicU64,
    found: Mutex<Option<(u64, String, Vec<String>)>>,
}

impl Campaign {
    /// Takes one seed after the other until all are taken, or something is found.
    fn take_part(&self, first: u64, runs: u64, trace: bool) {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.taken.fetch_add(1, Ordering::Relaxed);
            if number >= runs {
                return;
            }
            let seed = first + number;
            let (found, lines) = self.one(seed);
            if (number + 1).is_multiple_of(500) {
                eprintln!("{} of {runs} worlds", number + 1);
            }
            if trace {
                lines.iter().for_each(|line| println!("{line}"));
            }
            if let Some(found) = found {
                self.stop.store(true, Ordering::Relaxed);
                let mut standing = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                if standing.as_ref().is_none_or(|(known, ..)| seed < *known) {
                    *standing = Some((seed, found, lines));
                }
            }
        }
    }

    fn one(&self, seed: u64) -> (Option<String>, Vec<String>) {
        let ended = match catch_unwind(|| world::run(seed)) {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => return (Some(format!("the world cannot be made: {error:#}")), Vec::new()),
            Err(_) => return (Some("something panicked: see above".to_owned()), Vec::new()),
        };
        self.worlds.fetch_add(1, Ordering::Relaxed);
        self.acts.fetch_add(u64::try_from(ended.acts).unwrap_or(0), Ordering::Relaxed);
        self.checks.fetch_add(ended.checks, Ordering::Relaxed);
        self.faults.fetch_add(ended.faults, Ordering::Relaxed);
        self.lives.fetch_add(u64::from(ended.lives), Ordering::Relaxed);
        let mut found = ended.found;
        if found.is_none() && seed.is_multiple_of(TWICE) {
            self.twice.fetch_add(1, Ordering::Relaxed);
            match world::run(seed) {
                Ok(again) if again.digest == ended.digest => {}
                Ok(again) => found = Some(differs(&ended.trace, &again.trace)),
                Err(error) => found = Some(format!("the world cannot be made again: {error:#}")),
            }
        }
        (found, ended.trace)
    }

    fn report(&self, seed: u64, began: Instant) -> Result<()> {
        let sum = |count: &AtomicU64| count.load(Ordering::Relaxed);
        println!("{} worlds from seed {seed} in {:.0} s", sum(&self.worlds), began.elapsed().as_secs_f64());
        println!("  parts of requests answered   {:>9}", sum(&self.acts));
        println!("  faults of the store          {:>9}", sum(&self.faults));
        println!("  lives of nodes               {:>9}", sum(&self.lives));
        println!("  commits looked at            {:>9}", sum(&self.checks));
        println!("  run twice, to the byte alike {:>9}", sum(&self.twice));
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((seed, found, trace)) = &*found else { return Ok(()) };
        println!("the last of {} lines of the trace:", trace.len());
        trace.iter().rev().take(60).rev().for_each(|line| println!("  {line}"));
        println!("FOUND with seed {seed}: {found}\n    replay: cargo xtask simulate --runs 1 --seed {seed} --trace");
        bail!("a finding")
    }
}

/// Where two traces part.
fn differs(one: &[String], other: &[String]) -> String {
    let parted = one.iter().zip(other).find(|(one, other)| one != other);
    format!("the same seed went two ways: {parted:?}, of {} and {} lines", one.len(), other.len())
}
