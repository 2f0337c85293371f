//! Key pairs made here, of every kind, without holding up the threads that serve everybody else.

use crate::{Chancery, Failure};
use chancery_domain::TenantId;
use chancery_domain::key::KeyAlgorithm;
use chancery_keys::SoftwareKey;
use chancery_x509::PublicKey;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key pair just made.
pub(crate) struct KeyPair {
    pub(crate) public: PublicKey,
    /// The private key, PKCS#8 DER, to be sealed and nothing else.
    pub(crate) pkcs8: Zeroizing<Vec<u8>>,
}

impl Chancery {
    /// Makes a key pair of a subject or an authority. RSA takes up to seconds of a core and waits for the tenant's turn (I11); the other
    /// kinds take microseconds.
    pub(crate) async fn key_pair(&self, tenant: TenantId, algorithm: KeyAlgorithm) -> Result<KeyPair, Failure> {
        let entropy = Arc::clone(&self.ports().entropy);
        let make = move || -> Result<KeyPair, Failure> {
            let (key, pkcs8) = SoftwareKey::generate_as(algorithm, &*entropy)?;
            Ok(KeyPair { public: PublicKey::from_spki_der(key.spki_der())?, pkcs8 })
        };
        if !matches!(algorithm, KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096) {
            return make();
        }
        self.inner.turns.take(tenant, make).await
    }
}
