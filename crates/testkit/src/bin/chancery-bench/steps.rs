//! Where the time of an issuance goes: each step alone, on one core.

use crate::inprocess::InProcess;
use crate::report::Report;
use anyhow::{Context, Result, anyhow};
use chancery_app::KeySource;
use chancery_domain::decision::{IssuerLimits, KeyHistory, Operation, Request, decide};
use chancery_domain::key::Custody;
use chancery_domain::port::Entropy;
use chancery_domain::profile::Profile;
use chancery_domain::{Serial, Timestamp};
use chancery_keys::SoftwareKey;
use chancery_x509::{
    Addresses, CaPlan, CertificatePlan, CertificateSummary, CertificationRequest, DistinguishedName, IssuerCertificate, PublicKey,
    SignError, Signer,
};
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

/// One small append made durable, on the file system where the servers' files are.
pub(crate) fn fdatasync() -> Result<Duration> {
    let mut file = tempfile::tempfile()?;
    let mut times = Vec::new();
    for _ in 0..64 {
        file.write_all(&[0; 4096])?;
        let started = Instant::now();
        file.sync_data()?;
        times.push(started.elapsed());
    }
    times.sort();
    times.get(32).copied().context("no samples")
}

struct Key(SoftwareKey, PublicKey);

impl Signer for Key {
    fn public_key(&self) -> &PublicKey {
        &self.1
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.sign(message).map_err(|error| SignError::Provider(Box::new(error)))
    }
}

/// Adds a line for each step to the report.
pub(crate) async fn table(inside: &InProcess, report: &mut Report) -> Result<()> {
    let entropy = chancery::system::SystemEntropy;
    let csr = match inside.requests.first().map(|request| &request.key) {
        Some(KeySource::Request(csr)) => csr.clone(),
        _ => return Err(anyhow!("no request")),
    };
    let signer = fresh_key(&entropy)?;
    let now = Timestamp::from_seconds(1_800_000_000);
    let root = root(&signer, &entropy, now)?;
    let parsed = CertificationRequest::from_pem_or_der(&csr)?;
    let profile = Profile::presets().into_iter().next().context("no preset")?;
    let limits = IssuerLimits {
        permitted: vec!["dns:*".parse()?],
        not_before: Timestamp::from_seconds(0),
        not_after: Timestamp::from_seconds(1_900_000_000),
    };
    let request = || Request {
        operation: Operation::Issue,
        names: parsed.names.clone(),
        common_name: None,
        key_algorithm: parsed.public_key.algorithm(),
        custody: Custody::Client,
        validity_seconds: None,
    };
    let addresses = Addresses { crl_url: "http://127.0.0.1:8400/pki/a/0.crl".into(), aia_url: "http://127.0.0.1:8400/pki/a/ca.cer".into() };
    let prepare = || {
        let approved = decide(request(), KeyHistory::New, &profile, 1, &limits, now).outcome.map_err(|_| anyhow!("refused"))?;
        Ok::<_, anyhow::Error>(CertificatePlan::leaf(approved, &parsed.public_key, Serial::random(&entropy), &root, &addresses)?)
    };
    let der = prepare()?.sign(&signer)?.into_der();
    report.note("Where the time goes, one core, each step alone (µs):");
    let mut line = |name: &str, micros: f64| report.note(format!("  {name:<58} {micros:>8.1}"));
    line("parse the request and verify its signature", micros(|| CertificationRequest::from_pem_or_der(&csr).is_ok()));
    line("decide", micros(|| decide(request(), KeyHistory::New, &profile, 1, &limits, now).outcome.is_ok()));
    line("decide, build and lint the to-be-signed bytes", micros(|| prepare().is_ok()));
    line("the same, signed and compared", micros(|| prepare().is_ok_and(|prepared| prepared.sign(&signer).is_ok())));
    line("read the certificate back for the answer", micros(|| CertificateSummary::from_der(&der).is_ok()));
    let caller = crate::ground::caller(&inside.service, &inside.token).await?;
    let first = inside.requests.first().context("no request")?;
    let started = Instant::now();
    for _ in 0..200 {
        black_box(inside.service.issue(&caller, first).await?);
    }
    line("whole issuance in process, one at a time, durable", started.elapsed().as_secs_f64() * 1e6 / 200.0);
    line("of which one fdatasync of this file system", fdatasync()?.as_secs_f64() * 1e6);
    Ok(())
}

fn fresh_key(entropy: &dyn Entropy) -> Result<Key> {
    let (key, _) = SoftwareKey::generate(entropy)?;
    let public = PublicKey::from_spki_der(key.spki_der())?;
    Ok(Key(key, public))
}

fn root(signer: &Key, entropy: &dyn Entropy, now: Timestamp) -> Result<IssuerCertificate> {
    let subject = DistinguishedName { organization: None, common_name: "Bench".to_owned() };
    let plan = CaPlan {
        subject: &subject,
        key: signer.public_key(),
        serial: Serial::random(entropy),
        not_before: now.before(Duration::from_secs(3600)).whole_second(),
        not_after: Timestamp::from_seconds(1_900_000_000),
        path_length: Some(1),
    };
    Ok(IssuerCertificate::from_der(CertificatePlan::root(&plan)?.sign(signer)?.der())?)
}

/// Mean time of a step over enough repetitions to be seen.
fn micros(step: impl Fn() -> bool) -> f64 {
    const TIMES: u32 = 2000;
    assert!(step(), "a step of the table failed");
    let started = Instant::now();
    for _ in 0..TIMES {
        black_box(step());
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}
