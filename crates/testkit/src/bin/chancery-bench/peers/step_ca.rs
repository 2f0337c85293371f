//! step-ca over Badger, as `step ca init` sets it up, with one JWK provisioner.

use super::pki;
use super::process::{Process, free_port};
use crate::client::{self, post};
use crate::csr::Fresh;
use anyhow::{Context, Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) struct StepCa {
    pub(super) process: Process,
    /// The provisioner's.
    key: EcdsaKeyPair,
}

/// How long a one-time token may wait for its turn.
const PATIENCE: u64 = 300;

impl StepCa {
    pub(super) async fn start(program: &Path) -> Result<Self> {
        let (directory, port) = (tempfile::tempdir()?, free_port()?);
        let at = |name: &str| directory.path().join(name);
        let root = pki::root("Bench step-ca root")?;
        let intermediate = pki::intermediate("Bench step-ca", &root)?;
        std::fs::write(at("root.pem"), root.pem())?;
        std::fs::write(at("ca.pem"), intermediate.pem())?;
        std::fs::write(at("ca.key"), intermediate.key().serialize_pem())?;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| anyhow!("no key"))?;
        let config = json!({
            "root": at("root.pem"), "crt": at("ca.pem"), "key": at("ca.key"), "address": format!("127.0.0.1:{port}"),
            "dnsNames": ["127.0.0.1"], "logger": {"format": "text"}, "db": {"type": "badgerv2", "dataSource": at("db")},
            "authority": {"provisioners": [{"type": "JWK", "name": "bench", "key": jwk(&key)?}]},
        });
        std::fs::write(at("ca.json"), config.to_string())?;
        // No other server has a certificate under this root.
        let tls = client::tls(root.der().clone())?;
        let process = Process::start(program, &["ca.json"], directory, port, Some(tls)).await?;
        Ok(Self { process, key })
    }

    pub(super) fn sign(&self, fresh: &Fresh) -> Result<Vec<u8>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": "bench"});
        let claims = json!({
            "iss": "bench", "aud": format!("https://{}/1.0/sign", self.process.address), "sub": fresh.name, "sans": [fresh.name],
            "jti": fresh.name, "iat": now, "nbf": now, "exp": now + PATIENCE,
        });
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| anyhow!("no signature"))?;
        let token = format!("{signed}.{}", encode(signature));
        let body = json!({"csr": fresh.request.pem()?, "ott": token}).to_string();
        Ok(post(&self.process.address, "/1.0/sign", "", &body))
    }
}

fn jwk(key: &EcdsaKeyPair) -> Result<Value> {
    // The point stands uncompressed: 4, x, y.
    let (x, y) = key.public_key().as_ref().get(1..).and_then(|point| point.split_at_checked(32)).context("a point of another length")?;
    Ok(json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "bench", "x": encode(x), "y": encode(y)}))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
