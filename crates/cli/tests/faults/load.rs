//! Clients that issue under idempotency keys until they are told to stop, and what they were told.

use crate::installation::{Server, text};
use crate::world::{Issued, Tenant};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The clients of one tenant.
pub(crate) struct Load {
    tenant: Tenant,
    server: Arc<Server>,
    clients: Vec<JoinHandle<Vec<Issued>>>,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
}

impl Load {
    pub(crate) fn start(server: &Arc<Server>, tenant: &Tenant, clients: usize) -> Self {
        let told = Arc::<Told>::default();
        let clients = (0..clients).map(|number| tokio::spawn(issue(Arc::clone(server), tenant.clone(), number, Arc::clone(&told))));
        Self { tenant: tenant.clone(), server: Arc::clone(server), clients: clients.collect(), told: Arc::clone(&told) }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.told.acknowledged.load(Ordering::SeqCst)
    }

    pub(crate) fn refused(&self) -> usize {
        self.told.refused.load(Ordering::SeqCst)
    }

    /// Waits until so many more were acknowledged; how long that took.
    pub(crate) async fn goes_on(&self, more: usize, within: Duration) -> Duration {
        let (start, goal) = (Instant::now(), self.acknowledged() + more);
        while self.acknowledged() < goal {
            let said = || self.server.said().lines().rev().take(3).map(str::to_owned).collect::<Vec<_>>();
            assert!(start.elapsed() < within, "{} of {goal} acknowledged after {within:?}: {:?}", self.acknowledged(), said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        start.elapsed()
    }

    /// Waits until so many more were refused.
    pub(crate) async fn is_refused(&self, more: usize) {
        let goal = self.refused() + more;
        for _ in 0..3000 {
            if self.refused() >= goal {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain for refusals");
    }

    /// Lets every client end what it began; then all that was acknowledged is there with its one event, and nothing else is.
    pub(crate) async fn ends_well(self, besides: &[&Issued]) {
        self.told.stop.store(true, Ordering::SeqCst);
        let mut acknowledged = Vec::new();
        for client in self.clients {
            acknowledged.extend(client.await.unwrap());
        }
        let mut events = BTreeMap::<String, usize>::new();
        for event in self.tenant.events(&self.server).await.iter().filter(|event| event["act"] == "certificate.issue") {
            *events.entry(text(&event["detail"]["certificate"])).or_default() += 1;
        }
        for issued in &acknowledged {
            assert_eq!(events.remove(&issued.id), Some(1), "events of {}", issued.id);
            self.tenant.shown(&self.server, issued).await;
        }
        // The set-up made one, and the test some.
        assert_eq!(events.len(), 1 + besides.len(), "nothing was done that was not acknowledged: {events:?}");
    }
}

async fn issue(server: Arc<Server>, tenant: Tenant, client: usize, told: Arc<Told>) -> Vec<Issued> {
    let mut acknowledged = Vec::new();
    while !told.stop.load(Ordering::SeqCst) {
        let label = format!("c{client}-{}", acknowledged.len());
        loop {
            let body = json!({"profile": "tls-server", "names": [tenant.host(&label)]});
            let made = server.ask(&tenant.token, "POST", &tenant.path("/certificates"), Some(body), Some(&label)).await;
            if made.status == 201 {
                acknowledged.push(Issued { id: text(&made.body["id"]), serial: text(&made.body["serial"]) });
                told.acknowledged.fetch_add(1, Ordering::SeqCst);
                break;
            }
            if made.status >= 500 && made.status != 503 {
                let said = server.said();
                panic!("{}: {:?}", made.status, said.lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>());
            }
            made.is_unavailable();
            told.refused.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    acknowledged
}

/// An answer with what its headers say.
pub(crate) struct Asked {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl Asked {
    /// Says that the fault is the server's, that nothing was done, and when to come again.
    #[track_caller]
    pub(crate) fn is_unavailable(&self) {
        assert_eq!((self.status, self.body["type"].as_str()), (503, Some("urn:chancery:problem:unavailable")), "{}", self.body);
        assert!(self.retry_after.as_ref().is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "when to come again: {}", self.body);
        let detail = text(&self.body["detail"]);
        assert!(detail.contains("our fault") && detail.contains("Idempotency-Key"), "{detail}");
    }
}

impl Server {
    pub(crate) async fn ask(&self, token: &str, method: &str, path: &str, body: Option<Value>, key: Option<&str>) -> Asked {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await.unwrap();
        let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        Asked { status, retry_after, body: serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default() }
    }
}
