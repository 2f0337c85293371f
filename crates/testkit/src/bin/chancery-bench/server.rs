//! The server under test: a service over a store in a temporary place, with tenants ready to issue.

use anyhow::{Context, Result, bail};
use chancery::config::Database;
use chancery::{Config, Start};
use chancery_app::{Caller, Chancery, NewIssuer};
use chancery_domain::TenantId;
use chancery_store::postgres::DatabaseUrl;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// Which store.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// Files in this directory.
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

/// The product's own configuration with everything in `directory`.
pub(crate) fn config(backend: &Backend, directory: &Path) -> Config {
    let mut config = Config::contained(directory);
    config.certificate_limit = i64::MAX;
    if let Backend::Postgres { app_url, owner_url } = backend {
        let (app_url, owner_url) = (DatabaseUrl::new(app_url.clone()), Some(DatabaseUrl::new(owner_url.clone())));
        config.database = Some(Database { app_url, owner_url, backup_url: None, connections: 16 });
    }
    config
}

/// Makes tenants with an admin and an issuer each.
pub(crate) async fn tenants(service: &Chancery, count: usize) -> Result<Vec<Tenant>> {
    let day = Duration::from_secs(86_400);
    let bootstrap = service.initialise().await?;
    let operator = service.enrol(&bootstrap.expose(), "bench", day, "bench".to_owned()).await?;
    let operator = caller(service, &operator.token.token.context("no token")?.expose()).await?;
    let mut tenants = Vec::new();
    for number in 0..count {
        let slug = format!("bench-{number}").parse()?;
        let created = service.create_tenant(&operator, &slug).await?;
        let enrolment = created.enrolment.context("no enrolment token")?;
        let admin = service.enrol(&enrolment.expose(), "admin", day, "bench".to_owned()).await?;
        let token = admin.token.token.context("no token")?.expose().to_string();
        let domain = format!("bench-{number}.example");
        let issuer = NewIssuer {
            organization: None,
            name: format!("Bench {number}"),
            permitted: vec![format!("dns:*.{domain}").parse()?],
            key_algorithm: chancery_domain::key::KeyAlgorithm::EcP256,
            root_key_algorithm: None,
            root_days: 365,
            issuing_days: 365,
        };
        service.create_issuer(&caller(service, &token).await?, &issuer).await?;
        tenants.push(Tenant { id: created.tenant.id, token, domain });
    }
    Ok(tenants)
}

pub(crate) async fn caller(service: &Chancery, token: &str) -> Result<Caller> {
    Ok(service.authenticate(token, "bench".to_owned()).await?)
}

/// The child's side: serves, says where and for which tenants, and ends with its standard input.
pub(crate) async fn serve_until_input_ends(arguments: &[String]) -> Result<()> {
    let [_, directory, count, urls @ ..] = arguments else { bail!("serve DIRECTORY TENANTS [APP_URL OWNER_URL]") };
    let backend = match urls {
        [app_url, owner_url] => Backend::Postgres { app_url: app_url.clone(), owner_url: owner_url.clone() },
        _ => Backend::Sqlite,
    };
    let config = config(&backend, Path::new(directory));
    let server = chancery::Server::bind(&config).await?;
    let service = chancery::open(&config, server.address(), Start::First).await?;
    let tenants = tenants(&service, count.parse()?).await?;
    let mut lines = format!("{}\n", server.address());
    tenants.iter().for_each(|tenant| lines.push_str(&format!("{} {} {}\n", tenant.id, tenant.token, tenant.domain)));
    let mut stdout = tokio::io::stdout();
    stdout.write_all(lines.as_bytes()).await?;
    stdout.flush().await?;
    let input_ends = async {
        // Whatever comes, the parent is gone or wants an end.
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    server.run(service, input_ends).await?;
    Ok(())
}

/// The parent's side: a running child; it ends when this is dropped.
pub(crate) struct Server {
    child: tokio::process::Child,
    pub(crate) address: String,
    pub(crate) tenants: Vec<Tenant>,
    _directory: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start(backend: &Backend, count: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        command.arg("serve").arg(directory.path()).arg(count.to_string());
        if let Backend::Postgres { app_url, owner_url } = backend {
            command.arg(app_url).arg(owner_url);
        }
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let address = lines.next_line().await?.context("the server under test did not start")?;
        let mut tenants = Vec::new();
        while tenants.len() < count {
            let line = lines.next_line().await?.context("the server under test said too little")?;
            let [id, token, domain] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("the server under test said {line:?}") };
            tenants.push(Tenant { id: id.parse()?, token: token.to_owned(), domain: domain.to_owned() });
        }
        Ok(Self { child, address, tenants, _directory: directory })
    }

    /// The processor time that the child has used, its system calls included.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().context("it has ended")?))?;
        // Fields 14 and 15 of proc_pid_stat(5), counted behind the name, which may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).context("an unknown form of /proc/PID/stat");
        let total = ticks(11)? + ticks(12)?;
        Ok(Duration::from_millis(total * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// Ends the child and waits for it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }
}
