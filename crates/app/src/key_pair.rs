//! Key pairs made here, of every kind, without holding up the threads that serve everybody else.

use crate::{Chancery, Failure};
use chancery_domain::key::KeyAlgorithm;
use chancery_keys::SoftwareKey;
use chancery_x509::PublicKey;
use std::sync::Arc;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// A key pair just made.
pub(crate) struct KeyPair {
    pub(crate) public: PublicKey,
    /// The private key, PKCS#8 DER, to be sealed and nothing else.
    pub(crate) pkcs8: Zeroizing<Vec<u8>>,
}

/// How many long computations run at once, each on a thread of its own: half of the cores remain for what takes microseconds (I11).
pub(crate) fn long_computations() -> Semaphore {
    Semaphore::new(std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)))
}

impl Chancery {
    /// Makes a key pair of this kind. RSA takes up to a second of a core and waits its turn; the other kinds take microseconds.
    pub(crate) async fn key_pair(&self, algorithm: KeyAlgorithm) -> Result<KeyPair, Failure> {
        let entropy = Arc::clone(&self.ports().entropy);
        let make = move || -> Result<KeyPair, Failure> {
            let (key, pkcs8) = SoftwareKey::generate_as(algorithm, &*entropy)?;
            Ok(KeyPair { public: PublicKey::from_spki_der(key.spki_der())?, pkcs8 })
        };
        if !matches!(algorithm, KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096) {
            return make();
        }
        self.long_computation(make).await
    }

    /// Computes what takes a good part of a second, when its turn comes.
    pub(crate) async fn long_computation<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let _turn = self.inner.long_computations.acquire().await.map_err(Failure::internal)?;
        tokio::task::spawn_blocking(compute).await.map_err(Failure::internal)?
    }
}
