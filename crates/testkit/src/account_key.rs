//! Keys of accounts, as their holders make them.

use crate::TestServer;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery::system::SystemEntropy;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Clock;
use chancery_keys::SoftwareKey;
use serde_json::{Value, json};
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
