//! `bench overload`: what becomes of rate and latency when more is asked than can be done.

use crate::client::Connection;
use crate::ground::Backend;
use crate::http::Load;
use crate::report::{Report, median};
use crate::server::Server;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Connections that saturate the server, each with its next request as soon as the last is answered.
const SATURATED: usize = 128;
/// How many times as many are tried.
const TIMES: [usize; 4] = [1, 2, 4, 16];
/// Requests of a tenant that are at work or wait; the next one is refused with 429.
const ADMITTED: f64 = 128.0 + 1024.0;

/// What a load came to.
#[derive(Default)]
struct Pressed {
    /// Certificates a second.
    rate: f64,
    /// The latency of the certificates that one in a hundred passes.
    p99: Duration,
    /// Refusals by status.
    refused: BTreeMap<u16, usize>,
}

pub(crate) async fn run(quick: bool) -> Result<Report> {
    let (rounds, slice) = if quick { (3, Duration::from_secs(2)) } else { (5, Duration::from_secs(6)) };
    let server = Server::start(&Backend::Sqlite, 1).await?;
    let load = Load::issue(&server)?;
    let mut samples = BTreeMap::<String, Vec<f64>>::new();
    for round in 0..=rounds {
        let mut keep = |name: String, pressed: &Pressed| {
            // The first round warms caches and files up and counts nowhere.
            if round > 0 {
                let refused = |status| pressed.refused.get(&status).map_or(0.0, |count| *count as f64);
                for (figure, value) in [
                    ("per_s", pressed.rate),
                    ("admitted_p99_ms", pressed.p99.as_secs_f64() * 1e3),
                    ("refused_429", refused(429)),
                    ("refused_503", refused(503)),
                ] {
                    samples.entry(format!("{name}_{figure}")).or_default().push(value);
                }
            }
        };
        let mut saturated = 0.0;
        for times in TIMES {
            let pressed = load.pressed(SATURATED * times, None, slice).await?;
            if times == 1 {
                saturated = pressed.rate;
            }
            keep(format!("{times}x"), &pressed);
        }
        // Twice as much arrives as can be done, whether or not anything is answered.
        let connections = SATURATED * 16;
        let every = Duration::from_secs_f64(connections as f64 / (2.0 * saturated));
        keep("open_2x".to_owned(), &load.pressed(connections, Some(every), slice).await?);
    }
    let middle = |name: &str| samples.get(name).map_or(f64::NAN, |values| median(&mut values.clone()));
    let mut report = Report::new("overload");
    for times in TIMES.into_iter().skip(1) {
        let level = middle(&format!("{times}x_per_s")) / middle("1x_per_s");
        report.ratio(&format!("level_{times}x_sqlite"), level, 0.9, "the rate at saturation", false);
    }
    report.ratio("level_open_2x_sqlite", middle("open_2x_per_s") / middle("1x_per_s"), 0.9, "the rate at saturation", false);
    // Whoever is admitted last waits for all before it.
    for name in ["16x", "open_2x"] {
        let queue = ADMITTED / middle(&format!("{name}_per_s"));
        let p99 = middle(&format!("{name}_admitted_p99_ms")) / 1e3;
        report.ratio(&format!("admitted_p99_{name}_sqlite"), p99 / queue, 1.5, "a full queue at this rate", true);
    }
    for name in samples.keys() {
        report.rate(&format!("sqlite_{name}"), middle(name));
    }
    report.note(format!("One tenant; {SATURATED} connections are saturation; whoever is refused comes again when Retry-After says."));
    report.note("open_2x: requests arrive at twice the rate at saturation, over 2048 connections, and are timed from when they were due.");
    report.note("The load generator runs on the same cores as the server. Medians.");
    server.stop().await?;
    Ok(report)
}

impl Load {
    /// Runs with so many connections; with `every`, each sends that often, whatever becomes of the requests before.
    async fn pressed(&self, connections: usize, every: Option<Duration>, time: Duration) -> Result<Pressed> {
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(&self.address, self.tls.as_ref()).await?);
        }
        let started = Instant::now();
        let spread = every.unwrap_or_default() / u32::try_from(connections).unwrap_or(u32::MAX);
        let tasks: Vec<_> = (0..)
            .zip(open)
            .map(|(number, connection)| {
                let due = started + spread * number;
                tokio::spawn(press(connection, Arc::clone(&self.requests), Arc::clone(&next), Arc::clone(&stop), every, due))
            })
            .collect();
        tokio::time::sleep(time).await;
        stop.store(true, Ordering::Relaxed);
        let elapsed = started.elapsed();
        let (mut latencies, mut pressed) = (Vec::new(), Pressed::default());
        for task in tasks {
            let (admitted, refused) = task.await??;
            // What is answered after the end was done after it, too.
            latencies.extend(admitted.into_iter().filter(|(at, _)| *at <= started + elapsed).map(|(_, latency)| latency));
            refused.into_iter().for_each(|(status, count)| *pressed.refused.entry(status).or_default() += count);
        }
        latencies.sort();
        pressed.rate = latencies.len() as f64 / elapsed.as_secs_f64();
        pressed.p99 = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
        Ok(pressed)
    }
}

/// When each certificate came and how long it took, and how many requests were refused, by status.
type Driven = (Vec<(Instant, Duration)>, BTreeMap<u16, usize>);

async fn press(
    mut connection: Connection,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    every: Option<Duration>,
    mut due: Instant,
) -> Result<Driven> {
    let (mut admitted, mut refused) = Driven::default();
    while !stop.load(Ordering::Relaxed) {
        if every.is_some() {
            tokio::time::sleep_until(due.into()).await;
        } else {
            due = Instant::now();
        }
        let at = next.fetch_add(1, Ordering::Relaxed) % requests.len();
        let Some(request) = requests.get(at) else { break };
        let (status, body) = connection.send(request).await?;
        match status {
            201 => admitted.push((Instant::now(), due.elapsed())),
            429 | 503 => {
                *refused.entry(status).or_default() += 1;
                if every.is_none() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            _ => bail!("the server answered {status}: {}", String::from_utf8_lossy(body)),
        }
        // Whoever is late with one request is late with the next.
        due += every.unwrap_or_default();
    }
    Ok((admitted, refused))
}
