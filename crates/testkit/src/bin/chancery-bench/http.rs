//! Load over HTTP: so many connections, each with one request under way.

use crate::client::{Connection, post};
use crate::csr;
use crate::server::Server;
use anyhow::{Result, ensure};
use base64::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The requests of a load, made before the clock starts.
pub(crate) struct Load {
    requests: Arc<Vec<Vec<u8>>>,
    address: String,
}

/// What a load came to.
pub(crate) struct Loaded {
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
        let mut requests = Vec::new();
        let first = server.tenants.first().map(|tenant| csr::requests(&tenant.domain)).transpose()?.unwrap_or_default();
        for (at, der) in first.iter().enumerate() {
            for tenant in &server.tenants {
                // The names are the tenant's own; the keys are shared between tenants, which costs the server the same.
                let name = format!("h{at}.{}", tenant.domain);
                let csr = base64::engine::general_purpose::STANDARD.encode(der);
                let body = serde_json::json!({"profile": "tls-server", "csr": csr, "names": [name]}).to_string();
                requests.push(post(&server.address, &format!("/v1/tenants/{}/certificates", tenant.id), &tenant.token, &body));
            }
        }
        Ok(Self { requests: Arc::new(requests), address: server.address.clone() })
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
        let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
        Ok(Loaded { rate, p50: at(0.5), p99: at(0.99) })
    }
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
