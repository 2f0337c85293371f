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
    /// Makes an authority's key pair, which waits behind no tenant's others: authorities are few.
    pub(crate) async fn key_pair(&self, algorithm: KeyAlgorithm) -> Result<KeyPair, Failure> {
        self.make_key_pair(None, algorithm).await
    }

    /// Makes a subject's key pair, in the tenant's turn (I11).
    pub(crate) async fn subject_key_pair(&self, tenant: TenantId, algorithm: KeyAlgorithm) -> Result<KeyPair, Failure> {
        self.make_key_pair(Some(tenant), algorithm).await
    }

    /// RSA takes up to a second of a core and waits its turn; the other kinds take microseconds.
    async fn make_key_pair(&self, tenant: Option<TenantId>, algorithm: KeyAlgorithm) -> Result<KeyPair, Failure> {
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
