//! The way to the witnesses of the platform's log (C2SP tlog-witness), and the file that names them.

use crate::open::OpenError;
use chancery_app::{WitnessAnswer, WitnessClient, WitnessPolicy, Witnesses};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A longer answer is not read: a witness answers with a few lines.
const LONGEST: usize = 64 * 1024;
/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The witnesses that a policy names, if there is one.
pub(crate) fn witnesses(policy: Option<&Path>) -> Result<Option<Witnesses>, OpenError> {
    let Some(path) = policy else { return Ok(None) };
    let failed = |what: String| OpenError::Witnesses { path: path.to_owned(), what };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let policy = WitnessPolicy::parse(&text).map_err(|error| failed(error.to_string()))?;
    let client = HttpWitnesses::new().map_err(|error| failed(error.to_string()))?;
    Ok(Some(Witnesses { policy, client: Arc::new(client) }))
}

/// Witnesses over HTTP. Their addresses are the operator's own words: no tenant and no peer chooses them.
pub struct HttpWitnesses(reqwest::Client);

impl HttpWitnesses {
    /// A client that follows no redirect, so that nobody sends it elsewhere.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build().map(Self)
    }
}

#[async_trait::async_trait]
impl WitnessClient for HttpWitnesses {
    async fn add_checkpoint(&self, prefix: &str, body: String) -> Result<WitnessAnswer, String> {
        let failed = |error: reqwest::Error| error.without_url().to_string();
        let mut response = self.0.post(format!("{prefix}/add-checkpoint")).body(body).send().await.map_err(failed)?;
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(format!("its answer is longer than {LONGEST} bytes"));
            }
        }
        Ok(WitnessAnswer { status, body })
    }
}
