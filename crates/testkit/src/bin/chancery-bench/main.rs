//! Benchmarks: ratios taken in one interleaved run against a limit of this machine, never a pass or a failure.
//!
//! `chancery-bench issue|flood|inventory|overload [--quick] [--json]`; called through `cargo xtask bench`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]
#![allow(clippy::disallowed_methods, reason = "I10, I12 are about the product; a benchmark looks at the clock and dials its own server")]

mod client;
mod csr;
mod flood;
mod floor;
mod http;
mod inprocess;
mod inventory;
mod issue;
mod overload;
mod report;
mod server;
mod steps;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (quick, json) = (words.contains(&"--quick"), words.contains(&"--json"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match words.first().copied() {
        // The server under test is a process of its own, as the product is.
        Some("serve") => runtime.block_on(server::serve_until_input_ends(&arguments)),
        Some("issue") => {
            let report = runtime.block_on(issue::run(quick))?;
            report.print(json)
        }
        Some("flood") => {
            let report = runtime.block_on(flood::run(quick))?;
            report.print(json)
        }
        Some("inventory") => {
            let report = runtime.block_on(inventory::run(quick))?;
            report.print(json)
        }
        Some("overload") => {
            let report = runtime.block_on(overload::run(quick))?;
            report.print(json)
        }
        _ => bail!("the benchmarks so far: issue, flood, inventory, overload; each with [--quick] [--json]"),
    }
}
