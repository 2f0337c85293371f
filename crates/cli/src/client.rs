//! A client of the public API: the one token or key, idempotency keys, retries, and problems told in words.

mod error;
mod progress;
mod signature;

pub(crate) use error::ClientError;
pub(crate) use progress::{during, progress_of};

use crate::key_file::KeyFile;
use crate::system::SystemEntropy;
use chancery_domain::TenantId;
use chancery_domain::port::Entropy;
use chancery_keys::{BadToken, Token};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// How often a request is tried, and how long after the first try the second comes; each later one waits twice as long.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A client, with a token, with a key, or with neither. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    shows: Option<Shows>,
}

/// What it shows to be believed.
#[derive(Clone)]
enum Shows {
    /// A token; the header is marked sensitive, so that it does not print (I9).
    Bearer { header: HeaderValue, tenant: TenantId },
    /// Signatures by a key.
    Key(Arc<KeyFile>),
}

/// Whether a request that may have arrived can be sent once more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// It changes nothing, or carries an idempotency key.
    Always,
    /// Only if it did not arrive.
    IfUnsent,
}

impl Client {
    /// A client of the server at this base URL.
    pub(crate) fn new(url: &str) -> Result<Self, ClientError> {
        let parsed = reqwest::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        parsed.ok_or_else(|| ClientError::BadUrl(url.to_owned()))?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).redirect(reqwest::redirect::Policy::none());
        let http = http.build().map_err(|error| ClientError::unreachable(url, &error))?;
        Ok(Self { http, base: url.trim_end_matches('/').to_owned(), shows: None })
    }

    /// The same with a token, which also says which tenant is meant.
    pub(crate) fn with_token(&self, token: &str) -> Result<Self, ClientError> {
        let tenant = Token::parse(token).map_err(ClientError::BadToken)?.tenant();
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ClientError::BadToken(BadToken))?;
        header.set_sensitive(true);
        Ok(Self { shows: Some(Shows::Bearer { header, tenant }), ..self.clone() })
    }

    /// The same with a key, which signs each request.
    pub(crate) fn with_key(&self, key: KeyFile) -> Self {
        Self { shows: Some(Shows::Key(Arc::new(key))), ..self.clone() }
    }

    /// The address of something of one's own tenant.
    pub(crate) fn own(&self, rest: &str) -> Result<String, ClientError> {
        Ok(format!("/v1/tenants/{}{rest}", self.tenant()?))
    }

    /// The token's, or the key's, tenant.
    pub(crate) fn tenant(&self) -> Result<TenantId, ClientError> {
        match &self.shows {
            Some(Shows::Bearer { tenant, .. }) => Ok(*tenant),
            Some(Shows::Key(key)) => Ok(key.tenant),
            None => Err(ClientError::NoToken),
        }
    }

    /// Reads a document.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.document(self.send(Method::GET, path, HeaderMap::new(), None, Again::Always).await?).await
    }

    /// Reads bytes, for example a CRL or PEM.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let response = self.send(Method::GET, path, HeaderMap::new(), None, Again::Always).await?;
        Ok(response.bytes().await.map_err(|error| ClientError::unreachable(&self.base, &error))?.to_vec())
    }

    /// Does something once, however often it must be sent.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(&idempotency_key()).map_err(|_| ClientError::Defect)?);
        self.document(self.send(Method::POST, path, headers, Some(json(body)?), Again::Always).await?).await
    }

    /// Uses something up that works only once, and knows no idempotency key.
    pub(crate) async fn post_unrepeated<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.document(self.send(Method::POST, path, HeaderMap::new(), Some(json(body)?), Again::IfUnsent).await?).await
    }

    /// Puts a new version in the place of the one that was read.
    pub(crate) async fn put<T: DeserializeOwned>(&self, path: &str, read: u32, body: &impl Serialize) -> Result<T, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_str(&format!("\"{read}\"")).map_err(|_| ClientError::Defect)?);
        self.document(self.send(Method::PUT, path, headers, Some(json(body)?), Again::IfUnsent).await?).await
    }

    async fn document<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| ClientError::unreachable(&self.base, &error))?;
        serde_json::from_slice(&bytes).map_err(|_| ClientError::NotChancery { base: self.base.clone(), status: status.as_u16() })
    }

    /// Sends until it is answered, or tried often enough. An answer that is no success is a [`ClientError::Problem`].
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
        again: Again,
    ) -> Result<Response, ClientError> {
        let mut tried = 1;
        loop {
            let last = tried == TRIES;
            match self.request(&method, path, &headers, body.as_deref())?.send().await {
                Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE && again == Again::Always && !last => {}
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => return Err(self.problem(answer).await),
                Err(error) if (error.is_connect() || again == Again::Always) && !last => {}
                Err(error) => return Err(ClientError::unreachable(&self.base, &error)),
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(tried - 1)).await;
            tried += 1;
        }
    }

    fn request(&self, method: &Method, path: &str, headers: &HeaderMap, body: Option<&[u8]>) -> Result<RequestBuilder, ClientError> {
        let url = Url::parse(&format!("{}{path}", self.base)).map_err(|_| ClientError::BadUrl(self.base.clone()))?;
        let mut request = self.http.request(method.clone(), url.clone()).headers(headers.clone());
        request = match &self.shows {
            Some(Shows::Bearer { header, .. }) => request.header(AUTHORIZATION, header.clone()),
            Some(Shows::Key(key)) => request.headers(signature::signed(key, method, &url, headers, body)?),
            None => request,
        };
        Ok(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_vec()),
            None => request,
        })
    }

    async fn problem(&self, answer: Response) -> ClientError {
        let status = answer.status().as_u16();
        let problem = match answer.bytes().await {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(_) => None,
        };
        problem.map_or_else(|| ClientError::NotChancery { base: self.base.clone(), status }, ClientError::Problem)
    }
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(body).map_err(|_| ClientError::Defect)
}

fn idempotency_key() -> String {
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    hex::encode(random)
}

#[cfg(test)]
mod tests;
