//! Connections that say nothing, and more of them than there are places.

use super::*;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

const SHORT: Duration = Duration::from_millis(200);
/// Long after a connection should have been closed or answered.
const LATE: Duration = Duration::from_secs(5);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// The preface, and empty SETTINGS (RFC 9113 sections 3.4 and 6.5).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A listener that answers `/` with "here", and what ends it when dropped.
async fn listen(tls: Option<TlsAcceptor>, connections: usize, headers: Duration) -> (SocketAddr, watch::Sender<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let listener = Listener { headers, ..Listener::new(socket, tls, connections) };
    let (stopping, stopped) = watch::channel(());
    tokio::spawn(listener.serve(Router::new().route("/", axum::routing::get(async || "here")), stopped));
    (address, stopping)
}

#[expect(clippy::disallowed_methods, reason = "the client of its own server")]
async fn dial(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Everything that comes until the other side closes.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    // A connection may end with a reset instead.
    let _ = tokio::time::timeout(LATE, stream.read_to_end(&mut all)).await.expect("it is still open");
    all
}

/// Asks on a connection that stays open.
async fn asks(stream: &mut TcpStream) -> bool {
    stream.write_all(REQUEST).await.unwrap();
    answered(stream, LATE).await
}

async fn answered(stream: &mut TcpStream, time: Duration) -> bool {
    let mut answer = vec![0; 1000];
    match tokio::time::timeout(time, stream.read(&mut answer)).await {
        Ok(read) => answer[..read.unwrap()].ends_with(b"here"),
        Err(_) => false,
    }
}

#[tokio::test]
async fn silence_and_half_a_request_are_closed() {
    let (address, _running) = listen(None, 10, SHORT).await;
    for said in [&b""[..], b"P", b"GET / HTTP/1.1\r\nHost:", PREFACE] {
        let mut stream = dial(address).await;
        stream.write_all(said).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(!answer.ends_with(b"here"), "{said:?}");
    }
    let mut stream = dial(address).await;
    assert!(asks(&mut stream).await);
    assert!(until_closed(&mut stream).await.is_empty(), "it asked nothing more");
}

#[tokio::test]
async fn silence_under_tls_is_closed() {
    let (acceptor, connector) = tls();
    let (address, _running) = listen(Some(acceptor), 10, SHORT).await;
    until_closed(&mut dial(address).await).await;
    for protocol in [&b"h2"[..], b"http/1.1"] {
        for said in [&b""[..], &PREFACE[..10]] {
            let mut stream = secured(&connector, address, protocol).await;
            stream.write_all(said).await.unwrap();
            until_closed(&mut stream).await;
        }
    }
}

#[tokio::test]
async fn http2_stays_open_after_its_preface() {
    let (acceptor, connector) = tls();
    let (address, _running) = listen(Some(acceptor), 10, SHORT).await;
    let mut stream = secured(&connector, address, b"h2").await;
    stream.write_all(PREFACE).await.unwrap();
    let mut said = Vec::new();
    let open = tokio::time::timeout(SHORT * 5, stream.read_to_end(&mut said)).await;
    assert!(open.is_err(), "closed after {said:?}");
    assert_eq!(said.get(3), Some(&4), "the server's SETTINGS come first");
}

#[tokio::test]
async fn one_too_many_waits_and_holds_up_nobody() {
    let (address, _running) = listen(None, 2, LATE * 2).await;
    let mut first = dial(address).await;
    let mut second = dial(address).await;
    assert!(asks(&mut first).await && asks(&mut second).await);

    let mut third = dial(address).await;
    third.write_all(REQUEST).await.unwrap();
    assert!(!answered(&mut third, SHORT).await, "there are two places");
    assert!(asks(&mut first).await && asks(&mut second).await);
    drop(second);
    assert!(answered(&mut third, LATE).await);
    assert!(asks(&mut first).await);
}

#[tokio::test]
async fn the_silent_do_not_keep_the_others_out() {
    let (address, _running) = listen(None, 2, SHORT).await;
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(dial(address).await);
    }
    let mut stream = dial(address).await;
    assert!(asks(&mut stream).await);
}

/// A server's TLS, and a client's that trusts it and names its own protocol.
fn tls() -> (TlsAcceptor, ClientConfig) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
    let mut server = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
    (TlsAcceptor::from(Arc::new(server)), builder.with_root_certificates(roots).with_no_client_auth())
}

async fn secured(client: &ClientConfig, address: SocketAddr, protocol: &[u8]) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut client = client.clone();
    client.alpn_protocols = vec![protocol.to_vec()];
    let stream = dial(address).await;
    TlsConnector::from(Arc::new(client)).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}
