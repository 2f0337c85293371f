//! Load over HTTP: so many connections, each with one request under way.

use crate::client::{Connection, post};
use crate::csr;
use crate::server::{Server, Tenant};
use anyhow::{Result, ensure};
use base64::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The requests of a load, made before the clock starts.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) requests: Arc<Vec<Vec<u8>>>,
    pub(crate) address: String,
}

/// What a load came to.
pub(crate) struct Loaded {
    /// Certificates.
    pub(crate) count: usize,
    /// Certificates a second.
    pub(crate) rate: f64,
    /// The middle latency.
    pub(crate) p50: Duration,
    /// The latency that one in a hundred passes.
    pub(crate) p99: Duration,
}

impl Load {
    /// Issuance requests for all tenants of the server in turn, with distinct keys.
    pub(crate) fn issue(server: &Server) -> Result<Self> {
        Self::of(&server.address, &server.tenants)
    }

    /// The same for these tenants.
    pub(crate) fn of(address: &str, tenants: &[Tenant]) -> Result<Self> {
        let mut requests = Vec::new();
        let first = tenants.first().map(|tenant| csr::requests(&tenant.domain)).transpose()?.unwrap_or_default();
        for (at, der) in first.iter().enumerate() {
            for tenant in tenants {
                // The names are the tenant's own; the keys are shared between tenants, which costs the server the same.
                let name = format!("h{at}.{}", tenant.domain);
                let csr = base64::engine::general_purpose::STANDARD.encode(der);
                let body = serde_json::json!({"profile": "tls-server", "csr": csr, "names": [name]}).to_string();
                requests.push(post(address, &format!("/v1/tenants/{}/certificates", tenant.id), &tenant.token, &body));
            }
        }
        Ok(Self { requests: Arc::new(requests), address: address.to_owned() })
    }

    /// Runs with so many connections for so long. Every answer must be a certificate.
    pub(crate) async fn run(&self, connections: usize, time: Duration) -> Result<Loaded> {
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(&self.address).await?);
        }
        let started = Instant::now();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|connection| tokio::spawn(drive(connection, Arc::clone(&self.requests), Arc::clone(&next), Arc::clone(&stop))))
            .collect();
        tokio::time::sleep(time).await;
        stop.store(true, Ordering::Relaxed);
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        let rate = latencies.len() as f64 / started.elapsed().as_secs_f64();
        latencies.sort();
        Ok(Loaded { count: latencies.len(), rate, p50: at(&latencies, 0.5), p99: at(&latencies, 0.99) })
    }

    /// One connection that sends a request each `every`, timed from when it was due: whoever is late with one is late with the next.
    pub(crate) async fn paced(&self, offset: Duration, every: Duration, time: Duration) -> Result<Vec<Duration>> {
        let mut connection = Connection::open(&self.address).await?;
        let (mut latencies, mut due) = (Vec::new(), Instant::now() + offset);
        let end = due + time;
        for request in self.requests.iter().cycle() {
            if due >= end {
                break;
            }
            tokio::time::sleep_until(due.into()).await;
            let (status, body) = connection.send(request).await?;
            latencies.push(due.elapsed());
            ensure!(status == 201, "the server answered {status}: {}", String::from_utf8_lossy(body));
            due += every;
        }
        Ok(latencies)
    }
}

/// The value below which such a share of the sorted ones lies.
pub(crate) fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or_default()
}

async fn drive(
    mut connection: Connection,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let at = next.fetch_add(1, Ordering::Relaxed) % requests.len();
        let Some(request) = requests.get(at) else { break };
        let started = Instant::now();
        let (status, body) = connection.send(request).await?;
        latencies.push(started.elapsed());
        ensure!(status == 201, "the server answered {status}: {}", String::from_utf8_lossy(body));
    }
    Ok(latencies)
}
