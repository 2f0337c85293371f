//! `bench inventory`: search and pages among 100,000 certificates of one tenant on SQLite, next to a read by primary key.
//!
//! Everything is what the store does for one request; HTTP, unsealing and JSON come on top of all of it alike.

use crate::report::{Report, median};
use anyhow::{Result, ensure};
use chancery::system::{SystemClock, SystemEntropy};
use chancery_domain::certificate::{CertificateStatus, Origin};
use chancery_domain::key::Custody;
use chancery_domain::port::Entropy;
use chancery_domain::{CertificateId, IssuerId, OrderId, Sealed, Serial, TenantId, Timestamp};
use chancery_store::sqlite::{self, SqliteConfig};
use chancery_store::{CertificateFilter, CertificateRow, Page, TenantView};
use std::sync::Arc;
use std::time::Instant;

/// A certificate on P-256 with one name, sealed, is about so long.
const BODY: usize = 700;
/// So many certificates share a suffix.
const SHARED: u32 = 1000;
/// A page of a listing.
const PAGE: u32 = 50;

pub(crate) async fn run(quick: bool) -> Result<Report> {
    let (count, reads) = if quick { (20_000, 400) } else { (100_000, 2000) };
    let directory = tempfile::tempdir()?;
    let config = SqliteConfig { directory: directory.path().to_owned(), threads: 1, open_files: 4 };
    let store = sqlite::open(config, Arc::new(SystemClock::default())).await?;
    let tenant = TenantId::from_bytes([1; 16]);
    store.create_realm(tenant).await?;
    let view = store.tenant(tenant);
    let started = Instant::now();
    fill(&view, count).await?;
    let filled = f64::from(count) / started.elapsed().as_secs_f64();

    let mut times = [const { Vec::new() }; 4];
    for _ in 0..reads {
        // All four in turn, each of another certificate: caches favour none of them.
        let number = u32::from_be_bytes(random()) % count;
        let by_name = CertificateFilter { name: Some(exact(number)), ..CertificateFilter::default() };
        let by_suffix = CertificateFilter { name: Some(suffix(number)), ..CertificateFilter::default() };
        let before = Some(CertificateId::from_bytes(id(number.max(PAGE))));
        let page = |before, limit| Page { before, limit };
        let started = Instant::now();
        ensure!(view.certificate(CertificateId::from_bytes(id(number))).await?.is_some(), "a certificate is missing");
        keep(&mut times[0], started);
        let started = Instant::now();
        ensure!(view.certificates(&by_name, page(None, PAGE)).await?.len() == 1, "a name is not found");
        keep(&mut times[1], started);
        let started = Instant::now();
        ensure!(view.certificates(&by_suffix, page(None, PAGE)).await?.len() == PAGE as usize, "a suffix is not found");
        keep(&mut times[2], started);
        let started = Instant::now();
        ensure!(view.certificates(&CertificateFilter::default(), page(before, PAGE)).await?.len() == PAGE as usize, "a page is short");
        keep(&mut times[3], started);
    }

    let [key, name, suffix, page] = times.map(|mut samples| median(&mut samples));
    let mut report = Report::new("inventory");
    report.ratio("exact_name", name / key, 2.0, "p50 of a read by primary key", true);
    report.ratio("suffix_page50", suffix / key, 15.0, "p50 of a read by primary key", true);
    report.ratio("page50", page / key, 15.0, "p50 of a read by primary key", true);
    for (figure, value) in [("primary key", key), ("exact name", name), ("suffix, 50 of 1000", suffix), ("page of 50", page)] {
        report.rate(&format!("p50 {figure} (µs)"), value);
    }
    report.rate("certificates stored", f64::from(count));
    report.rate("filled (certificates/s)", filled);
    Ok(report)
}

fn keep(times: &mut Vec<f64>, started: Instant) {
    times.push(started.elapsed().as_secs_f64() * 1e6);
}

async fn fill(view: &TenantView, count: u32) -> Result<()> {
    let now = Timestamp::from_seconds(1_800_000_000);
    for first in (0..count).step_by(250) {
        let mut changes = view.changes();
        for number in first..count.min(first + 250) {
            let row = CertificateRow {
                id: CertificateId::from_bytes(id(number)),
                origin: Origin::Issued {
                    order: OrderId::from_bytes(random()),
                    issuer: IssuerId::from_bytes([4; 16]),
                    profile: "tls-server".to_owned(),
                },
                serial: Serial::random(&SystemEntropy),
                status: CertificateStatus::Issued,
                shard: 0,
                not_before: now,
                not_after: Timestamp::from_seconds(1_807_776_000),
                renew_at: now,
                custody: Custody::Client,
                body: Sealed::from_ciphertext(vec![7; BODY]),
                version: 1,
            };
            changes.insert_certificate(&row, &[exact(number), suffix(number)]);
        }
        changes.commit().await?;
    }
    Ok(())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}

/// Ids grow with time, as those of version 7 do.
fn id(number: u32) -> [u8; 16] {
    (u128::from(number) << 64 | 0x7000).to_be_bytes()
}

/// Values spread like those of a keyed hash; the name of each certificate and the suffix that some share.
fn exact(number: u32) -> [u8; 16] {
    spread(u64::from(number) << 1)
}

fn suffix(number: u32) -> [u8; 16] {
    spread(u64::from(number / SHARED) << 1 | 1)
}

fn spread(number: u64) -> [u8; 16] {
    let mixed = u128::from(number.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    mixed.to_be_bytes()
}
