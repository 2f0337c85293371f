//! `bench density`: many tenants on one server: what each costs in memory, and what spreading the load over all of them does.

use crate::ground::{Backend, Ground, Tenant};
use crate::http::Load;
use crate::report::{Report, median};
use crate::resident;
use crate::server::Server;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Connections, each with one request under way.
const CONNECTIONS: usize = 64;
/// The tenants that the load is spread over for comparison.
const FEW: usize = 100;

pub(crate) async fn run(quick: bool) -> Result<Report> {
    let (tenants, name, rounds) = if quick { (1000, "1k", 3) } else { (10_000, "10k", 5) };
    let database = chancery_testkit::cluster::cluster().await.database().await;
    let postgres = Backend::Postgres { app_url: database.app_url.clone(), owner_url: database.owner_url.clone() };
    let mut report = Report::new("density");
    for (engine, suffix, backend) in [("sqlite", "", Backend::Sqlite), ("postgres", "_postgres", postgres)] {
        measure(engine, suffix, &backend, (tenants, name, rounds), &mut report).await?;
    }
    report.rate("tenants", tenants as f64);
    report.note(format!(
        "The tenants are made by the use cases without HTTP; an issuer each. {CONNECTIONS} connections; medians of {rounds} rounds."
    ));
    report.note(format!("Each round issues as many certificates for {FEW} tenants in turn as for all {tenants} in turn, a new key each."));
    report.note("Ready: from the start of the process until /readyz says so. The load generator runs on the same cores as the server,");
    report.note("and PostgreSQL does; its files lie in memory where /dev/shm exists.");
    report.note("Resident: by how much a process that serves nobody grows from one loaded tenant to the next, each having issued once;");
    report.note(format!("counted from {} tenants on, when as many SQLite files are open as ever are.", resident::BEFORE));
    Ok(report)
}

async fn measure(
    engine: &str,
    suffix: &str,
    backend: &Backend,
    (tenants, name, rounds): (usize, &str, usize),
    report: &mut Report,
) -> Result<()> {
    let started = Instant::now();
    let ground = Arc::new(Ground::prepare(backend, tenants).await?);
    let making = started.elapsed();
    let resident = resident::each(&ground).await?;
    let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        let (server, ready) = Server::timed(&ground).await?;
        samples.entry("ready_ms").or_default().push(ready.as_secs_f64() * 1e3);
        server.stop().await?;
    }
    let server = Server::on(&ground).await?;
    let few = server.tenants.get(..FEW).context("too few tenants")?.to_vec();
    for round in 0..=rounds {
        for (per_s, p99_ms, some) in [("few_per_s", "few_p99_ms", &few), ("all_per_s", "all_p99_ms", &server.tenants)] {
            let loaded = issue(&server, some, tenants).await?;
            // The first round warms caches and files up and counts nowhere.
            if round > 0 {
                samples.entry(per_s).or_default().push(loaded.0);
                samples.entry(p99_ms).or_default().push(loaded.1);
            }
        }
    }
    server.stop().await?;
    let middle = |key: &str| samples.get(key).map_or(f64::NAN, |values| median(&mut values.clone()));
    let served = middle("all_per_s") / middle("few_per_s");
    report.ratio(&format!("rate_{name}_vs_100{suffix}"), served, 0.97, "the rate of 100 tenants", false);
    report.ratio(&format!("ready_{name}{suffix}"), middle("ready_ms") / 500.0, 1.0, "half a second", true);
    report.ratio(&format!("resident_{name}{suffix}"), resident / 2048.0, 1.0, "2 kB a loaded tenant", true);
    report.rate(&format!("{engine}_resident_bytes"), resident);
    report.rate(&format!("{engine}_tenants_made_per_s"), tenants as f64 / making.as_secs_f64());
    for key in samples.keys() {
        report.rate(&format!("{engine}_{key}"), middle(key));
    }
    Ok(())
}

/// Certificates a second, and the latency in milliseconds that one in a hundred passes.
async fn issue(server: &Server, tenants: &[Tenant], requests: usize) -> Result<(f64, f64)> {
    let loaded = Load::fresh(&server.address, tenants, requests)?.once(CONNECTIONS).await?;
    Ok((loaded.rate, loaded.p99.as_secs_f64() * 1e3))
}
