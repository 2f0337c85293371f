//! What a server under test stands on: a directory or database with tenants that are ready to issue.

use anyhow::{Context, Result};
use chancery::config::{Database, TlsFiles};
use chancery::{Config, Start};
use chancery_app::{Caller, Chancery, NewIssuer};
use chancery_domain::TenantId;
use chancery_store::postgres::DatabaseUrl;
use futures_util::{StreamExt, TryStreamExt};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Which store.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Files in the ground's directory.
    Sqlite,
    /// This database, as the application's role and as its owner.
    Postgres { app_url: String, owner_url: String },
}

/// A tenant ready to issue.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) token: String,
    pub(crate) domain: String,
}

/// Tenants that are made at once.
const AT_ONCE: usize = 16;

pub(crate) struct Ground {
    pub(crate) backend: Backend,
    pub(crate) directory: TempDir,
    pub(crate) tenants: Vec<Tenant>,
}

impl Ground {
    /// Makes the tenants through the use cases, without a server; a worker does what they leave to be done.
    pub(crate) async fn prepare(backend: &Backend, count: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut config = config(backend, directory.path());
        // Each new file waits for the disk some dozen times; nothing is measured here.
        config.store_threads = AT_ONCE;
        let service = chancery::open(&config, config.listen, Start::First).await?;
        let worker = tokio::spawn({
            let service = service.clone();
            async move { service.work().await }
        });
        let tenants = tenants(&service, count).await?;
        service.work_until_idle().await?;
        worker.abort();
        // It holds the directory as long as it lives.
        let _ = worker.await;
        Ok(Self { backend: backend.clone(), directory, tenants })
    }

    pub(crate) fn config(&self) -> Config {
        config(&self.backend, self.directory.path())
    }

    /// The service without a server.
    pub(crate) async fn open(&self) -> Result<Chancery> {
        let config = self.config();
        Ok(chancery::open(&config, config.listen, Start::Again).await?)
    }
}

/// The product's own configuration with everything in `directory`, with TLS where its files are there.
pub(crate) fn config(backend: &Backend, directory: &Path) -> Config {
    let mut config = Config::contained(directory);
    config.certificate_limit = i64::MAX;
    let (certificate, key) = (directory.join("tls.pem"), directory.join("tls.key"));
    if certificate.exists() {
        config.tls = Some(TlsFiles { certificate, key });
        config.public_url = Some("http://pki.bench.example".to_owned());
    }
    if let Backend::Postgres { app_url, owner_url } = backend {
        let (app_url, owner_url) = (DatabaseUrl::new(app_url.clone()), Some(DatabaseUrl::new(owner_url.clone())));
        config.database = Some(Database { app_url, owner_url, backup_url: None, connections: 16 });
    }
    config
}

/// Makes tenants with an admin and an issuer each.
pub(crate) async fn tenants(service: &Chancery, count: usize) -> Result<Vec<Tenant>> {
    let bootstrap = service.initialise().await?;
    let operator = service.enrol(&bootstrap.expose(), "bench", DAY, "bench".to_owned()).await?;
    let token = operator.token.token.context("no token")?.expose();
    let making = (0..count).map(|number| tenant(service, &token, number));
    futures_util::stream::iter(making).buffered(AT_ONCE).try_collect().await
}

const DAY: Duration = Duration::from_secs(86_400);

async fn tenant(service: &Chancery, operator: &str, number: usize) -> Result<Tenant> {
    let slug = format!("bench-{number}").parse()?;
    let created = service.create_tenant(&caller(service, operator).await?, &slug).await?;
    let enrolment = created.enrolment.context("no enrolment token")?;
    let admin = service.enrol(&enrolment.expose(), "admin", DAY, "bench".to_owned()).await?;
    let token = admin.token.token.context("no token")?.expose().to_string();
    let domain = format!("bench-{number}.example");
    let issuer = NewIssuer {
        organization: None,
        name: format!("Bench {number}"),
        permitted: vec![format!("dns:*.{domain}").parse()?],
        key_algorithm: chancery_domain::key::KeyAlgorithm::EcP256,
        root_key_algorithm: None,
        root_days: 730,
        issuing_days: 365,
    };
    service.create_issuer(&caller(service, &token).await?, &issuer).await?;
    Ok(Tenant { id: created.tenant.id, token, domain })
}

pub(crate) async fn caller(service: &Chancery, token: &str) -> Result<Caller> {
    Ok(service.authenticate(token, "bench".to_owned()).await?)
}
