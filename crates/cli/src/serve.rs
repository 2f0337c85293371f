//! The server: a listener, HTTP/1.1, with TLS where configured and then HTTP/2 too, and an orderly end.

mod connection;
mod descriptors;
mod preface;
mod stall;
mod tls;

use crate::config::Config;
use crate::open::{self, OpenError, Start};
use chancery_app::{Chancery, Failure};
use connection::Listener;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use tls::TlsError;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could reach it without TLS.
    #[error("{0} is not a loopback address: set tls_cert and tls_key, or listen on 127.0.0.1 behind a proxy that speaks TLS")]
    NotLoopback(SocketAddr),
    /// The port is taken, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The service cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Signals cannot be listened to.
    #[error("cannot listen to signals: {0}")]
    Signals(#[from] std::io::Error),
    /// What a crash left half-way cannot be taken up.
    #[error("cannot take up what was left half-way: {0}")]
    Resume(#[from] Failure),
}

/// `chancery serve`: until SIGINT or SIGTERM.
pub(crate) async fn serve(config: &Config) -> Result<(), ServeError> {
    open::refuse_demonstration(config)?;
    let mut stop = stop_signal()?;
    let server = Server::bind(config).await?;
    let service = tokio::select! {
        opened = open::open(config, server.address(), Start::Again) => opened?,
        // As after a crash, the next start goes on from here.
        () = &mut stop => return Ok(()),
    };
    if service.is_restored() {
        tracing::warn!("restored from a backup: writes are refused and no CRL is given out until `chancery reconcile` was run");
    }
    tracing::info!(address = server.url(), data_dir = %config.data_dir.display(), "serving");
    server.run(service, stop).await
}

/// Resolves when the process is told to stop. From this call on, SIGINT and SIGTERM no longer kill it.
pub(crate) fn stop_signal() -> Result<Pin<Box<dyn Future<Output = ()> + Send>>, ServeError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }))
}

/// Bound listeners that do not answer yet.
pub struct Server {
    api: Listener,
    address: SocketAddr,
    /// For the public addresses alone.
    public: Option<Listener>,
}

impl Server {
    /// Listens where the configuration says: on loopback only, unless there is TLS.
    pub async fn bind(config: &Config) -> Result<Self, ServeError> {
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let address = config.listen;
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        let files = config.database.as_ref().map_or(open::OPEN_FILES * open::DESCRIPTORS, |database| database.connections);
        let connections = descriptors::connections(if config.public_listen.is_some() { 2 } else { 1 }, files);
        let (socket, address) = listen(address).await?;
        let public = match config.public_listen {
            Some(address) => Some(Listener::new(listen(address).await?.0, None, connections)),
            None => None,
        };
        Ok(Self { api: Listener::new(socket, tls, connections), address, public })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        let scheme = if self.api.has_tls() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Answers requests and does the jobs until `stop`; then lets the requests under way end.
    pub async fn run(self, service: Chancery, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let mut stop = pin!(stop);
        let resumed = tokio::select! {
            resumed = service.resume_sagas() => resumed?,
            () = &mut stop => return Ok(()),
        };
        if resumed > 0 {
            tracing::info!(tenants = resumed, "took up what was left half-way");
        }
        let worker = tokio::spawn({
            let service = service.clone();
            async move { service.work().await }
        });
        let (stopping, stopped) = watch::channel(());
        let public = self.public.map(|public| tokio::spawn(public.serve(chancery_http::public_router(service.clone()), stopped.clone())));
        let api = tokio::spawn(self.api.serve(chancery_http::router(service), stopped));
        stop.await;
        drop(stopping);
        let _ = api.await;
        if let Some(public) = public {
            let _ = public.await;
        }
        worker.abort();
        let _ = worker.await;
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((socket, bound))
}
