//! Certification requests with distinct keys: one repeated key would flatter the verification.

use anyhow::{Result, anyhow};
use rcgen::{CertificateParams, CertificateSigningRequest, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many distinct keys are used in turn.
pub(crate) const KEYS: usize = 256;

/// Requests for `h0.<domain>` and so on, DER.
pub(crate) fn requests(domain: &str) -> Result<Vec<Vec<u8>>> {
    (0..KEYS).map(|number| Ok(request(&format!("h{number}.{domain}"))?.der().to_vec())).collect()
}

/// A request for a name, with a key of its own.
pub(crate) struct Fresh {
    pub(crate) name: String,
    pub(crate) request: CertificateSigningRequest,
}

/// So many requests whose names and keys this process has not used before, each under the domain that `domain` gives for its place.
pub(crate) fn fresh<'a>(count: usize, domain: impl Fn(usize) -> &'a str + Sync) -> Result<Vec<Fresh>> {
    static USED: AtomicUsize = AtomicUsize::new(0);
    let first = USED.fetch_add(count, Ordering::Relaxed);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let make = |places: Range<usize>| -> Result<Vec<Fresh>> {
        let one = |place| {
            let name = format!("n{}.{}", first + place, domain(place));
            Ok(Fresh { request: request(&name)?, name })
        };
        places.map(one).collect()
    };
    let mut made = Vec::with_capacity(count);
    std::thread::scope(|scope| {
        let share = |number: usize| count * number / threads..count * (number + 1) / threads;
        let makers: Vec<_> = (0..threads).map(|number| scope.spawn(move || make(share(number)))).collect();
        makers.into_iter().try_for_each(|maker| {
            made.extend(maker.join().map_err(|_| anyhow!("a thread that made requests panicked"))??);
            Ok(())
        })
    })
    .map(|()| made)
}

fn request(name: &str) -> Result<CertificateSigningRequest> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(&key)?)
}
