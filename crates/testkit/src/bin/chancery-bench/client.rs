//! A small HTTP/1.1 client over one kept connection: the load generator shares the cores, so it must cost little.

use anyhow::{Context, Result, bail};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// TLS to a server at 127.0.0.1 that nobody but this root vouches for.
pub(crate) fn tls(root: CertificateDer<'static>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    Ok(TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())))
}

impl Connection {
    pub(crate) async fn open(address: &str, tls: Option<&TlsConnector>) -> Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match tls {
            Some(tls) => Box::new(tls.connect(ServerName::try_from("127.0.0.1")?, tcp).await?),
            None => Box::new(tcp),
        };
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a whole request and reads its answer: status and body, as it came where it came in chunks.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(head) = find(&self.buffer, b"\r\n\r\n") {
                break head;
            }
        };
        let (status, length) = parse(self.buffer.get(..head).unwrap_or_default())?;
        // The last chunk is empty; before it stands JSON, which has no line ends of this kind.
        let complete = |body: &[u8]| length.map_or_else(|| body.ends_with(b"0\r\n\r\n"), |length| body.len() >= length);
        while !complete(self.buffer.get(head + 4..).unwrap_or_default()) {
            self.more().await?;
        }
        Ok((status, self.buffer.get(head + 4..).unwrap_or_default()))
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The status, and the length of the body unless it comes in chunks.
fn parse(head: &[u8]) -> Result<(u16, Option<usize>)> {
    let text = std::str::from_utf8(head)?;
    let status = text.get(9..12).context("no status")?.parse()?;
    let header = |wanted| text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    match (header("content-length"), header("transfer-encoding")) {
        (Some((_, length)), _) => Ok((status, Some(length.trim().parse()?))),
        (None, Some((_, "chunked" | " chunked"))) => Ok((status, None)),
        _ => bail!("an answer of unknown length"),
    }
}

/// A POST of JSON as this client sends it, with further headers if any, each ending its line.
pub(crate) fn post(address: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
