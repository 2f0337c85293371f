//! `bench peers`: Chancery on SQLite beside cfssl with SQLite and step-ca, each over HTTP with what it stores by default.

mod cfssl;
mod pki;
mod process;
mod step_ca;

use crate::csr::{self, Fresh};
use crate::ground::{Backend, Ground};
use crate::http::{Load, Loaded};
use crate::report::{Report, median};
use crate::server::Server;
use anyhow::{Context, Result};
use cfssl::Cfssl;
use process::Process;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use step_ca::StepCa;
use tokio_rustls::TlsConnector;

/// Connections that Chancery is measured at.
const OURS: [usize; 2] = [64, 256];
/// Connections that each of the others is tried at; its best counts.
const THEIRS: [usize; 4] = [8, 16, 64, 256];

/// Another certificate authority, running.
trait Peer {
    /// Where it is.
    fn process(&self) -> &Process;
    /// What it is asked for the certificate that is requested.
    fn ask(&self, fresh: &Fresh) -> Result<Vec<u8>>;
}

pub(crate) async fn run(quick: bool, step_ca: &str) -> Result<Report> {
    let (rounds, requests) = if quick { (3, [4000, 1000]) } else { (5, [20_000, 5000]) };
    let [ours, theirs] = requests;
    let (plain, _) = chancery(false).await?;
    let (secure, tls) = chancery(true).await?;
    let peers: [(&str, Box<dyn Peer>); 3] = [
        ("cfssl", Box::new(Cfssl::start("DELETE").await?)),
        ("cfssl_wal", Box::new(Cfssl::start("WAL").await?)),
        ("step_ca", Box::new(StepCa::start(Path::new(step_ca)).await?)),
    ];

    let mut samples = Samples::default();
    for round in 0..=rounds {
        // The first round warms caches and files up and counts nowhere.
        let mut keep = |name: String, loaded: &Loaded| {
            if round > 0 {
                samples.keep(name, loaded);
            }
        };
        for connections in THEIRS {
            if OURS.contains(&connections) {
                let load = Load::fresh(&plain.address, &plain.tenants, ours)?;
                keep(format!("chancery_c{connections}"), &load.once(connections).await?);
                let load = Load { tls: tls.clone(), ..Load::fresh(&secure.address, &secure.tenants, ours)? };
                keep(format!("chancery_tls_c{connections}"), &load.once(connections).await?);
            }
            for (name, peer) in &peers {
                let load = peer_load(&**peer, theirs)?;
                keep(format!("{name}_c{connections}"), &load.once_whatever_comes(connections).await?);
            }
        }
    }
    let report = samples.report(rounds, ours, theirs);
    plain.stop().await?;
    secure.stop().await?;
    Ok(report)
}

async fn chancery(tls: bool) -> Result<(Server, Option<TlsConnector>)> {
    let ground = Ground::prepare(&Backend::Sqlite, 1).await?;
    let connector = if tls { Some(pki::server_files(ground.directory.path())?) } else { None };
    Ok((Server::on(&Arc::new(ground)).await?, connector))
}

fn peer_load(peer: &dyn Peer, count: usize) -> Result<Load> {
    let fresh = tokio::task::block_in_place(|| csr::fresh(count, |_| "bench-0.example"))?;
    let requests = fresh.iter().map(|one| peer.ask(one)).collect::<Result<_>>()?;
    let process = peer.process();
    Ok(Load { requests: Arc::new(requests), address: process.address.clone(), tls: process.tls.clone() })
}

/// Rates and failures by whose and how many connections.
#[derive(Default)]
struct Samples {
    rates: BTreeMap<String, Vec<f64>>,
    failed: BTreeMap<String, (usize, String)>,
}

impl Samples {
    fn keep(&mut self, name: String, loaded: &Loaded) {
        if loaded.failed > 0 {
            let (count, failure) = self.failed.entry(name.clone()).or_default();
            *count += loaded.failed;
            failure.clone_from(&loaded.failure);
        }
        self.rates.entry(name).or_default().push(loaded.rate);
    }

    fn middle(&self, name: &str) -> f64 {
        self.rates.get(name).map_or(f64::NAN, |values| median(&mut values.clone()))
    }

    fn report(&self, rounds: usize, ours: usize, theirs: usize) -> Report {
        let mut report = Report::new("peers");
        for (peer, like) in [("cfssl", "chancery"), ("cfssl_wal", "chancery"), ("step_ca", "chancery_tls")] {
            let best = THEIRS.map(|connections| self.middle(&format!("{peer}_c{connections}"))).into_iter().fold(f64::NAN, f64::max);
            for connections in OURS {
                let rate = self.middle(&format!("{like}_c{connections}"));
                report.ratio(&format!("{like}_c{connections}_vs_{peer}"), rate / best, 1.0, &format!("{peer} at its best"), false);
            }
        }
        for name in self.rates.keys() {
            report.rate(&format!("{name}_per_s"), self.middle(name));
        }
        for (name, (count, failure)) in &self.failed {
            report.rate(&format!("{name}_failed"), *count as f64);
            report.note(format!("{name} failed, for example: {}", failure.trim()));
        }
        report.note(format!(
            "Medians of {rounds} interleaved rounds of {ours} requests to Chancery and {theirs} to each of the others, each with"
        ));
        report.note("a P-256 key and a name of its own. The load generator runs on the same cores; connections are kept.");
        report.note("cfssl serve with SQLite (cfssl_wal: its file put into WAL mode): no TLS, no authentication, one row a certificate.");
        report.note("step-ca with Badger: TLS, a one-time token checked and kept, two commits a certificate. Chancery: bearer token, policy, order, sealed certificate, search index,");
        report.note("audit event, all in one durable commit. All of them make a certificate durable before they answer.");
        report
    }
}

impl Peer for Cfssl {
    fn process(&self) -> &Process {
        &self.process
    }
    fn ask(&self, fresh: &Fresh) -> Result<Vec<u8>> {
        self.sign(fresh)
    }
}

impl Peer for StepCa {
    fn process(&self) -> &Process {
        &self.process
    }
    fn ask(&self, fresh: &Fresh) -> Result<Vec<u8>> {
        self.sign(fresh).context("a request to step-ca")
    }
}
