//! A server of somebody else's on a free port.

use crate::client::Connection;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio_rustls::TlsConnector;

/// It ends when this is dropped.
pub(super) struct Process {
    pub(super) address: String,
    pub(super) tls: Option<TlsConnector>,
    _child: tokio::process::Child,
    _directory: tempfile::TempDir,
}

/// A port of the loopback address that was free just now: neither of the others says which one it took.
pub(super) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Process {
    /// Starts a program that will listen on the port, and waits until it is reached there.
    pub(super) async fn start(
        program: &Path,
        arguments: &[&str],
        directory: tempfile::TempDir,
        port: u16,
        tls: Option<TlsConnector>,
    ) -> Result<Self> {
        let address = format!("127.0.0.1:{port}");
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory.path()).env("STEPPATH", directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        for _ in 0..200 {
            if let Some(status) = child.try_wait()? {
                let log = std::fs::read_to_string(directory.path().join("log"))?;
                bail!("{} ended with {status}: {log}", program.display());
            }
            if Connection::open(&address, tls.as_ref()).await.is_ok() {
                return Ok(Self { address, tls, _child: child, _directory: directory });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{} does not answer at {address}", program.display())
    }
}
