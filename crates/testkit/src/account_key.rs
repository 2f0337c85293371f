//! Keys of accounts, as their holders make them.

use crate::TestServer;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery::system::SystemEntropy;
use chancery_domain::Timestamp;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::{Clock, Entropy};
use chancery_keys::SoftwareKey;
use serde_json::{Value, json};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key pair of an account.
pub struct AccountKeyPair {
    /// The private key.
    pub key: SoftwareKey,
    /// The same, PKCS#8 DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
}

/// A key pair with what registers it.
pub struct Registration {
    /// The keys.
    pub pair: AccountKeyPair,
    /// The body of the request that registers it.
    pub body: Value,
}

impl AccountKeyPair {
    /// A new one.
    ///
    /// # Panics
    /// If none can be made.
    pub fn generate(algorithm: KeyAlgorithm) -> Self {
        let (key, pkcs8) = SoftwareKey::generate_as(algorithm, &SystemEntropy).expect("a key is made");
        Self { key, pkcs8 }
    }

    /// SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
    pub fn thumbprint(&self) -> String {
        digest(&SHA256, self.key.spki_der()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What registers it for this purpose, stated at this time.
    pub fn registration(&self, tenant: &str, account: &str, purpose: &str, stated_at: &str) -> Value {
        let thumbprint = self.thumbprint();
        let statement = format!(
            "chancery account key statement v1\ntenant {tenant}\naccount {account}\npurpose {purpose}\nkey sha-256:{thumbprint}\n\
             stated-at {stated_at}\n"
        );
        let proof = self.key.sign(statement.as_bytes()).expect("the key signs");
        json!({
            "purpose": purpose, "public_key": STANDARD.encode(self.key.spki_der()), "stated_at": stated_at, "proof": STANDARD.encode(proof),
        })
    }
}

/// A new Ed25519 key and what registers it now.
pub fn registration(server: &TestServer, tenant: &str, account: &str, purpose: &str) -> Registration {
    let pair = AccountKeyPair::generate(KeyAlgorithm::Ed25519);
    let body = pair.registration(tenant, account, purpose, &server.clock.now().to_string());
    Registration { pair, body }
}

/// How requests are signed, each field to be changed by a test.
#[derive(Clone)]
pub struct RequestSigner {
    /// The key.
    pub pair: Arc<AccountKeyPair>,
    /// What the signature says that the key is called.
    pub keyid: String,
    /// The label.
    pub label: String,
    /// What it says of its algorithm.
    pub alg: Option<String>,
    /// When it was created, against the clock, in seconds.
    pub created: i64,
    /// For how many seconds it is good.
    pub good_for: i64,
    /// The nonce; a random one, if none is given.
    pub nonce: Option<String>,
    /// Components that it does not cover.
    pub leaves_out: Vec<String>,
    /// What it takes for the body instead of what it is.
    pub body: Option<Vec<u8>>,
}

impl RequestSigner {
    /// A signer with this key of the tenant's.
    pub fn new(pair: AccountKeyPair, tenant: &str, key: &str) -> Self {
        let (keyid, label) = (format!("{tenant}/{key}"), "sig1".to_owned());
        let (leaves_out, good_for) = (Vec::new(), 60);
        Self { pair: Arc::new(pair), keyid, label, alg: None, created: 0, good_for, nonce: None, leaves_out, body: None }
    }

    /// The fields that sign this request, with an Ed25519 key.
    ///
    /// # Panics
    /// If the key does not sign.
    pub fn sign(&self, now: Timestamp, method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Vec<(String, String)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut fields = vec![("host".to_owned(), "chancery.example".to_owned())];
        let mut covered = vec![
            ("@method".to_owned(), method.to_owned()),
            ("@authority".to_owned(), "chancery.example".to_owned()),
            ("@path".to_owned(), path.to_owned()),
            ("@query".to_owned(), format!("?{query}")),
        ];
        let body = self.body.as_deref().unwrap_or(body);
        if !body.is_empty() {
            let said = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, body)));
            fields.push(("content-digest".to_owned(), said.clone()));
            covered.push(("content-digest".to_owned(), said));
        }
        covered.extend(headers.iter().filter(|(name, _)| ["idempotency-key", "if-match"].contains(&name.as_str())).cloned());
        covered.retain(|(name, _)| !self.leaves_out.contains(name));
        let names = covered.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(" ");
        let created = now.seconds() + self.created;
        let mut random = [0; 16];
        SystemEntropy.fill(&mut random);
        let nonce = self.nonce.clone().unwrap_or_else(|| STANDARD.encode(random));
        let mut parameters = format!("({names});created={created};expires={}", created + self.good_for);
        parameters += &format!(";nonce=\"{nonce}\";keyid=\"{}\"", self.keyid);
        parameters += &self.alg.as_ref().map(|alg| format!(";alg=\"{alg}\"")).unwrap_or_default();
        let lines = covered.iter().map(|(name, value)| format!("\"{name}\": {value}\n")).collect::<String>();
        let signature = self.pair.key.sign(format!("{lines}\"@signature-params\": {parameters}").as_bytes()).expect("the key signs");
        fields.push(("signature-input".to_owned(), format!("{}={parameters}", self.label)));
        fields.push(("signature".to_owned(), format!("{}=:{}:", self.label, STANDARD.encode(signature))));
        fields
    }
}

impl TestServer {
    /// A signer with a new key of this account.
    pub async fn request_signer(&self, admin: &str, tenant: &str, account: &str) -> RequestSigner {
        let registration = registration(self, tenant, account, "request");
        let path = format!("/v1/tenants/{tenant}/accounts/{account}/keys");
        let key = self.as_(admin).post(&path, registration.body).await.ok(201);
        RequestSigner::new(registration.pair, tenant, key["id"].as_str().expect("it has an id"))
    }
}
