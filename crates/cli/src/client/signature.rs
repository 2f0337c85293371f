//! Requests signed by an account's key (RFC 9421), as docs/authentication.md says the server wants them.

use crate::client::ClientError;
use crate::key_file::KeyFile;
use crate::system::{SystemClock, SystemEntropy};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::{Clock, Entropy};
use chancery_formats::ecdsa;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use std::fmt::Write;

/// A signature is good for so many seconds: each try of a request is signed anew.
const GOOD_FOR: i64 = 120;
/// Fields that change what a request does, where it has them.
const COVERED: [&str; 2] = ["idempotency-key", "if-match"];

/// The fields that sign a request.
pub(super) fn signed(
    key: &KeyFile,
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    body: Option<&[u8]>,
) -> Result<HeaderMap, ClientError> {
    let mut nonce = [0; 16];
    SystemEntropy.fill(&mut nonce);
    let created = SystemClock::new().now().seconds();
    let mut signed = HeaderMap::new();
    let mut components = vec![
        ("@method", method.to_string()),
        ("@authority", url.authority().to_owned()),
        ("@path", url.path().to_owned()),
        ("@query", format!("?{}", url.query().unwrap_or_default())),
    ];
    if let Some(body) = body {
        let said = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, body)));
        signed.insert("content-digest", value(&said)?);
        components.push(("content-digest", said));
    }
    for name in COVERED {
        if let Some(text) = headers.get(name).and_then(|value| value.to_str().ok()) {
            components.push((name, text.to_owned()));
        }
    }
    let names = components.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(" ");
    let (algorithm, octets) = algorithm(key).ok_or(ClientError::Defect)?;
    let parameters = format!(
        "({names});created={created};expires={};nonce=\"{}\";keyid=\"{}/{}\";alg=\"{algorithm}\"",
        created + GOOD_FOR,
        hex::encode(nonce),
        key.tenant,
        key.id
    );
    let mut base = String::new();
    for (name, text) in &components {
        let _ = writeln!(base, "\"{name}\": {text}");
    }
    let _ = write!(base, "\"@signature-params\": {parameters}");
    let signature = key.key.sign(base.as_bytes()).map_err(|_| ClientError::Defect)?;
    let signature = octets.map_or(Some(signature.clone()), |octets| ecdsa::to_fixed(&signature, octets)).ok_or(ClientError::Defect)?;
    signed.insert(HeaderName::from_static("signature-input"), value(&format!("chancery={parameters}"))?);
    signed.insert(HeaderName::from_static("signature"), value(&format!("chancery=:{}:", STANDARD.encode(signature)))?);
    Ok(signed)
}

/// The algorithm's name, and of ECDSA how many octets each of its two numbers has.
fn algorithm(key: &KeyFile) -> Option<(&'static str, Option<usize>)> {
    match key.key.algorithm() {
        KeyAlgorithm::Ed25519 => Some(("ed25519", None)),
        KeyAlgorithm::EcP256 => Some(("ecdsa-p256-sha256", Some(32))),
        KeyAlgorithm::EcP384 => Some(("ecdsa-p384-sha384", Some(48))),
        _ => None,
    }
}

fn value(text: &str) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_str(text).map_err(|_| ClientError::Defect)
}
