//! Certification requests with distinct keys: one repeated key would flatter the verification.

use anyhow::Result;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};

/// How many distinct keys are used in turn.
pub(crate) const KEYS: usize = 256;

/// Requests for `h0.<domain>` and so on, DER.
pub(crate) fn requests(domain: &str) -> Result<Vec<Vec<u8>>> {
    (0..KEYS)
        .map(|number| {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let mut params = CertificateParams::new(vec![format!("h{number}.{domain}")])?;
            params.distinguished_name = DistinguishedName::new();
            Ok(params.serialize_request(&key)?.der().to_vec())
        })
        .collect()
}
