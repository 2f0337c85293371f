//! A client of the router: the whole of HTTP but for the socket.

use crate::account_key::RequestSigner;
use crate::clock::SimClock;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use chancery_domain::port::Clock;
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// Sends requests with one credential, or none.
#[derive(Clone)]
pub struct Client {
    router: Router,
    clock: Arc<SimClock>,
    headers: Vec<(String, String)>,
    signer: Option<RequestSigner>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    pub(crate) fn new(router: Router, clock: Arc<SimClock>) -> Self {
        Self { router, clock, headers: Vec::new(), signer: None }
    }

    /// The same client, sending this header besides.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same client, showing this token.
    #[must_use]
    pub fn bearing(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The same client, signing each request.
    #[must_use]
    pub fn signing(self, signer: &RequestSigner) -> Self {
        Self { signer: Some(signer.clone()), ..self }
    }

    /// The same client, sending this Idempotency-Key.
    #[must_use]
    pub fn once(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Body::empty()).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.clone().with("content-type", "application/json").send("POST", path, body.to_string()).await
    }

    /// `POST path` with a timestamp query (RFC 3161).
    pub async fn query(&self, path: &str, query: Vec<u8>) -> Answer {
        self.clone().with("content-type", "application/timestamp-query").send("POST", path, query).await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.clone().with("content-type", "application/json").send("PUT", path, body.to_string()).await
    }

    /// `GET path`, as somebody who does not read the answer's body yet.
    pub async fn begin(&self, path: &str) -> (StatusCode, Body) {
        let response = self.respond("GET", path, Body::empty()).await;
        (response.status(), response.into_body())
    }

    /// Any request. A millisecond passes before it, so that what requests make is ordered as they are.
    pub async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let (parts, body) = self.respond(method, path, body.into()).await.into_parts();
        let body = body.collect().await.expect("the body comes whole").to_bytes();
        if !parts.status.is_success() {
            crate::log::refused(&format!("{:?}", parts.headers), &body);
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn respond(&self, method: &str, path: &str, body: Body) -> Response {
        self.clock.advance(Duration::from_millis(1));
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder().method(method.clone()).uri(path);
        let mut headers = self.headers.clone();
        let mut body = body;
        if let Some(signer) = &self.signer {
            let bytes = body.collect().await.expect("the body comes whole").to_bytes();
            headers.extend(signer.sign(self.clock.now(), method.as_str(), path, &headers, &bytes));
            body = bytes.into();
        }
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let request = request.body(body).unwrap_or_else(|error| panic!("{path} is no request: {error}"));
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }
}

impl Answer {
    /// The JSON body of an answer with this status; anything else fails the test and is shown.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()
    }

    /// The text of an answer with this status.
    #[track_caller]
    pub fn ok_text(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.text()
    }

    /// The problem document of an answer with this status and kind.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.ok(status);
        assert_eq!(self.header(header::CONTENT_TYPE.as_str()), "application/problem+json");
        assert_eq!(problem["type"], format!("urn:chancery:problem:{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header that must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_else(|| panic!("no header {name}"))
    }
}
