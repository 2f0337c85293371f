//! Benchmarks: ratios taken in one interleaved run against a limit of this machine, never a pass or a failure.
//!
//! `chancery-bench issue|sign|flood|growth|density|peers|inventory|load|overload [--quick] [--json]`; called through `cargo xtask bench`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]
#![allow(clippy::disallowed_methods, reason = "I10, I12 are about the product; a benchmark looks at the clock and dials its own server")]

mod client;
mod csr;
mod density;
mod filling;
mod flood;
mod floor;
mod ground;
mod growth;
mod http;
mod inprocess;
mod inventory;
mod issue;
mod load;
mod overload;
mod peers;
mod report;
mod resident;
mod server;
mod sign;
mod steps;
mod tables;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (quick, json) = (words.contains(&"--quick"), words.contains(&"--json"));
    let runtime = chancery::runtime()?;
    let measured = runtime.block_on(async {
        match words.as_slice() {
            // Processes of their own, as the product is.
            ["serve", ..] => server::serve_until_input_ends(&arguments).await.map(|()| None),
            ["resident", ..] => resident::load(&arguments).await.map(|()| None),
            ["issue", ..] => issue::run(quick).await.map(Some),
            ["sign", ..] => sign::run(quick).await.map(Some),
            ["flood", ..] => flood::run(quick).await.map(Some),
            ["growth", ..] => growth::run(quick).await.map(Some),
            ["density", ..] => density::run(quick).await.map(Some),
            ["peers", .., step_ca] => peers::run(quick, step_ca).await.map(Some),
            ["inventory", ..] => inventory::run(quick).await.map(Some),
            ["load", ..] => load::run(quick).await.map(Some),
            ["overload", ..] => overload::run(quick).await.map(Some),
            _ => {
                bail!("the benchmarks: issue, sign, flood, growth, density, peers, inventory, load, overload; each with [--quick] [--json]")
            }
        }
    })?;
    measured.map_or(Ok(()), |report| report.print(json))
}
