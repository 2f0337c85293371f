//! What the parts of an issuance cost; run with `--release -- --ignored --nocapture speed`.

use crate::hostile_csr::Csr;
use crate::support::*;
use chancery_domain::certificate::RevocationReason;
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::{CertificatePlan, CertificationRequest, CrlEntry, CrlPlan, PublicKey, Signer};
use std::time::Instant;

fn micros<T>(what: &str, rounds: u32, mut act: impl FnMut() -> T) -> f64 {
    #[allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    let start = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(act());
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    println!("{what}: {each:.1} us");
    each
}

#[test]
#[ignore = "measures; meaningful with --release only"]
fn speed_of_keys() {
    for algorithm in KeyAlgorithm::ALL {
        let key = MemoryKey::numbered(algorithm, 1);
        let name = algorithm.as_str();
        let signature = key.sign(b"x").unwrap();
        micros(&format!("{name}: sign"), 500, || key.sign(b"x").unwrap());
        micros(&format!("{name}: verify"), 1000, || key.public_key().verify(b"x", &signature).unwrap());
        micros(&format!("{name}: key from SPKI"), 500, || PublicKey::from_spki_der(key.public_key().spki_der()).unwrap());
        let csr = Csr::of(&key).signed(&key);
        micros(&format!("{name}: CSR from DER"), 500, || CertificationRequest::from_pem_or_der(&csr).unwrap());
        micros(&format!("{name}: generate"), if name.starts_with("rsa") { 8 } else { 200 }, || MemoryKey::of(algorithm));
    }
}

#[test]
#[ignore = "measures; meaningful with --release only"]
fn speed() {
    let authorities = Authorities::new(&["dns:*.acme.example"]);
    let key = MemoryKey::new();
    let csr = Csr::of(&key).signed(&key);
    let text = chancery_x509::pem::encode(chancery_x509::pem::CERTIFICATE_REQUEST, &csr);
    let names = ["a.acme.example"];
    let addresses = addresses();
    let both = micros("raw sign and verify", 2000, || {
        let signature = key.sign(b"x").unwrap();
        key.public_key().verify(b"x", &signature).unwrap();
    });
    let sign = micros("raw sign", 2000, || key.sign(b"x").unwrap());
    micros("CSR from PEM", 2000, || CertificationRequest::from_pem_or_der(text.as_bytes()).unwrap());
    println!("  of which the signature about {:.1} us", both - sign);
    micros("key from SPKI", 2000, || PublicKey::from_spki_der(key.public_key().spki_der()).unwrap());
    let decide = micros("decide (not ours)", 2000, || approved(&names, None));
    let prepare = || CertificatePlan::leaf(approved(&names, None), key.public_key(), serial(7), &authorities.issuer, &addresses).unwrap();
    let prepared = micros("decide, build, lint", 2000, prepare);
    let whole = micros("decide, build, lint, sign, compare", 2000, || prepare().sign(&authorities.key).unwrap());
    println!("build and lint {:.1} us, assemble and compare {:.1} us", prepared - decide, whole - prepared - sign);
    let entry = |n: u128| CrlEntry {
        serial: chancery_domain::Serial::from_slice(&(n + (1 << 127)).to_be_bytes()).unwrap(),
        revoked_at: at(START),
        reason: RevocationReason::Superseded,
    };
    let entries: Vec<CrlEntry> = (0..100_000).map(entry).collect();
    micros("CRL of 100,000, signed", 5, || {
        let (this_update, next_update) = (at(START + 10), at(START + 20));
        let plan = CrlPlan {
            issuer: &authorities.issuer,
            number: 1,
            this_update,
            next_update,
            distribution_point_url: None,
            entries: entries.clone(),
        };
        plan.prepare().unwrap().sign(&authorities.key).unwrap()
    });
}
