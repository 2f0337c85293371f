//! What handlers take from a request: who calls, which object is meant, and the body with its idempotency key.

use crate::problem::Error;
use crate::signature::{self, CoveredBody};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use chancery_app::{Caller, Chancery, Failure, Once};
use chancery_domain::{TenantId, enforced};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

/// The id of a request, made by the router for each.
#[derive(Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// A caller whose own tenant is the one in the path.
pub(crate) struct InTenant(pub(crate) Caller);

/// A caller of the platform's realm.
pub(crate) struct OnPlatform(pub(crate) Caller);

/// The ids in the path. One that does not parse is missing, like one that does not exist (I7).
pub(crate) struct Ids(HashMap<String, String>);

/// A JSON body and the request's idempotency key, bound to method, path and body.
pub(crate) struct Submitted<T> {
    pub(crate) body: T,
    pub(crate) once: Option<Once>,
}

/// A timestamp query (RFC 3161 section 3.4) and the request's idempotency key.
pub(crate) struct SubmittedQuery(pub(crate) Submitted<Bytes>);

impl FromRequestParts<Chancery> for InTenant {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, state: &Chancery) -> Result<Self, Error> {
        let caller = authenticate(parts, state).await?;
        let ids = Ids::from_request_parts(parts, state).await?;
        // Compared before anything of the path's tenant is looked for (I7).
        if ids.parse::<TenantId>("tenant").ok() != Some(caller.tenant()) && enforced!("path.tenant") {
            state.record_foreign(&caller).await?;
            return Err(Failure::NotFound.into());
        }
        // Before the body is read: what waits takes no memory.
        Ok(Self(state.admit(caller).await?))
    }
}

impl FromRequestParts<Chancery> for OnPlatform {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, state: &Chancery) -> Result<Self, Error> {
        let caller = authenticate(parts, state).await?;
        if caller.tenant() != TenantId::PLATFORM && enforced!("path.platform") {
            state.record_foreign(&caller).await?;
            return Err(Failure::NotFound.into());
        }
        Ok(Self(state.admit(caller).await?))
    }
}

/// Who calls: by a token where one is shown, else by a signature.
async fn authenticate(parts: &mut Parts, state: &Chancery) -> Result<Caller, Error> {
    if parts.headers.contains_key(header::AUTHORIZATION) || !signature::is_signed(&parts.headers) {
        let token = bearer(&parts.headers).ok_or(Failure::Unauthenticated)?;
        return Ok(state.authenticate(token, request_id(parts)).await?);
    }
    let signed = signature::read(parts).ok_or(Failure::Unauthenticated)?;
    let caller = state.authenticate_signed(&signed.request, request_id(parts)).await?;
    parts.extensions.insert(signed.body);
    Ok(caller)
}

/// The token of the Authorization header (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(crate) fn request_id(parts: &Parts) -> String {
    parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Ok(Path(ids)) = Path::<HashMap<String, String>>::from_request_parts(parts, state).await else {
            // A path that is not UTF-8 names nothing.
            return Err(Failure::NotFound.into());
        };
        Ok(Self(ids))
    }
}

impl Ids {
    /// The object that the path names.
    pub(crate) fn parse<T: FromStr>(&self, name: &str) -> Result<T, Error> {
        self.0.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| Failure::NotFound.into())
    }
}

/// Longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// A body comes within this time: until then its sender holds a place that others of its tenant wait for.
const BODY_TIME: Duration = Duration::from_secs(5);

impl<T: DeserializeOwned> FromRequest<Chancery> for Submitted<T> {
    type Rejection = Error;
    async fn from_request(request: Request, state: &Chancery) -> Result<Self, Error> {
        let Submitted { body: bytes, once } = content(request, state, "application/json").await?;
        let content: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        // serde takes an array for an object's fields in their order, which nobody means.
        if !content.trim_ascii_start().starts_with(b"{") {
            return Err(Error::malformed("the body is not a JSON object"));
        }
        // serde's message names fields and types, never the body's values beyond an unknown field's name (I9).
        let body = serde_json::from_slice(content).map_err(|error| Error::malformed(explain(&error)))?;
        Ok(Self { body, once })
    }
}

impl FromRequest<Chancery> for SubmittedQuery {
    type Rejection = Error;
    async fn from_request(request: Request, state: &Chancery) -> Result<Self, Error> {
        content(request, state, "application/timestamp-query").await.map(Self)
    }
}

/// The bytes of a body of this kind, if there is one.
async fn content(request: Request, state: &Chancery, kind: &str) -> Result<Submitted<Bytes>, Error> {
    let operation = format!("{} {}", request.method(), request.uri().path());
    let key = idempotency_key(request.headers())?;
    let fits = content_is(kind, request.headers());
    let covered = request.extensions().get::<CoveredBody>().cloned();
    let slow =
        |_| Error::Request(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come within 5 s: send it again, at once".to_owned());
    let time = if enforced!("limit.body-time") { BODY_TIME } else { BODY_TIME * 1000 };
    let bytes = tokio::time::timeout(time, Bytes::from_request(request, state)).await.map_err(slow)?;
    let bytes = bytes.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::Request(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is longer than 256 KiB".to_owned())
        }
        status => Error::Request(status, "malformed", "the body cannot be read".to_owned()),
    })?;
    if let Some(CoveredBody(digest)) = covered
        && !digest.map_or_else(|| bytes.is_empty() || !enforced!("request-signature.body-covered"), |digest| digest.is_of(&bytes))
    {
        let why = "the body is not what Content-Digest says, with sha-256 or sha-512 (RFC 9530), or the signature does not cover that";
        return Err(Failure::Signature(why.to_owned()).into());
    }
    if !bytes.is_empty() && !fits {
        return Err(Error::malformed(format!("send the body with Content-Type: {kind}")));
    }
    let once = key.map(|key| Once::new(&key, &operation, &bytes));
    Ok(Submitted { body: bytes, once })
}

fn explain(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            format!("the body is JSON of another shape at line {} column {}: {}", error.line(), error.column(), shape(error))
        }
        _ => format!("the body is not JSON at line {} column {}", error.line(), error.column()),
    }
}

/// Missing and unknown fields are named; a wrong value is not repeated, for it may be a secret.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let named = text.starts_with("missing field") || text.starts_with("unknown field") || text.starts_with("duplicate field");
    let end = text.rfind(" at line ").unwrap_or(text.len());
    if named || !enforced!("redaction.body") {
        text.get(..end).unwrap_or_default().to_owned()
    } else {
        "a field has a value of the wrong type or form".to_owned()
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    key.map(|key| Some(key.to_owned())).ok_or_else(|| Error::malformed("Idempotency-Key: 1 to 255 visible ASCII characters"))
}

fn content_is(kind: &str, headers: &HeaderMap) -> bool {
    let essence = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(kind))
}

impl Deref for InTenant {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Deref for OnPlatform {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}
