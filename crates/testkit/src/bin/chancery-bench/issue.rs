//! `bench issue`: durable, audited, policy-checked issuance against F, in interleaved rounds.

use crate::floor::Floor;
use crate::ground::Backend;
use crate::http::Load;
use crate::inprocess::InProcess;
use crate::report::{Report, median};
use crate::server::Server;
use crate::steps;
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// Samples by what was measured.
type Samples = BTreeMap<&'static str, Vec<f64>>;

pub(crate) async fn run(quick: bool) -> Result<Report> {
    let (rounds, slice) = if quick { (3, Duration::from_millis(1000)) } else { (5, Duration::from_secs(4)) };
    let floor = Floor::new()?;
    let database = chancery_testkit::cluster::cluster().await.database().await;
    let postgres = Backend::Postgres { app_url: database.app_url.clone(), owner_url: database.owner_url.clone() };
    let sqlite = Server::start(&Backend::Sqlite, 1).await?;
    let spread = Server::start(&Backend::Sqlite, 100).await?;
    let other = Server::start(&postgres, 1).await?;
    let inside = InProcess::open().await?;
    let (one, hundred, pg) = (Load::issue(&sqlite)?, Load::issue(&spread)?, Load::issue(&other)?);

    let nothing = Load::nothing(&sqlite);
    let mut samples = Samples::new();
    let mut note = |name, value| samples.entry(name).or_default().push(value);
    for round in 0..=rounds {
        let mut keep = |name, value| {
            // The first round warms caches and files up and counts nowhere.
            if round > 0 {
                note(name, value);
            }
        };
        keep("F", tokio::task::block_in_place(|| floor.measure(slice)));
        keep("pair_us", tokio::task::block_in_place(|| floor.once()).as_secs_f64() * 1e6);
        keep("inprocess_sqlite", inside.run(64, slice).await?);
        let before = sqlite.cpu()?;
        let at_256 = one.run(256, slice).await?;
        keep("http_sqlite_c256_server_cpu_us", each(sqlite.cpu()? - before, at_256.count));
        keep("http_sqlite_c256", at_256.rate);
        keep("http_sqlite_c256_p99_ms", at_256.p99.as_secs_f64() * 1e3);
        keep("null_route_c256", nothing.run(256, slice).await?.rate);
        keep("http_sqlite_c64", one.run(64, slice).await?.rate);
        keep("F", tokio::task::block_in_place(|| floor.measure(slice)));
        let alone = one.run(1, slice).await?;
        keep("http_sqlite_c1", alone.rate);
        keep("http_sqlite_c1_p50_us", alone.p50.as_secs_f64() * 1e6);
        keep("fdatasync_us", tokio::task::block_in_place(steps::fdatasync)?.as_secs_f64() * 1e6);
        let before = other.cpu()?;
        let at_256 = pg.run(256, slice).await?;
        keep("http_postgres_c256_server_cpu_us", each(other.cpu()? - before, at_256.count));
        keep("http_postgres_c256", at_256.rate);
        keep("spread100_sqlite_c256", hundred.run(256, slice).await?.rate);
    }
    let middle = |name: &str| samples.get(name).map_or(f64::NAN, |values| median(&mut values.clone()));

    let mut report = Report::new("issue");
    let f = middle("F");
    let goals = [
        ("http_sqlite_c256", 0.75),
        ("http_sqlite_c64", 0.75),
        ("http_postgres_c256", 0.75),
        ("spread100_sqlite_c256", 0.30),
        ("inprocess_sqlite", 0.90),
    ];
    for (name, goal) in goals {
        report.ratio(name, middle(name) / f, goal, "F", false);
        report.rate(&format!("{name}_per_s"), middle(name));
    }
    let alone = middle("pair_us") + middle("fdatasync_us");
    report.ratio("http_sqlite_c1", middle("http_sqlite_c1_p50_us") / alone, 1.4, "verify + sign + fdatasync, p50", true);
    // One after the other on the same cores: nobody does both faster than this.
    report.rate("reachable_over_http_per_s", 1.0 / (1.0 / f + 1.0 / middle("null_route_c256")));
    for name in [
        "F",
        "null_route_c256",
        "pair_us",
        "fdatasync_us",
        "http_sqlite_c1",
        "http_sqlite_c1_p50_us",
        "http_sqlite_c256_p99_ms",
        "http_sqlite_c256_server_cpu_us",
        "http_postgres_c256_server_cpu_us",
    ] {
        report.rate(name, middle(name));
    }
    report.note(format!(
        "F: pairs of P-256 verify and sign a second on all cores, {} distinct keys; medians of {rounds} rounds",
        crate::csr::KEYS
    ));
    report.note("The load generator and, for PostgreSQL, the database run on the same cores as the server.");
    report.note("PostgreSQL's files lie in memory where /dev/shm exists, so its figures leave the disk out.");
    steps::table(&inside, &mut report).await?;
    for server in [sqlite, spread, other] {
        server.stop().await?;
    }
    Ok(report)
}

/// Microseconds each.
fn each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}
