//! One listener's connections: accepted, secured where there is TLS, served, and let go in order.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A connection says what it wants within this time, or is closed.
const HEADERS: Duration = Duration::from_secs(10);
/// Requests under way get this long when the server is told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// HTTP/2 connections are asked this often whether anybody is still there.
const PING: Duration = Duration::from_secs(30);

type Handler = TowerToHyperService<Router>;

/// A listener and what it speaks.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Serves until the sender of `stop` is gone; then the requests under way end, or are cut off.
    pub(super) async fn serve(self, routes: Router, mut stop: watch::Receiver<()>) {
        let connections = GracefulShutdown::new();
        let handler = TowerToHyperService::new(routes);
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.changed() => break,
            };
            match accepted {
                Ok((stream, _)) => drop(tokio::spawn(connection(stream, self.tls.clone(), handler.clone(), connections.watcher()))),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Out of descriptors, most likely: some are given back meanwhile.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.socket);
        tracing::info!(connections = connections.count(), "stopping");
        if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off; what was committed stands");
        }
    }
}

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
