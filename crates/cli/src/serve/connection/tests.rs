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

/// Much more than the system keeps for a connection.
const LONG: usize = 64 << 20;

/// A listener that answers `/` with "here", and what ends it when dropped.
async fn listen(tls: Option<TlsAcceptor>, connections: usize, headers: Duration) -> (SocketAddr, watch::Sender<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let listener = Listener { headers, taken: SHORT, ..Listener::new(socket, tls, connections) };
    let (stopping, stopped) = watch::channel(());
    let routes = Router::new()
        .route("/", axum::routing::get(async || "here"))
        .route("/long", axum::routing::get(async || vec![0; LONG]))
        .route("/never", axum::routing::get(async || std::future::pending::<()>().await));
    tokio::spawn(listener.serve(routes, stopped));
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

#[tokio::test]
async fn who_does_not_take_its_answer_is_cut_off() {
    let (address, _running) = listen(None, 10, LATE).await;
    let mut stream = dial(address).await;
    stream.write_all(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    tokio::time::sleep(SHORT * 5).await;
    assert!(until_closed(&mut stream).await.len() < LONG);
    // Slowly is not the same as not at all.
    let mut stream = dial(address).await;
    stream.write_all(b"GET /long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let (mut taken, mut part) = (0, vec![0; 8 << 20]);
    loop {
        match tokio::time::timeout(LATE, stream.read(&mut part)).await.unwrap().unwrap() {
            0 => break,
            count => taken += count,
        }
        tokio::time::sleep(SHORT / 20).await;
    }
    assert!(taken > LONG);
}

/// A frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of `GET path` on a stream, which end it (RFC 7541 appendix A).
fn get(stream: u32, path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    let block = [&[0x82, 0x87, 0x41, 9][..], b"localhost", &[0x44, length], path.as_bytes()].concat();
    frame(1, 5, stream, &block)
}

/// Kind, stream and payload of each frame that came.
fn frames(mut said: &[u8]) -> Vec<(u8, u32, &[u8])> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = said.split_at_checked(9) {
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        frames.push((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload));
        said = rest;
    }
    frames
}

#[tokio::test]
async fn http2_has_limits_of_its_own() {
    let (acceptor, connector) = tls();
    let (address, _running) = listen(Some(acceptor), 10, LATE).await;
    let mut stream = secured(&connector, address, b"h2").await;
    let asked: Vec<u8> = (0..=STREAMS).flat_map(|number| get(number * 2 + 1, "/never")).collect();
    stream.write_all(&[PREFACE, &asked].concat()).await.unwrap();
    let mut said = Vec::new();
    let _ = tokio::time::timeout(SHORT * 5, stream.read_to_end(&mut said)).await;
    let frames = frames(&said);
    let setting = |name: u16| {
        let (kind, _, payload) = frames[0];
        assert_eq!(kind, 4);
        payload
            .chunks(6)
            .find(|setting| setting[..2] == name.to_be_bytes())
            .map(|setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
    };
    assert_eq!((setting(3), setting(6)), (Some(STREAMS), u32::try_from(HEADER_BYTES).ok()));
    // Those that fit wait for their answers; the next one is refused (RFC 9113 section 7).
    let refused: Vec<_> = frames.iter().filter(|(kind, ..)| *kind == 3).collect();
    assert_eq!(refused, [&(3, STREAMS * 2 + 1, &[0, 0, 0, 7][..])]);
}

#[tokio::test]
async fn http2_ends_with_who_opens_and_cancels() {
    let (acceptor, connector) = tls();
    let (address, _running) = listen(Some(acceptor), 10, LATE).await;
    let mut stream = secured(&connector, address, b"h2").await;
    let cancelled = |number: u32| [get(number * 2 + 1, "/"), frame(3, 0, number * 2 + 1, &[0, 0, 0, 8])].concat();
    let flood: Vec<u8> = (0..2000).flat_map(cancelled).collect();
    let _ = stream.write_all(&[PREFACE, &flood].concat()).await;
    let said = until_closed(&mut stream).await;
    // ENHANCE_YOUR_CALM, unless the end was a reset that overtook it.
    let calm = frames(&said).iter().any(|(kind, _, payload)| *kind == 7 && payload[4..8] == [0, 0, 0, 11]);
    assert!(calm, "{:?}", frames(&said));
    let mut other = secured(&connector, address, b"http/1.1").await;
    other.write_all(REQUEST).await.unwrap();
    let mut answer = vec![0; 1000];
    let read = tokio::time::timeout(LATE, other.read(&mut answer)).await.unwrap().unwrap();
    assert!(answer[..read].ends_with(b"here"));
}

#[tokio::test]
async fn http2_keeps_no_answers_to_pings_that_nobody_reads() {
    let (acceptor, connector) = tls();
    let (address, _running) = listen(Some(acceptor), 10, LATE).await;
    for flooded in [frame(6, 0, 0, &[7; 8]), frame(4, 0, 0, &[])] {
        let mut stream = secured(&connector, address, b"h2").await;
        stream.write_all(PREFACE).await.unwrap();
        let flood = flooded.repeat(4096);
        // The server reads no further than it can answer, and then cuts off.
        let cut_off = async { while stream.write_all(&flood).await.is_ok() {} };
        tokio::time::timeout(LATE * 2, cut_off).await.expect("it goes on reading");
    }
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
