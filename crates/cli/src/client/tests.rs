//! The client against a listener that answers as told.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers one connection after the other, each with the next of these; an empty one is a lost connection. Returns the
/// requests' idempotency keys.
async fn answering(answers: &'static [&'static str]) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut keys = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).await.unwrap();
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            keys.extend(text.lines().filter_map(|line| line.strip_prefix("idempotency-key: ")).map(str::to_owned));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        keys
    });
    (url, served)
}

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const DONE: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ntrue";

#[tokio::test]
async fn a_post_is_repeated_with_its_key() {
    let (url, served) = answering(&[BUSY, "", DONE]).await;
    assert!(Client::new(&url).unwrap().post::<bool>("/", &()).await.unwrap());
    let keys = served.await.unwrap();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
}

#[tokio::test]
async fn what_may_have_been_used_up_is_not_repeated() {
    let (url, served) = answering(&[""]).await;
    let lost = Client::new(&url).unwrap().post_unrepeated::<bool>("/", &()).await;
    assert!(matches!(lost, Err(ClientError::Unreachable { .. })));
    assert!(served.await.unwrap().is_empty());
}

#[test]
fn urls_and_tokens_are_checked_before_anything_is_sent() {
    assert!(matches!(Client::new("localhost:8400"), Err(ClientError::BadUrl(_))));
    let client = Client::new("http://127.0.0.1:1").unwrap();
    assert!(matches!(client.own("/x"), Err(ClientError::NoToken)));
    let bad = client.with_token("chyt_canary").err().unwrap();
    assert!(!bad.to_string().contains("canary"));
}
