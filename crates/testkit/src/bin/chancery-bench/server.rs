//! The server under test: a process of its own over prepared ground.

use crate::client::Connection;
use crate::ground::{self, Backend, Ground, Tenant};
use anyhow::{Context, Result, bail, ensure};
use chancery::Start;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;

/// The child's side: serves, says where, and ends with its standard input.
pub(crate) async fn serve_until_input_ends(arguments: &[String]) -> Result<()> {
    let (backend, directory) = place(arguments)?;
    let config = ground::config(&backend, directory);
    let server = chancery::Server::bind(&config).await?;
    let service = chancery::open(&config, server.address(), Start::Again).await?;
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{}\n", server.address()).as_bytes()).await?;
    stdout.flush().await?;
    let input_ends = async {
        // Whatever comes, the parent is gone or wants an end.
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    server.run(service, input_ends).await?;
    Ok(())
}

/// What a child was told by `child`.
pub(crate) fn place(arguments: &[String]) -> Result<(Backend, &Path)> {
    match arguments {
        [_, directory] => Ok((Backend::Sqlite, Path::new(directory))),
        [_, directory, app_url, owner_url] => {
            Ok((Backend::Postgres { app_url: app_url.clone(), owner_url: owner_url.clone() }, Path::new(directory)))
        }
        _ => bail!("DIRECTORY [APP_URL OWNER_URL]"),
    }
}

/// A process of this program that does `what` with the ground; it ends when this is dropped.
pub(crate) fn child(what: &str, ground: &Ground) -> Result<Child> {
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.arg(what).arg(ground.directory.path());
    if let Backend::Postgres { app_url, owner_url } = &ground.backend {
        command.arg(app_url).arg(owner_url);
    }
    Ok(command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
}

/// The parent's side: a running child; it ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) tenants: Vec<Tenant>,
    _ground: Arc<Ground>,
}

impl Server {
    /// A server over new ground with so many tenants.
    pub(crate) async fn start(backend: &Backend, count: usize) -> Result<Self> {
        Self::on(&Arc::new(Ground::prepare(backend, count).await?)).await
    }

    /// A server over ground that nothing else stands on.
    pub(crate) async fn on(ground: &Arc<Ground>) -> Result<Self> {
        let mut child = child("serve", ground)?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let address = lines.next_line().await?.context("the server under test did not start")?;
        Ok(Self { child, address, tenants: ground.tenants.clone(), _ground: Arc::clone(ground) })
    }

    /// The same, and how long it took from the start of the process until it says that it is ready.
    pub(crate) async fn timed(ground: &Arc<Ground>) -> Result<(Self, Duration)> {
        let started = Instant::now();
        let server = Self::on(ground).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
        let mut connection = Connection::open(&server.address, None).await?;
        let (status, _) = connection.send(request.as_bytes()).await?;
        ensure!(status == 200, "the server under test is not ready: {status}");
        Ok((server, started.elapsed()))
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
