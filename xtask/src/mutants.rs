//! Mutation check: every act that enforces something is switched off in turn, and the suite must notice.
//!
//! An act asks `enforced!` (crates/domain/src/enforced.rs) under a name of its own; the list of names is read from the sources.

mod forgotten;
mod golden;
mod ranges;
mod source;
mod suite;

use crate::command::{Command, seconds};
use crate::tree::Tree;
use anyhow::{Context, Result, bail};
use golden::Killers;
use source::Site;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use suite::Suite;

/// How many of all, and which.
enum Choice<'a> {
    All,
    /// Those whose names begin so.
    Only(&'a str),
    /// So many, chosen by a number.
    Sample(usize, u64),
}

/// What became of a mutant.
struct Outcome {
    name: String,
    killer: Option<golden::Killer>,
    took: std::time::Duration,
}

/// Writes docs/mutants.md into a folder: the list as the code has it now, with the killers that are known.
pub(crate) fn generate(tree: &Tree, folder: &Path) -> Result<()> {
    golden::write(folder, &list(tree)?, &golden::killers(tree))
}

/// Fails on an enforcing construct that asks nowhere, and on a mutant that no test is known to kill.
pub(crate) fn check(tree: &Tree) -> Result<()> {
    forgotten::check(&source::read(tree)?)?;
    golden::check(tree, &list(tree)?, &golden::killers(tree))
}

/// Six mutants, chosen by the hash of the commit.
pub(crate) fn sample_of_commit(tree: &Tree) -> Result<()> {
    let hash = Command::new("git", &tree.root).args(["rev-parse", "HEAD"]).read()?;
    run_choice(tree, &Choice::Sample(6, seed(hash.trim())?))
}

/// Fails if the product's binary, as it was built for release, can switch anything off.
pub(crate) fn none_in_the_product(tree: &Tree) -> Result<()> {
    let path = tree.target.join("release/chancery");
    let binary = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    if holds_the_switch(&binary) {
        bail!("{} reads {}: what it enforces could be switched off", path.display(), suite::SWITCH);
    }
    println!("{}: {} bytes, nothing in it can be switched off", path.display(), binary.len());
    Ok(())
}

fn holds_the_switch(binary: &[u8]) -> bool {
    binary.windows(suite::SWITCH.len()).any(|window| window == suite::SWITCH.as_bytes())
}

/// The command line.
pub(crate) fn run(tree: &Tree, flags: &[&str]) -> Result<()> {
    match flags {
        [] => run_choice(tree, &Choice::All),
        ["--only", name] => run_choice(tree, &Choice::Only(name)),
        ["--sample", number, "--seed", hex] => {
            run_choice(tree, &Choice::Sample(number.parse().context("--sample takes a number")?, seed(hex)?))
        }
        ["--list"] => {
            list(tree)?.keys().for_each(|name| println!("{name}"));
            Ok(())
        }
        _ => bail!("there are --list, --only NAME, and --sample N --seed HEX"),
    }
}

fn list(tree: &Tree) -> Result<BTreeMap<String, Vec<Site>>> {
    ranges::mutants(tree, &source::read(tree)?)
}

fn seed(hex: &str) -> Result<u64> {
    u64::from_str_radix(hex.get(..16.min(hex.len())).unwrap_or_default(), 16).context("a seed is hexadecimal")
}

fn run_choice(tree: &Tree, choice: &Choice<'_>) -> Result<()> {
    crate::setup::for_tests(tree)?;
    let mutants = list(tree)?;
    let mut killers = golden::killers(tree);
    killers.retain(|name, _| mutants.contains_key(name));
    let chosen = choose(&mutants.keys().cloned().collect::<Vec<_>>(), choice);
    if chosen.is_empty() {
        bail!("no mutant has that name; `cargo xtask mutants --list` shows them");
    }
    let suite = Suite::build(tree)?;
    let start = Instant::now();
    unmutated(&suite, choice, &chosen, &killers)?;
    println!("unmutated: passed in {}", seconds(start.elapsed()));
    let outcomes = switch_off(&suite, &chosen, &killers)?;
    killers.extend(outcomes.iter().filter_map(|outcome| Some((outcome.name.clone(), outcome.killer.clone()?))));
    if !matches!(choice, Choice::Sample(..)) {
        outcomes.iter().filter(|outcome| outcome.killer.is_none()).for_each(|outcome| drop(killers.remove(&outcome.name)));
        golden::write(&tree.root.join("docs"), &mutants, &killers)?;
    }
    report(&outcomes, mutants.len(), start)
}

/// Which mutants; of a sample each is taken once.
fn choose(names: &[String], choice: &Choice<'_>) -> Vec<String> {
    match choice {
        Choice::All => names.to_vec(),
        Choice::Only(start) => names.iter().filter(|name| name.starts_with(start)).cloned().collect(),
        Choice::Sample(number, seed) => {
            let (mut left, mut state, mut chosen) = (names.to_vec(), *seed, Vec::new());
            while chosen.len() < *number && !left.is_empty() {
                // Knuth's multiplier; the high bits are the good ones.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = usize::try_from(state >> 33).unwrap_or(0) % left.len();
                chosen.push(left.swap_remove(place));
            }
            chosen
        }
    }
}

/// A suite that fails by itself says nothing about mutants. Of a sample only the tests that will be asked are run: the others
/// just were.
fn unmutated(suite: &Suite, choice: &Choice<'_>, chosen: &[String], killers: &Killers) -> Result<()> {
    if let Choice::All = choice {
        return match suite.run(None)? {
            None => Ok(()),
            Some(killer) => bail!("without any mutant {} `{}` fails", killer.binary, killer.test),
        };
    }
    for killer in chosen.iter().filter_map(|name| killers.get(name)).collect::<std::collections::BTreeSet<_>>() {
        if suite.fails(killer, None)? {
            bail!("without any mutant {} `{}` fails", killer.binary, killer.test);
        }
    }
    Ok(())
}

/// First the tests that killed each before, several at once; where that does not do it, the whole suite.
fn switch_off(suite: &Suite, chosen: &[String], killers: &Killers) -> Result<Vec<Outcome>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        while let Some(name) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            let mut killer = None;
            if let Some(known) = killers.get(name)
                && suite.fails(known, Some(name))?
            {
                killer = Some(known.clone());
            }
            let outcome = Outcome { name: name.clone(), killer, took: start.elapsed() };
            done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outcome);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker panicked")))
    })?;
    let mut outcomes = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by(|one, other| one.name.cmp(&other.name));
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.killer.is_none()) {
        let start = Instant::now();
        outcome.killer = suite.run(Some(&outcome.name))?;
        outcome.took += start.elapsed();
        println!("{}", line(outcome));
    }
    Ok(outcomes)
}

fn line(outcome: &Outcome) -> String {
    let killer = outcome.killer.as_ref().map_or("SURVIVED".to_owned(), |killer| format!("{} {}", killer.binary, killer.test));
    format!("{:<44} {:>8}  {killer}", outcome.name, seconds(outcome.took))
}

fn report(outcomes: &[Outcome], all: usize, start: Instant) -> Result<()> {
    outcomes.iter().for_each(|outcome| println!("{}", line(outcome)));
    let survived: Vec<_> = outcomes.iter().filter(|outcome| outcome.killer.is_none()).map(|outcome| outcome.name.as_str()).collect();
    let (tried, killed) = (outcomes.len(), outcomes.len() - survived.len());
    println!("{tried} of {all} mutants: {killed} killed, {} survived, {}", survived.len(), seconds(start.elapsed()));
    if survived.is_empty() { Ok(()) } else { bail!("no test noticed: {}", survived.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_chosen_by_its_seed_and_has_no_mutant_twice() {
        let names: Vec<_> = (0..50).map(|number| format!("m{number}")).collect();
        let sample = |seed| choose(&names, &Choice::Sample(6, seed));
        assert_eq!(sample(7), sample(7));
        assert_ne!(sample(7), sample(8));
        assert_eq!(sample(7).into_iter().collect::<std::collections::BTreeSet<_>>().len(), 6);
        assert_eq!(choose(&names, &Choice::Sample(99, 1)).len(), 50);
        assert_eq!(choose(&names, &Choice::Only("m4")).len(), 11);
        assert_eq!(seed("ffffffffffffffffffff").unwrap(), u64::MAX);
    }

    #[test]
    fn a_survivor_is_a_failure() {
        let outcome = |killer| Outcome { name: "a".into(), killer, took: Default::default() };
        let killer = golden::Killer { binary: "b".into(), test: "t".into() };
        assert!(report(&[outcome(Some(killer))], 1, Instant::now()).is_ok());
        assert_eq!(report(&[outcome(None)], 1, Instant::now()).unwrap_err().to_string(), "no test noticed: a");
    }
}
