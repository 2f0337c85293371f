//! One listener's connections: accepted, secured where there is TLS, served, and let go in order.

use super::preface::Preface;
use super::stall::Stall;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// A connection says what it wants within this time, or is closed; so is one that asks nothing more.
const HEADERS: Duration = Duration::from_secs(10);
/// Requests under way get this long when the server is told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// HTTP/2 connections are asked this often whether anybody is still there.
const PING: Duration = Duration::from_secs(30);

/// A client that takes nothing of its answer for so long is cut off.
const TAKEN: Duration = Duration::from_secs(10);

/// Longest headers of a request, in bytes; what is a few times longer is answered with 431 (RFC 6585 section 5), however it comes.
const HEADER_BYTES: usize = 32 * 1024;
/// Most headers of a request.
const HEADER_COUNT: usize = 100;
/// Requests that an HTTP/2 connection has under way at most; the library refuses the stream of the next one.
const STREAMS: u32 = 64;
/// Streams that a client may open and cancel before anybody looks at them: the next one ends the connection (CVE-2023-44487).
const RESETS: usize = 20;
/// Bytes of bodies under way: of a stream, of a connection, and of answers not taken yet.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
const SEND_BUFFER: usize = 64 * 1024;

type Handler = TowerToHyperService<Router>;
type Builder = auto::Builder<TokioExecutor>;

/// A listener, what it speaks, and its limits.
pub(super) struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    /// A place for each connection; the next ones wait in the system's queue.
    places: Arc<Semaphore>,
    headers: Duration,
    taken: Duration,
}

impl Listener {
    pub(super) fn new(socket: TcpListener, tls: Option<TlsAcceptor>, connections: usize) -> Self {
        Self { socket, tls, places: Arc::new(Semaphore::new(connections)), headers: HEADERS, taken: TAKEN }
    }

    pub(super) const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until the sender of `stop` is gone; then the requests under way end, or are cut off.
    pub(super) async fn serve(self, routes: Router, mut stop: watch::Receiver<()>) {
        let connections = GracefulShutdown::new();
        let handler = TowerToHyperService::new(routes);
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                _ = stop.changed() => break,
            };
            match accepted {
                Ok((stream, place)) => {
                    let (tls, handler, watcher, headers) = (self.tls.clone(), handler.clone(), connections.watcher(), self.headers);
                    let stream = Stall::within(self.taken, stream);
                    tokio::spawn(async move {
                        connection(stream, tls, handler, watcher, headers).await;
                        drop(place);
                    });
                }
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

    async fn accept(&self) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = self.socket.accept().await?;
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        Ok((stream, place))
    }
}

async fn connection(stream: Stall<TcpStream>, tls: Option<TlsAcceptor>, handler: Handler, watcher: Watcher, headers: Duration) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(headers).max_buf_size(HEADER_BYTES).max_headers(HEADER_COUNT);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(headers);
    http2.max_concurrent_streams(STREAMS).max_pending_accept_reset_streams(RESETS).max_local_error_reset_streams(RESETS);
    http2.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW).max_send_buf_size(SEND_BUFFER);
    http2.max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX));
    // Telling the protocols apart by the first bytes would wait for them without end: TLS has agreed on one (RFC 7301), and
    // without TLS it is HTTP/1.1.
    let Some(acceptor) = tls else { return exchange(builder.http1_only(), stream, handler, watcher).await };
    match tokio::time::timeout(headers, acceptor.accept(stream)).await {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            exchange(builder.http2_only(), Preface::within(headers, stream), handler, watcher).await;
        }
        Ok(Ok(stream)) => exchange(builder.http1_only(), stream, handler, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

async fn exchange(builder: Builder, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, handler: Handler, watcher: Watcher) {
    let serving = builder.serve_connection(TokioIo::new(stream), handler).into_owned();
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
