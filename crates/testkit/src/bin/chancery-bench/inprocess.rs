//! The service called directly: what HTTP and JSON cost is what is missing here.

use crate::csr;
use crate::ground::{self, Backend};
use anyhow::Result;
use chancery_app::{Chancery, IssueRequest, KeySource};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What the use case takes for a certification request in DER.
pub(crate) fn issuance(csr: Vec<u8>) -> Result<IssueRequest> {
    Ok(IssueRequest {
        profile: Some("tls-server".parse()?),
        issuer: None,
        key: KeySource::Request(csr),
        names: None,
        common_name: None,
        validity_seconds: None,
    })
}

pub(crate) struct InProcess {
    pub(crate) service: Chancery,
    pub(crate) token: String,
    pub(crate) requests: Arc<Vec<IssueRequest>>,
    _directory: tempfile::TempDir,
}

impl InProcess {
    pub(crate) async fn open() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let config = ground::config(&Backend::Sqlite, directory.path());
        let service = chancery::open(&config, config.listen, chancery::Start::First).await?;
        let tenants = ground::tenants(&service, 1).await?;
        let (domain, token) = tenants.first().map(|tenant| (tenant.domain.clone(), tenant.token.clone())).unwrap_or_default();
        let requests = csr::requests(&domain)?.into_iter().map(issuance).collect::<Result<_>>()?;
        Ok(Self { service, token, requests: Arc::new(requests), _directory: directory })
    }

    /// Certificates a second with so many callers at once; each authenticates anew, as over HTTP.
    pub(crate) async fn run(&self, callers: usize, time: Duration) -> Result<f64> {
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let started = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (service, token, requests) = (self.service.clone(), self.token.clone(), Arc::clone(&self.requests));
                let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
                tokio::spawn(async move {
                    let mut done = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        let caller = service.authenticate(&token, "bench".to_owned()).await?;
                        let at = next.fetch_add(1, Ordering::Relaxed) % requests.len();
                        if let Some(request) = requests.get(at) {
                            service.issue(&caller, request).await?;
                            done += 1;
                        }
                    }
                    Ok::<_, chancery_app::Failure>(done)
                })
            })
            .collect();
        tokio::time::sleep(time).await;
        stop.store(true, Ordering::Relaxed);
        let mut done = 0;
        for task in tasks {
            done += task.await??;
        }
        Ok(done as f64 / started.elapsed().as_secs_f64())
    }
}
