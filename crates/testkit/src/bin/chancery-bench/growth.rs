//! `bench growth`: what a tenant with many certificates costs next to an empty one, on SQLite.

use crate::filling::fill;
use crate::ground::{Backend, Ground};
use crate::http::{Load, Loaded};
use crate::report::{Report, median};
use crate::server::Server;
use crate::tables;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Connections, each with one request under way.
const CONNECTIONS: usize = 64;
/// What no certificate should be without and is counted apart: the event that records its issuance, and the order with what was decided.
const APART: [&str; 2] = ["event", "certificate_order"];

pub(crate) async fn run(quick: bool) -> Result<Report> {
    let (count, name, requests, rounds) = if quick { (100_000, "100k", 4_000, 3) } else { (1_000_000, "1m", 10_000, 7) };
    let (empty, filled) = (Ground::prepare(&Backend::Sqlite, 1).await?, Ground::prepare(&Backend::Sqlite, 1).await?);
    let started = Instant::now();
    fill(&filled, count).await?;
    let filling = started.elapsed();
    let bytes = bytes_by_table(&filled, &empty)?;
    let (empty, filled) = (Arc::new(empty), Arc::new(filled));

    let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for (key, ground) in [("empty_ready_ms", &empty), ("filled_ready_ms", &filled)] {
            let (server, ready) = Server::timed(ground).await?;
            samples.entry(key).or_default().push(ready.as_secs_f64() * 1e3);
            server.stop().await?;
        }
    }
    let (first, second) = (Server::on(&empty).await?, Server::on(&filled).await?);
    for round in 0..=rounds {
        for (per_s, cpu_us, server) in [("empty_per_s", "empty_cpu_us", &first), ("filled_per_s", "filled_cpu_us", &second)] {
            let before = server.cpu()?;
            let loaded = issue(server, requests).await?;
            // The first round warms caches and files up and counts nowhere.
            if round > 0 {
                samples.entry(per_s).or_default().push(loaded.rate);
                samples.entry(cpu_us).or_default().push((server.cpu()? - before).as_secs_f64() * 1e6 / loaded.count as f64);
            }
        }
    }
    let middle = |key: &str| samples.get(key).map_or(f64::NAN, |values| median(&mut values.clone()));

    let mut report = Report::new("growth");
    report.ratio(
        &format!("rate_{name}_vs_empty"),
        middle("filled_per_s") / middle("empty_per_s"),
        0.90,
        "the rate of an empty tenant",
        false,
    );
    report.ratio(
        &format!("ready_{name}_vs_empty"),
        middle("filled_ready_ms") / middle("empty_ready_ms"),
        1.1,
        "start-up with an empty tenant",
        true,
    );
    let each = |total: i64| total as f64 / f64::from(count);
    let own: i64 = bytes.iter().filter(|(table, _)| !APART.contains(&table.as_str())).map(|(_, size)| size).sum();
    ensure!(own > 0, "the tables have no pages");
    report.ratio("bytes_per_certificate", each(own), 1100.0, "bytes, events and orders apart", true);
    for (table, size) in bytes.iter().filter(|(_, size)| **size >= i64::from(count)) {
        report.rate(&format!("bytes_{table}"), each(*size));
    }
    for key in samples.keys() {
        report.rate(key, middle(key));
    }
    report.rate("certificates stored", f64::from(count));
    report.rate("filling_per_s", f64::from(count) / filling.as_secs_f64());
    report.note(format!(
        "{count} certificates were written through the store as issuance writes them, without signing; then both tenants grew"
    ));
    report.note(format!(
        "by {requests} issued over HTTP in each of {} rounds, each with a new key and name; {CONNECTIONS} connections; medians.",
        rounds + 1
    ));
    report.note("Ready: from the start of the process until /readyz says so. bytes_TABLE: of the table and its indexes, a certificate.");
    report.note(
        "The load generator runs on the same cores as the server; what is stored is in the system's cache of files as far as it fits.",
    );
    first.stop().await?;
    second.stop().await?;
    Ok(report)
}

async fn issue(server: &Server, requests: usize) -> Result<Loaded> {
    Load::fresh(&server.address, &server.tenants, requests)?.once(CONNECTIONS).await
}

/// How many bytes each table of the filled tenant's file has with its indexes, beyond those of the empty one's.
fn bytes_by_table(filled: &Ground, empty: &Ground) -> Result<BTreeMap<String, i64>> {
    let (mut bytes, empty) = (tables::bytes(filled)?, tables::bytes(empty)?);
    for (table, size) in empty {
        bytes.entry(table).and_modify(|filled| *filled -= size);
    }
    Ok(bytes)
}
