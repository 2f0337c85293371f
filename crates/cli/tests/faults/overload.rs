//! Clients that are slow, silent, gone or too long: a bounded time and a bounded memory each, and nobody else notices.

use crate::installation::{Installation, Server};
use crate::world::{self, Tenant};
use chancery_testkit::Engine;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What others are answered in, whatever goes on.
const PROMPT: Duration = Duration::from_secs(4);
/// Memory of 4,000 connections that are open and say little, in kilobytes: 40 each.
const IDLE: u64 = 160_000;

async fn dial(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap()
}

/// What the server says until it closes, within so long.
async fn said(stream: &mut TcpStream, within: Duration) -> String {
    let mut all = Vec::new();
    // It may end with a reset, where it has not read everything.
    let ended = tokio::time::timeout(within, stream.read_to_end(&mut all)).await;
    let all = String::from_utf8_lossy(&all).into_owned();
    assert!(ended.is_ok(), "the connection is still open after {all:?}");
    all
}

fn head(tenant: &Tenant, length: usize) -> String {
    format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
        tenant.path("/certificates"),
        tenant.token
    )
}

impl Tenant {
    async fn is_answered(&self, server: &Server, within: Duration) {
        let path = self.path("/certificates");
        let asked = server.ask(&self.token, "GET", &path, None, None);
        assert_eq!(tokio::time::timeout(within, asked).await.expect("others are answered").status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_trickle_hold_up_nobody_for_long() {
    let place = Installation::new(Engine::Sqlite).await;
    let (server, _, [acme, brava]) = world::begin(&place).await;
    let start = Instant::now();
    let mut slow = Vec::new();
    // More than a tenant has places for.
    for _ in 0..100 {
        let mut stream = dial(&server).await;
        stream.write_all(head(&acme, 1000).as_bytes()).await.unwrap();
        slow.push(tokio::spawn(async move {
            let trickle = async {
                let (mut reader, mut writer) = stream.split();
                let mut answer = Vec::new();
                let drip = async {
                    while writer.write_all(b" ").await.is_ok() {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                };
                tokio::select! { _ = reader.read_to_end(&mut answer) => {}, () = drip => {} }
                String::from_utf8_lossy(&answer).into_owned()
            };
            tokio::time::timeout(Duration::from_secs(20), trickle).await.expect("it is still open")
        }));
    }
    brava.is_answered(&server, PROMPT).await;
    acme.is_answered(&server, Duration::from_secs(8)).await;
    for client in slow {
        let answer = client.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("urn:chancery:problem:slow"), "{answer}");
    }
    // Two rounds, where those that wait for a place begin when the first ones are given up.
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_is_refused_before_it_is_read() {
    let place = Installation::new(Engine::Sqlite).await;
    let (server, _, [acme, _]) = world::begin(&place).await;
    let huge = 10_000_000_000;
    let mut stream = dial(&server).await;
    stream.write_all(head(&acme, huge).as_bytes()).await.unwrap();
    let mut sent = 0;
    while sent < 64 << 20 {
        match stream.write(&[b' '; 65_536]).await {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    assert!(sent < 16 << 20, "{sent} bytes were taken");
    assert_eq!(server.post(&acme.token, &acme.path("/certificates"), json!({"names": ["x".repeat(300_000)]})).await.0, 413);

    let long = |header: String| format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n");
    for header in [format!("x: {}", "y".repeat(100_000)), (0..101).map(|n| format!("x{n}: y\r\n")).collect()] {
        let mut stream = dial(&server).await;
        let _ = stream.write_all(long(header).as_bytes()).await;
        assert!(said(&mut stream, PROMPT).await.starts_with("HTTP/1.1 431"));
    }
    // In order, however many are sent at once.
    let mut stream = dial(&server).await;
    let pipelined =
        "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000) + "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (mut reader, mut writer) = stream.split();
    let (sent, answers) = tokio::join!(writer.write_all(pipelined.as_bytes()), async {
        let mut all = String::new();
        reader.read_to_string(&mut all).await.map(|_| all)
    });
    sent.unwrap();
    assert_eq!(answers.unwrap().matches("HTTP/1.1 200").count(), 1001);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections_take_little_memory_and_no_places() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum.or(Some(8192)), ..limit }).unwrap();
    let place = Installation::new(Engine::Sqlite).await;
    let (server, _, [acme, brava]) = world::begin(&place).await;
    let before = server.memory();
    let mut open = Vec::new();
    for number in 0..4000 {
        let mut stream = dial(&server).await;
        // Some say nothing, some half a request, and some were here before and may ask again.
        let words = [&b""[..], b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-half: ", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"][number % 3];
        stream.write_all(words).await.unwrap();
        open.push(stream);
    }
    for tenant in [&acme, &brava] {
        tenant.is_answered(&server, PROMPT).await;
    }
    let grown = server.memory().saturating_sub(before);
    println!("4000 connections: {grown} kB more than {before} kB");
    assert!(grown < IDLE, "{grown} kB");
    // Each is closed in its time, so that the places are free again.
    let mut last = open.pop().unwrap();
    said(&mut last, Duration::from_secs(15)).await;
    server.stop().await;
}

impl Server {
    /// Resident memory of its process, in kilobytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}
