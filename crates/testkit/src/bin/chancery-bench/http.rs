//! Load over HTTP: so many connections, each with one request under way.

use crate::client::{Connection, post};
use crate::csr;
use crate::ground::Tenant;
use crate::server::Server;
use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_rustls::TlsConnector;

/// The requests of a load, made before the clock starts.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) requests: Arc<Vec<Vec<u8>>>,
    pub(crate) address: String,
    pub(crate) tls: Option<TlsConnector>,
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
    /// Answers that were no certificate.
    pub(crate) failed: usize,
    /// What one of them said.
    pub(crate) failure: String,
}

impl Loaded {
    fn without_failures(self) -> Result<Self> {
        ensure!(self.failed == 0, "the server refused {} requests, one with {}", self.failed, self.failure);
        Ok(self)
    }
}

/// What the connections of a load share.
struct Round {
    requests: Arc<Vec<Vec<u8>>>,
    next: AtomicUsize,
    stop: AtomicBool,
    /// Whether the first request follows the last.
    again: bool,
}

impl Round {
    fn take(&self) -> Option<&Vec<u8>> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        self.requests.get(if self.again { at % self.requests.len() } else { at })
    }
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
                requests.push(issue(address, tenant, &format!("h{at}.{}", tenant.domain), der));
            }
        }
        Ok(Self { requests: Arc::new(requests), address: address.to_owned(), tls: None })
    }

    /// So many requests for these tenants in turn, each with a name and a key of its own: what is stored grows as it does in use.
    pub(crate) fn fresh(address: &str, tenants: &[Tenant], count: usize) -> Result<Self> {
        ensure!(!tenants.is_empty(), "a load needs a tenant");
        let domain = |place: usize| tenants.get(place % tenants.len()).map_or("", |tenant| tenant.domain.as_str());
        let fresh = tokio::task::block_in_place(|| csr::fresh(count, domain))?;
        let requests = fresh.iter().zip(tenants.iter().cycle()).map(|(one, tenant)| issue(address, tenant, &one.name, one.request.der()));
        Ok(Self { requests: Arc::new(requests.collect()), address: address.to_owned(), tls: None })
    }

    /// Requests that ask for nothing: what HTTP alone costs.
    pub(crate) fn nothing(server: &Server) -> Self {
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).into_bytes();
        Self { requests: Arc::new(vec![request]), address: server.address.clone(), tls: None }
    }

    /// Runs with so many connections for so long. Every answer must be what was asked for.
    pub(crate) async fn run(&self, connections: usize, time: Duration) -> Result<Loaded> {
        self.drive(connections, Some(time)).await?.without_failures()
    }

    /// Sends each request once over so many connections. Every answer must be a certificate.
    pub(crate) async fn once(&self, connections: usize) -> Result<Loaded> {
        self.once_whatever_comes(connections).await?.without_failures()
    }

    /// The same, whatever the answers are.
    pub(crate) async fn once_whatever_comes(&self, connections: usize) -> Result<Loaded> {
        self.drive(connections, None).await
    }

    async fn drive(&self, connections: usize, time: Option<Duration>) -> Result<Loaded> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(Connection::open(&self.address, self.tls.as_ref()).await?);
        }
        let (requests, again) = (Arc::clone(&self.requests), time.is_some());
        let round = Arc::new(Round { requests, next: AtomicUsize::new(0), stop: AtomicBool::new(false), again });
        let started = Instant::now();
        let tasks: Vec<_> = open.into_iter().map(|connection| tokio::spawn(drive(connection, Arc::clone(&round)))).collect();
        if let Some(time) = time {
            tokio::time::sleep(time).await;
            round.stop.store(true, Ordering::Relaxed);
        }
        let (mut latencies, mut failures) = (Vec::new(), Vec::new());
        for task in tasks {
            let (good, bad) = task.await??;
            latencies.extend(good);
            failures.extend(bad);
        }
        let rate = latencies.len() as f64 / started.elapsed().as_secs_f64();
        latencies.sort();
        let (failed, failure) = (failures.len(), failures.pop().unwrap_or_default());
        Ok(Loaded { count: latencies.len(), rate, p50: at(&latencies, 0.5), p99: at(&latencies, 0.99), failed, failure })
    }

    /// One connection that sends a request each `every`, timed from when it was due: whoever is late with one is late with the next.
    pub(crate) async fn paced(&self, offset: Duration, every: Duration, time: Duration) -> Result<Vec<Duration>> {
        let mut connection = Connection::open(&self.address, self.tls.as_ref()).await?;
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

fn issue(address: &str, tenant: &Tenant, name: &str, der: &[u8]) -> Vec<u8> {
    let body = serde_json::json!({"profile": "tls-server", "csr": STANDARD.encode(der), "names": [name]}).to_string();
    let authorisation = format!("authorization: Bearer {}\r\n", tenant.token);
    post(address, &format!("/v1/tenants/{}/certificates", tenant.id), &authorisation, &body)
}

/// The value below which such a share of the sorted ones lies.
pub(crate) fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or_default()
}

/// The latencies of the certificates, and the answers that were something else.
async fn drive(mut connection: Connection, round: Arc<Round>) -> Result<(Vec<Duration>, Vec<String>)> {
    let (mut latencies, mut failures) = (Vec::new(), Vec::new());
    while let Some(request) = round.take() {
        let started = Instant::now();
        let (status, body) = connection.send(request).await?;
        if matches!(status, 200 | 201) {
            latencies.push(started.elapsed());
        } else {
            failures.push(format!("{status}: {}", String::from_utf8_lossy(body)));
        }
    }
    Ok((latencies, failures))
}
