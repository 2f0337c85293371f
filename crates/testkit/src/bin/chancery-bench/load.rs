//! One load alone, to be looked at with a profiler.

use crate::ground::Backend;
use crate::http::Load;
use crate::report::Report;
use crate::server::Server;
use anyhow::Result;
use std::time::Duration;

/// Issues over 256 connections for one tenant on SQLite.
pub(crate) async fn run(quick: bool) -> Result<Report> {
    let time = Duration::from_secs(if quick { 3 } else { 10 });
    let server = Server::start(&Backend::Sqlite, 1).await?;
    let load = Load::issue(&server)?;
    load.run(256, Duration::from_secs(1)).await?;
    let before = server.cpu()?;
    let loaded = load.run(256, time).await?;
    let cpu = server.cpu()? - before;
    server.stop().await?;
    let mut report = Report::new("load");
    report.rate("http_sqlite_c256_per_s", loaded.rate);
    report.rate("server_cpu_us", cpu.as_secs_f64() * 1e6 / loaded.count.max(1) as f64);
    report.rate("p99_ms", loaded.p99.as_secs_f64() * 1e3);
    Ok(report)
}
