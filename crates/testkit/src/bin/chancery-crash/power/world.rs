//! A recorded run of the service, and losses of power at moments of it.

use super::disk::Disk;
use super::record::{self, Op};
use super::{Report, early, fault};
use crate::check;
use crate::client::{Client, Http, Lists};
use crate::database::Place;
use crate::setup;
use crate::world::{Seen, watch};
use anyhow::{Context, Result};
use chancery::open::OpenError;
use chancery::{Server, Start};
use chancery_app::{Chancery, Failure};
use chancery_testkit::Engine;
use chancery_testkit::chance::Chance;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// How long clients act in each of the two lives.
const LIFE: Duration = Duration::from_millis(300);
/// In every so manyeth run they act ten times as long: SQLite then writes a full journal back and begins it anew.
const LONG: u64 = 20;
/// A server that answers does what is left in this time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Losses that are looked at beside each other.
const BESIDE: usize = 3;

/// What was recorded.
pub(super) struct Run {
    ops: Vec<Op>,
    /// The bootstrap token and the step at which it was known.
    pub(super) bootstrap: (String, usize),
    /// When the operator asked to be enrolled.
    pub(super) enrolling: usize,
    clients: Vec<Client>,
    seen: Seen,
    /// What was answered otherwise than it may be, before any loss.
    wrong: Vec<String>,
}

/// Records the run of this seed and plays so many losses of it.
pub(super) async fn run(seed: u64, losses: u32, first: bool, failing: bool, report: &mut Report) -> Result<()> {
    let place = Place::new(Engine::Sqlite).await?;
    record::begin(place.folder());
    let run = Arc::new(record(&place, seed, failing).await.with_context(|| format!("in the recorded run of seed {seed}"))?);
    report.worlds += 1;
    report.findings.extend(run.wrong.iter().map(|wrong| format!("in the recorded run of seed {seed}: {wrong}")));
    report.steps += run.ops.len();
    report.acknowledged += run.clients.iter().flat_map(|client| &client.journal).filter(|entry| entry.done()).count();

    let mut chance = Chance::of(seed);
    let mut moments: Vec<_> = (0..losses).map(|_| chance.below(run.ops.len() + 1)).collect();
    moments.sort_unstable();
    let (mut disk, mut at, mut looks) = (Disk::default(), 0, JoinSet::new());
    disk.take(&Op::MadeFolder(place.folder().to_owned()))?;
    disk.take(&Op::SyncedFolder(place.folder().parent().unwrap_or(Path::new("/")).to_owned()))?;
    for (number, moment) in moments.into_iter().enumerate() {
        if first && !report.findings.is_empty() {
            break;
        }
        report.losses += 1;
        for op in run.ops.get(at..moment).unwrap_or_default() {
            disk.take(op)?;
        }
        at = moment;
        report.unsynced += disk.unsynced();
        report.early += u32::from(moment < run.born());
        let after = Place::new(Engine::Sqlite).await?;
        std::fs::remove_dir(after.folder())?;
        let mut chance = Chance::of(seed ^ chance.next());
        disk.write(place.folder(), after.folder(), &mut chance)?;
        if looks.len() >= BESIDE {
            gather(&mut looks, report).await?;
        }
        let (run, name) = (Arc::clone(&run), format!("loss {number} of the run of seed {seed}"));
        looks.spawn(async move {
            // A comparison that panics found something, too.
            let looking = tokio::spawn({
                let run = Arc::clone(&run);
                async move { tokio::time::timeout(PATIENCE, look(&run, moment, &after, chance)).await.context("it came to no end")? }
            });
            let found = match looking.await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => vec![format!("{error:#}")],
                Err(panic) => vec![panic.to_string()],
            };
            let before = run.ops.get(moment.saturating_sub(3)..moment).unwrap_or_default();
            let before: Vec<_> = before.iter().map(Op::shown).collect();
            found.into_iter().map(|found| format!("{found}\n    {name}, after step {moment}: {}", before.join(", "))).collect()
        });
    }
    while !looks.is_empty() {
        gather(&mut looks, report).await?;
    }
    Ok(())
}

async fn gather(looks: &mut JoinSet<Vec<String>>, report: &mut Report) -> Result<()> {
    if let Some(found) = looks.join_next().await {
        report.findings.extend(found?);
    }
    Ok(())
}

impl Run {
    /// When the first client had its token.
    pub(super) fn born(&self) -> usize {
        self.clients.iter().map(Client::born).min().unwrap_or(usize::MAX)
    }
}

/// The run: `init`, two lives with an orderly end between them, in which the files are closed.
async fn record(place: &Place, seed: u64, failing: bool) -> Result<Run> {
    let token = initialise(place).await?.context("a new place has an operator")?;
    let bootstrap = (token, record::moment());
    let lists = Lists::default();
    let serving = Serving::start(place).await?;
    let enrolling = record::moment();
    let clients = setup::clients(&serving.http, &bootstrap.0, seed, &lists).await?;
    let life = if seed.is_multiple_of(LONG) { 10 * LIFE } else { LIFE };
    let fault = |life| failing.then(|| Chance::of(seed.wrapping_mul(2).wrapping_add(life)));
    let mut wrong = Vec::new();
    let (clients, seen) = live(clients, life, fault(0), &serving, &lists, Seen::new(), &mut wrong).await?;
    serving.stop().await?;
    let serving = Serving::start(place).await?;
    let (mut clients, seen) = live(clients, LIFE, fault(1), &serving, &lists, seen, &mut wrong).await?;
    let ops = record::end();
    serving.stop().await?;
    wrong.extend(clients.iter_mut().flat_map(|client| std::mem::take(&mut client.wrong)));
    Ok(Run { ops, bootstrap, enrolling, clients, seen, wrong })
}

/// The clients act; with `fault` the disk fails now and then meanwhile, and when it does no more each goes on as if nothing had been.
async fn live(
    clients: Vec<Client>,
    life: Duration,
    fault: Option<Chance>,
    serving: &Serving,
    lists: &Lists,
    seen: Seen,
    wrong: &mut Vec<String>,
) -> Result<(Vec<Client>, Seen)> {
    let (stop, failing) = (Arc::new(AtomicBool::new(false)), fault.is_some());
    let http = &serving.http;
    let tasks: Vec<_> = clients.into_iter().map(|client| tokio::spawn(client.live(http.clone(), 0, Arc::clone(&stop)))).collect();
    let watcher = tokio::spawn(watch(http.clone(), lists.clone(), Arc::clone(&stop), seen));
    let sound = AtomicBool::new(false);
    let trouble = async {
        if let Some(chance) = fault {
            fault::now_and_then(chance, &sound).await
        }
    };
    let ends = async {
        tokio::time::sleep(life).await;
        sound.store(true, Ordering::Relaxed);
    };
    tokio::join!(trouble, ends);
    stop.store(true, Ordering::Relaxed);
    let mut clients = Vec::new();
    for task in tasks {
        clients.push(task.await??);
    }
    if failing {
        for client in &mut clients {
            client.go_on(1, http).await?;
        }
    }
    let (seen, watched) = watcher.await?;
    wrong.extend(watched);
    Ok((clients, seen))
}

/// Opens what is left, works on it, and compares.
async fn look(run: &Run, moment: usize, place: &Place, mut chance: Chance) -> Result<Vec<String>> {
    if moment < run.born() {
        return early::look(run, moment, place).await;
    }
    let mut clients: Vec<_> = run.clients.iter().filter_map(|client| client.at(moment, Chance::of(chance.next()))).collect();
    let serving = Serving::start(place).await.context("the server does not start again")?;
    for client in &mut clients {
        client.go_on(1, &serving.http).await?;
    }
    serving.stop().await?;
    let mut found: Vec<_> = clients.iter_mut().flat_map(|client| std::mem::take(&mut client.wrong)).collect();
    let mut seen: Seen = run.seen.iter().filter(|(_, (_, at))| *at <= moment).map(|(name, sight)| (name.clone(), sight.clone())).collect();
    found.extend(check::world(Engine::Sqlite, place, &clients, &mut seen).await?);
    found.extend(damage(place.folder())?);
    Ok(found)
}

/// What SQLite says of each file.
pub(super) fn damage(folder: &Path) -> Result<Vec<String>> {
    let mut paths = BTreeSet::from([folder.join("data/platform.db"), folder.join("keyring/keyring.db")]);
    for entry in std::fs::read_dir(folder.join("data/tenants"))? {
        paths.insert(entry?.path());
    }
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "db")) {
        let file = Connection::open_with_flags_and_vfs(path, OpenFlags::SQLITE_OPEN_READ_WRITE, "unix")?;
        let says: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if says != "ok" {
            found.push(format!("{}: {says}", path.display()));
        }
    }
    Ok(found)
}

async fn open(place: &Place, start: Start) -> Result<(Chancery, Server), OpenError> {
    let config = place.config();
    let server = Server::bind(&config).await.map_err(|error| OpenError::NotInitialised(error.to_string()))?;
    let service = chancery::open(&config, server.address(), start).await?;
    Ok((service, server))
}

/// What `chancery init` does: its token, or none where an operator has enrolled already.
pub(super) async fn initialise(place: &Place) -> Result<Option<String>> {
    let (service, _) = open(place, Start::First).await?;
    match service.initialise().await {
        Ok(token) => Ok(Some(token.expose().to_string())),
        Err(Failure::Conflict(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The service in this process, over real HTTP.
pub(super) struct Serving {
    pub(super) http: Http,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), chancery::ServeError>>,
}

impl Serving {
    pub(super) async fn start(place: &Place) -> Result<Self> {
        let (service, server) = open(place, Start::Again).await?;
        let http = Http { client: reqwest::Client::new(), url: server.url() };
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.run(service, async move { drop(stopped.await) }));
        Ok(Self { http, stop, serving })
    }

    pub(super) async fn stop(self) -> Result<()> {
        drop(self.stop);
        Ok(self.serving.await??)
    }
}
