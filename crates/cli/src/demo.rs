//! `chancery demo`: the real server on a folder of its own, and the main job done through the public API.

mod acts;
mod artifacts;
mod closing;
mod handshake;
mod judge;
mod openssl;
mod signing;
mod step;
mod story;

use crate::client::Client;
use crate::config::{Config, LogFormat};
use crate::ended::Ended;
use crate::open::{self, DEMO_MARKER, OpenError, Start};
use crate::output;
use crate::serve::{self, ServeError, Server};
use crate::system::SystemClock;
use crate::{client::ClientError, logging};
use chancery_domain::port::Clock;
use openssl::OpenSsl;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
pub(crate) use step::StepFailed;
use step::{Stage, seconds};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// An unattended run may take this long.
const LIMIT: Duration = Duration::from_secs(300);

/// How to demonstrate.
#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep everything in this empty or missing folder; by default a temporary one, removed at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Listen on this loopback address; by default on a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Unattended: one line per step, at most 300 s, exit code 0 only if every step held, then stop and clean up.
    #[arg(long)]
    check: bool,
    /// What is logged on standard error.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: String,
}

/// Why a demonstration did not hold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// A step.
    #[error(transparent)]
    Step(#[from] StepFailed),
    /// Too slow.
    #[error("not done within {} s", LIMIT.as_secs())]
    TooSlow,
    /// Somebody's folder.
    #[error("{} is not empty: give an empty or a missing folder", .0.display())]
    NotEmpty(PathBuf),
    /// The file system.
    #[error("cannot use {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Demonstrates.
pub(crate) async fn demo(args: &DemoArgs) -> Result<(), Ended> {
    logging::start(LogFormat::Text, &args.log_level)?;
    let folder = Folder::new(args.data_dir.as_deref())?;
    let mut config = Config::contained(folder.path());
    config.listen = args.listen;
    let clock = SystemClock::new();
    let running = Running::start(&config, &folder).await?;
    let client = Client::new(&running.url).map_err(DemoError::from)?;
    let stage = Stage::new(client, clock, OpenSsl::find().await, folder.path().to_owned());
    stage.say("server", &format!("{} answers, SQLite in {}", running.url, folder.path().display()));
    let told = tokio::time::timeout(LIMIT, story::tell(&stage, &running.bootstrap)).await;
    let took = seconds(stage.clock.monotonic());
    let told = told.map_err(|_| DemoError::TooSlow).and_then(|told| told.map_err(DemoError::from));
    if let (Ok(story), false) = (&told, args.check) {
        closing::what_next(&running.url, &folder, story)?;
        serve::stop_signal()?.await;
        output::line("\nStopping.");
    }
    running.stop().await?;
    told?;
    output::line(&format!("\nEvery step held: {} steps in {took}.", stage.steps()));
    Ok(())
}

/// The real server in this process.
struct Running {
    url: String,
    bootstrap: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(config: &Config, folder: &Folder) -> Result<Self, Ended> {
        let server = Server::bind(config).await?;
        let url = server.url();
        open::make_folder(&config.data_dir)?;
        // `serve` refuses this directory from now on.
        folder.write(&config.data_dir.join(DEMO_MARKER), "made by chancery demo\n")?;
        let service = open::open(config, server.address(), Start::First).await?;
        let bootstrap = service.initialise().await.map_err(OpenError::Service)?.expose().to_string();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server.run(service, async move { drop(stopped.await) }));
        Ok(Self { url, bootstrap, stop, served })
    }

    async fn stop(self) -> Result<(), Ended> {
        drop(self.stop);
        match self.served.await {
            Ok(served) => Ok(served?),
            Err(_) => Err(Ended::System(std::io::Error::other("the server's task ended early"))),
        }
    }
}

/// Where everything lies: temporary and removed when dropped, or the user's.
pub(crate) enum Folder {
    /// Removed at the end.
    Temporary(tempfile::TempDir),
    /// Kept.
    Given(PathBuf),
}

impl Folder {
    fn new(given: Option<&Path>) -> Result<Self, DemoError> {
        let Some(path) = given else {
            let made = tempfile::Builder::new().prefix("chancery-demo-").tempdir();
            return Ok(Self::Temporary(made.map_err(|source| DemoError::Folder { path: std::env::temp_dir(), source })?));
        };
        let failed = |source| DemoError::Folder { path: path.to_owned(), source };
        if path.exists() && std::fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(DemoError::NotEmpty(path.to_owned()));
        }
        // Absolute, since the ready lines printed at the end are for other shells, too.
        std::path::absolute(path).map(Self::Given).map_err(failed)
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Given(path) => path,
        }
    }

    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<(), DemoError> {
        crate::files::write_secret(path, text.as_bytes()).map_err(|source| DemoError::Folder { path: path.to_owned(), source })
    }
}
