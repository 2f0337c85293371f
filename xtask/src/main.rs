//! The project's own tool: everything that CI does and a contributor may want to do alone.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]
#![allow(clippy::disallowed_methods, reason = "I10 is about the product; a tool may look at the clock to time its stages")]

mod bench;
mod ci;
mod command;
mod crash;
mod documents;
mod generate;
mod kill_points;
mod layers;
mod mutants;
mod peers;
mod secrets;
mod setup;
mod simulate;
mod sizes;
mod test;
mod tree;

use anyhow::{Result, bail};
use std::process::ExitCode;
use tree::Tree;

const HELP: &str = "\
cargo xtask <command>

  setup              install what tests and CI need: PostgreSQL, openssl, pkilint, schemathesis, cargo-deny, cargo-machete
  test               all tests, on both engines, after installing what they need
  ci                 every stage of continuous integration, with times and a closing table
  layers             who may see whom: the direction of crates, backends and SQL
  documents          links between documents, numbers and tests cited by them and by the code
  secrets            types that hold a secret, found by their fields: none may print it
  crash [--runs N] [--seed S] [--engine sqlite|postgres | --power [--failing]] [--prove]
                     kill the server at every durable step and at random under real clients, and compare what is left; with --prove
                     turn on one fault after the other and show that each is found
  simulate [--runs N] [--seed S] [--prove [--quick]] [--trace]
                     the service on two nodes in one thread under a simulated clock, a seeded schedule and a store that fails; every
                     step is checked, a finding prints its seed; with --prove turn on one fault after the other
  sizes              lengths of the source files
  generate           write the golden files under docs/
  generate --check   compare the golden files with what the code says, without writing
  mutants [--list | --only NAME | --sample N --seed HEX]
                     switch off every act that enforces something, one at a time: some test must notice each
  mutants --check    enforcing acts that cannot be switched off, and mutants that no test is known to notice
  bench issue|flood|growth|density|peers|inventory|load|overload [--quick] [--json]
                     measure; the table or object is printed, nothing fails; peers installs cfssl and step-ca
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [] | ["help" | "--help" | "-h"] = words.as_slice() {
        println!("{HELP}");
        return Ok(());
    }
    let tree = Tree::find()?;
    match words.as_slice() {
        ["setup"] => setup::everything(&tree),
        ["test"] => test::run(&tree),
        ["ci"] => ci::run(&tree),
        ["layers"] => layers::run(&tree),
        ["documents"] => documents::run(&tree),
        ["secrets"] => secrets::run(&tree),
        ["crash", flags @ ..] => crash::run(&tree, flags),
        ["simulate", flags @ ..] => simulate::run(&tree, flags),
        ["sizes"] => sizes::run(&tree),
        ["generate"] => generate::write(&tree),
        ["generate", "--check"] => generate::check(&tree),
        ["mutants", "--check"] => mutants::check(&tree),
        ["mutants", flags @ ..] => mutants::run(&tree, flags),
        ["bench", flags @ ..] => bench::run(&tree, flags),
        _ => bail!("unknown command `{}`; `cargo xtask help` lists them", arguments.join(" ")),
    }
}
