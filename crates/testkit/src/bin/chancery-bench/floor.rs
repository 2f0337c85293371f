//! F: what this machine's cores can do of the two operations that no issuance can avoid: verify the request, sign the certificate.

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Distinct keys with a message and its signature each, as certification requests have them.
pub(crate) struct Floor {
    signed: Vec<(ParsedPublicKey, Vec<u8>)>,
    signer: EcdsaKeyPair,
}

/// About the length of a request's or certificate's to-be-signed bytes.
const MESSAGE: [u8; 300] = [0x42; 300];

impl Floor {
    pub(crate) fn new() -> Result<Self> {
        let random = SystemRandom::new();
        let failed = |_| anyhow!("the cryptographic library failed");
        let mut signed = Vec::new();
        for _ in 0..crate::csr::KEYS {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref()).map_err(|error| anyhow!("{error}"))?;
            signed.push((key, pair.sign(&random, &MESSAGE).map_err(failed)?.as_ref().to_vec()));
        }
        let signer = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;
        Ok(Self { signed, signer })
    }

    /// Pairs of one verification and one signature a second, on all cores.
    pub(crate) fn measure(&self, time: Duration) -> f64 {
        let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    let random = SystemRandom::new();
                    let mut done = 0;
                    for (key, signature) in self.signed.iter().cycle() {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let verified = key.verify_sig(&MESSAGE, signature).is_ok();
                        let signed = self.signer.sign(&random, &MESSAGE).is_ok();
                        done += u64::from(verified && signed);
                    }
                    count.fetch_add(done, Ordering::Relaxed);
                });
            }
            std::thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
        });
        count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
    }

    /// One verification and one signature, alone on a core.
    pub(crate) fn once(&self) -> Duration {
        let random = SystemRandom::new();
        let started = Instant::now();
        for (key, signature) in &self.signed {
            assert!(key.verify_sig(&MESSAGE, signature).is_ok() && self.signer.sign(&random, &MESSAGE).is_ok());
        }
        started.elapsed() / u32::try_from(self.signed.len()).unwrap_or(1)
    }
}
