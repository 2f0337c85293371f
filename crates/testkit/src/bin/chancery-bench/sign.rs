//! `bench sign`: durable, audited, policy-checked signatures of digests against raw signing, in interleaved rounds.

use crate::client::{Connection, post};
use crate::ground::{Backend, Tenant};
use crate::http::Load;
use crate::report::{Report, median};
use crate::server::Server;
use anyhow::{Result, anyhow, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Documents of a batch.
const BATCH: usize = 100;
/// Requests made beforehand, each of other digests.
const REQUESTS: usize = 2000;

pub(crate) async fn run(quick: bool) -> Result<Report> {
    let (rounds, slice) = if quick { (3, Duration::from_millis(1000)) } else { (5, Duration::from_secs(4)) };
    let database = chancery_testkit::cluster::cluster().await.database().await;
    let postgres = Backend::Postgres { app_url: database.app_url.clone(), owner_url: database.owner_url.clone() };
    let (sqlite, other) = (Server::start(&Backend::Sqlite, 1).await?, Server::start(&postgres, 1).await?);
    let (single, batches) = (load(&sqlite, 1).await?, load(&sqlite, BATCH).await?);
    let single_postgres = load(&other, 1).await?;
    let signer = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| anyhow!("the cryptographic library failed"))?;

    let mut samples: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for round in 0..=rounds {
        let measured = [
            ("raw", tokio::task::block_in_place(|| raw(&signer, slice))),
            ("single_sqlite", single.run(256, slice).await?.rate),
            ("batch100_sqlite", batches.run(32, slice).await?.rate * BATCH as f64),
            ("raw", tokio::task::block_in_place(|| raw(&signer, slice))),
            ("single_postgres", single_postgres.run(256, slice).await?.rate),
        ];
        // The first round warms caches and files up and counts nowhere.
        for (name, rate) in measured.into_iter().filter(|_| round > 0) {
            samples.entry(name).or_default().push(rate);
        }
    }
    let middle = |name: &str| samples.get(name).map_or(f64::NAN, |values| median(&mut values.clone()));
    let mut report = Report::new("sign");
    for (name, goal) in [("single_sqlite", 0.45), ("single_postgres", 0.45), ("batch100_sqlite", 0.85)] {
        report.ratio(name, middle(name) / middle("raw"), goal, "raw signing", false);
        report.rate(&format!("{name}_per_s"), middle(name));
    }
    report.rate("raw", middle("raw"));
    report.note(format!("raw: P-256 signatures of a digest a second on all cores; medians of {rounds} rounds; rates are of documents"));
    report.note("The load generator and, for PostgreSQL, the database run on the same cores as the server.");
    report.note("PostgreSQL's files lie in memory where /dev/shm exists, so its figures leave the disk out.");
    for server in [sqlite, other] {
        server.stop().await?;
    }
    Ok(report)
}

/// Requests to a signer that is made for it, each for so many digests.
async fn load(server: &Server, documents: usize) -> Result<Load> {
    let tenant = server.tenants.first().ok_or_else(|| anyhow!("no tenant"))?;
    let name = format!("of-{documents}");
    let body = json!({
        "name": name, "certify": {"profile": "code-signing", "names": [format!("release.{}", tenant.domain)]},
        "signing_profile": {"formats": ["raw"], "algorithms": ["ecdsa-p256-sha256"], "digests": ["sha-256"]}
    });
    let mut connection = Connection::open(&server.address, None).await?;
    let (status, answer) = connection.send(&request(server, tenant, "/signers", &body.to_string())).await?;
    ensure!(status == 201, "no signer: {status} {}", String::from_utf8_lossy(answer));
    let count = if documents == 1 { REQUESTS } else { REQUESTS / 10 };
    let of = |number: usize| {
        let documents: Vec<_> = (0..documents).map(|at| json!({"digest": format!("sha-256:{:064x}", number * documents + at)})).collect();
        let body = json!({"format": "raw", "documents": documents}).to_string();
        request(server, tenant, &format!("/signers/{name}/signatures"), &body)
    };
    Ok(Load { requests: Arc::new((0..count).map(of).collect()), address: server.address.clone(), tls: None })
}

fn request(server: &Server, tenant: &Tenant, rest: &str, body: &str) -> Vec<u8> {
    let authorisation = format!("authorization: Bearer {}\r\n", tenant.token);
    post(&server.address, &format!("/v1/tenants/{}{rest}", tenant.id), &authorisation, body)
}

/// Signatures of a digest a second, on all cores.
fn raw(signer: &EcdsaKeyPair, time: Duration) -> f64 {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let (random, mut done) = (SystemRandom::new(), 0);
                while !stop.load(Ordering::Relaxed) {
                    done += u64::from(signer.sign(&random, &[0x42; 32]).is_ok());
                }
                count.fetch_add(done, Ordering::Relaxed);
            });
        }
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}
