//! `bench flood`: what quiet tenants notice of one that sends a hundred times its share (I11).

use crate::ground::Backend;
use crate::http::{Load, at};
use crate::report::{Report, median};
use crate::server::Server;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// Tenants that send little, each over one connection.
const QUIET: usize = 10;
/// How often each of them sends.
const EVERY: Duration = Duration::from_millis(50);
/// Connections of the flooding tenant, each with its next request as soon as the last is answered.
const FLOOD: usize = 256;

pub(crate) async fn run(quick: bool) -> Result<Report> {
    let (rounds, slice) = if quick { (3, Duration::from_millis(2500)) } else { (5, Duration::from_secs(8)) };
    let database = chancery_testkit::cluster::cluster().await.database().await;
    let postgres = Backend::Postgres { app_url: database.app_url.clone(), owner_url: database.owner_url.clone() };
    let mut report = Report::new("flood");
    for (name, backend) in [("sqlite", Backend::Sqlite), ("postgres", postgres)] {
        engine(name, &backend, rounds, slice, &mut report).await?;
    }
    report.note(format!(
        "{QUIET} tenants issue every {} ms each, timed from when it was due; the flooding tenant has {FLOOD} connections.",
        EVERY.as_millis()
    ));
    report.note("Rounds alternate: quiet alone, quiet beside the flood, flood alone; medians. The load generator runs on the same cores.");
    Ok(report)
}

async fn engine(name: &str, backend: &Backend, rounds: usize, slice: Duration, report: &mut Report) -> Result<()> {
    let server = Server::start(backend, QUIET + 1).await?;
    let (flooder, quiet) = server.tenants.split_first().context("no tenants")?;
    let flood = Load::of(&server.address, std::slice::from_ref(flooder))?;
    let quiet: Vec<Load> = quiet.iter().map(|tenant| Load::of(&server.address, std::slice::from_ref(tenant))).collect::<Result<_>>()?;
    let mut samples: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in 0..=rounds {
        let alone = paced(quiet.clone(), slice).await?;
        let (beside, flooding) = tokio::join!(paced(quiet.clone(), slice), flood.run(FLOOD, slice));
        let (beside, flooding) = (beside?, flooding?);
        let unshared = flood.run(FLOOD, slice).await?;
        // The first round warms caches and files up and counts nowhere.
        if round > 0 {
            for (key, value) in [
                ("alone_p50_ms", millis(at(&alone, 0.5))),
                ("alone_p99_ms", millis(at(&alone, 0.99))),
                ("beside_p50_ms", millis(at(&beside, 0.5))),
                ("beside_p99_ms", millis(at(&beside, 0.99))),
                ("flooder_beside_per_s", flooding.rate),
                ("flooder_alone_per_s", unshared.rate),
            ] {
                samples.entry(key).or_default().push(value);
            }
        }
    }
    let middle = |key: &str| samples.get(key).map_or(f64::NAN, |values| median(&mut values.clone()));
    report.ratio(&format!("quiet_p99_{name}"), middle("beside_p99_ms") / middle("alone_p99_ms"), 2.0, "quiet tenants' p99 alone", true);
    let kept = middle("flooder_beside_per_s") / middle("flooder_alone_per_s");
    report.ratio(&format!("flooder_kept_{name}"), kept, 0.85, "its rate alone", false);
    for key in samples.keys() {
        report.rate(&format!("{name}_{key}"), middle(key));
    }
    server.stop().await
}

/// The quiet tenants' requests, on a thread of their own: what is measured should not be the queue of the flood's generator.
async fn paced(quiet: Vec<Load>, time: Duration) -> Result<Vec<Duration>> {
    let (done, latencies) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let measured = || -> Result<Vec<Duration>> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let tasks = quiet.into_iter().enumerate().map(|(number, load)| {
                    // Not all in the same instant.
                    let offset = EVERY * u32::try_from(number).unwrap_or(0) / u32::try_from(QUIET).unwrap_or(1);
                    tokio::spawn(async move { load.paced(offset, EVERY, time).await })
                });
                let mut all = Vec::new();
                for task in tasks.collect::<Vec<_>>() {
                    all.extend(task.await??);
                }
                all.sort();
                Ok(all)
            })
        };
        let _ = done.send(measured());
    });
    latencies.await?
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
