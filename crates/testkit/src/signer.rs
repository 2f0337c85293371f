//! Signers of a tenant, and what they sign.

use crate::{TestServer, TestTenant};
use serde_json::{Value, json};

/// A profile for bare signatures of every kind.
pub fn signing_profile() -> Value {
    json!({
        "formats": ["raw"],
        "algorithms": ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ed25519", "rsa-pkcs1-sha256", "rsa-pss-sha256", "ml-dsa-65"],
        "digests": ["sha-256", "sha-384", "sha-512"]
    })
}

/// The policy of timestamps.
pub const TIMESTAMP_POLICY: &str = "1.3.6.1.4.1.99999.1";

/// A profile for timestamps.
pub fn timestamping_profile() -> Value {
    with(signing_profile(), json!({"formats": ["timestamp"], "timestamp": {"policy": TIMESTAMP_POLICY, "accuracy_seconds": 2}}))
}

/// `value` with these fields put in their place.
pub fn with(mut value: Value, fields: Value) -> Value {
    for (name, field) in fields.as_object().into_iter().flatten() {
        value[name] = field.clone();
    }
    value
}

impl TestServer {
    /// Makes a signer for bare signatures, certified for code, with these fields of its profile; its name.
    pub async fn signer(&self, tenant: &TestTenant, name: &str, profile: Value) -> String {
        let body = json!({
            "name": name, "signing_profile": with(signing_profile(), profile),
            "certify": { "profile": "code-signing", "names": [tenant.host("release")], "issuer": tenant.issuer }
        });
        self.as_(&tenant.admin).post(&tenant.path("/signers"), body).await.ok(201);
        name.to_owned()
    }

    /// Makes a timestamping authority with this kind of key and these fields of its profile; its name.
    pub async fn timestamper(&self, tenant: &TestTenant, name: &str, key: &str, profile: Value) -> String {
        let body = json!({
            "name": name, "signing_profile": with(timestamping_profile(), profile),
            "certify": { "profile": "tsa-signer", "names": [tenant.host("time")], "issuer": tenant.issuer, "key_algorithm": key }
        });
        self.as_(&tenant.admin).post(&tenant.path("/signers"), body).await.ok(201);
        name.to_owned()
    }

    /// Has it sign a digest as a version of the document of this name.
    pub async fn version(&self, tenant: &TestTenant, signer: &str, name: &str) -> Value {
        let digest = format!("sha-256:{}", "7f".repeat(32));
        let body = json!({ "format": "raw", "documents": [{ "digest": digest }], "version_of": { "name": name } });
        self.as_(&tenant.admin).post(&tenant.path(&format!("/signers/{signer}/signatures")), body).await.ok(201)
    }

    /// Has it sign a digest.
    pub async fn signature(&self, tenant: &TestTenant, signer: &str) -> Value {
        let body = json!({ "format": "raw", "documents": [{ "digest": format!("sha-256:{}", "7f".repeat(32)) }] });
        self.as_(&tenant.admin).post(&tenant.path(&format!("/signers/{signer}/signatures")), body).await.ok(201)
    }
}
