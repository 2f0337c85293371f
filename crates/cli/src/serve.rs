//! The server: a listener, TLS where configured, HTTP/1.1 and HTTP/2, and an orderly end.

mod tls;

use crate::config::Config;
use crate::open::{self, OpenError, Start};
use chancery_app::{Chancery, Failure};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::time::Duration;
use tls::TlsError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A connection says what it wants within this time, or is closed.
const HEADERS: Duration = Duration::from_secs(10);
/// Requests under way get this long when the server is told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// HTTP/2 connections are asked this often whether anybody is still there.
const PING: Duration = Duration::from_secs(30);

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
    /// What a crash left half-way cannot be taken up.
    #[error("cannot take up what was left half-way: {0}")]
    Resume(#[from] Failure),
}

/// A bound listener that does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

/// `chancery serve`: until SIGINT or SIGTERM.
pub(crate) async fn serve(config: &Config) -> Result<(), ServeError> {
    open::refuse_demonstration(config)?;
    let server = Server::bind(config).await?;
    let service = open::open(config, server.address(), Start::Again).await?;
    tracing::info!(address = server.url(), data_dir = %config.data_dir.display(), "serving");
    server.run(service, stopped()).await
}

/// Resolves when the process is told to stop.
pub(crate) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

impl Server {
    /// Listens where the configuration says: on loopback only, unless there is TLS.
    pub async fn bind(config: &Config) -> Result<Self, ServeError> {
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let address = config.listen;
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Answers requests and does the jobs until `stop`; then lets the requests under way end.
    pub async fn run(self, service: Chancery, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let resumed = service.resume_sagas().await?;
        if resumed > 0 {
            tracing::info!(tenants = resumed, "took up what was left half-way");
        }
        let worker = tokio::spawn({
            let service = service.clone();
            async move { service.work().await }
        });
        let connections = GracefulShutdown::new();
        let handler = TowerToHyperService::new(chancery_http::router(service));
        let mut stop = std::pin::pin!(stop);
        loop {
            let stream = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => break,
            };
            match stream {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, self.tls.clone(), handler.clone(), connections.watcher()))),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Out of descriptors, most likely: some are given back meanwhile.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.listener);
        let open = connections.count();
        tracing::info!(connections = open, "stopping");
        if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off; what was committed stands");
        }
        worker.abort();
        let _ = worker.await;
        Ok(())
    }
}

type Handler = TowerToHyperService<axum::Router>;

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Handler, watcher: Watcher) {
    // Answers are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = tls else { return exchange(stream, handler, watcher).await };
    match tokio::time::timeout(HEADERS, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => exchange(stream, handler, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, handler: Handler, watcher: Watcher) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(HEADERS);
    let serving = builder.serve_connection(TokioIo::new(stream), handler).into_owned();
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(error, "a connection ended early");
    }
}
