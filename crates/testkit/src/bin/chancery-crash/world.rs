//! A world: one place, several lives of the server over it, each ended by a kill; then the comparison.

use crate::check;
use crate::client::{Client, Http, Lists, is_defect, whole_answer};
use crate::database::Place;
use crate::logs::{self, Checkpoints};
use crate::points::Cycle;
use crate::power::moment;
use crate::report::Report;
use crate::server::{self, Initialised, Server, Started};
use crate::setup;
use anyhow::{Context, Result, bail};
use chancery_testkit::Engine;
use chancery_testkit::chance::Chance;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Runs (kills) in one world; what is left of all of them is compared at its end.
pub(crate) const ROUNDS: u32 = 10;
/// A point that is not reached under load in this time is given up, and the server killed from outside.
const PATIENCE: Duration = Duration::from_secs(4);

/// CRLs by address and number, for a number never stands for two lists; each with the step of the disk at which it was first seen.
pub(crate) type Seen = HashMap<(String, u64), (Vec<u8>, usize)>;

/// A fault that is turned on in the server, and what must be found of it.
pub(crate) type Fault = Option<(&'static str, &'static str)>;

/// Runs the world of this seed.
pub(crate) async fn run(engine: Engine, seed: u64, rounds: u32, fault: Fault, cycle: &mut Cycle, report: &mut Report) -> Result<()> {
    let place = Place::new(engine).await?;
    let mut world = World {
        seed,
        engine,
        chance: Chance::of(seed),
        place,
        fault,
        lists: Lists::default(),
        found: Vec::new(),
        seen: Seen::new(),
        checkpoints: Checkpoints::default(),
    };
    let ended = world.lives(rounds, cycle, report).await;
    let replay = format!(
        "replay: cargo xtask crash --engine {} --seed {seed} --runs {rounds}",
        if engine == Engine::Sqlite { "sqlite" } else { "postgres" }
    );
    report.findings.extend(world.found.drain(..).map(|found| format!("{found}\n    {replay}")));
    world.place.discard().await;
    ended.with_context(|| format!("in the world of seed {seed}; {replay}"))
}

struct World {
    seed: u64,
    engine: Engine,
    chance: Chance,
    place: Place,
    fault: Fault,
    lists: Lists,
    found: Vec<String>,
    seen: Seen,
    checkpoints: Checkpoints,
}

impl World {
    async fn lives(&mut self, rounds: u32, cycle: &mut Cycle, report: &mut Report) -> Result<()> {
        let bootstrap = self.initialise(cycle, report).await?;
        let mut clients = Vec::new();
        let mut life = 0;
        let end = report.runs + rounds.saturating_sub(1);
        while report.runs < end {
            let kill = if life % 2 == 1 { Some(cycle.next(&mut self.chance)) } else { None };
            let server = match Server::start(&self.place, kill, self.fault.map(|(fault, _)| fault)).await? {
                Started::Up(server) => server,
                Started::Killed => {
                    report.hit(kill.map_or("", |(point, _)| point));
                    self.compare(&clients, life).await?;
                    report.runs += 1;
                    life += 1;
                    continue;
                }
                Started::Failed(why) => {
                    self.found.push(format!("after life {life} the server does not start again: {why}"));
                    return Ok(());
                }
            };
            let http = Http { client: reqwest::Client::new(), url: server.url.clone() };
            if clients.is_empty() {
                clients = setup::clients(&http, &bootstrap, self.seed, &self.lists).await?;
            }
            let missed = report.not_reached;
            clients = self.life(clients, life, server, http, kill.map(|(point, _)| point), report).await?;
            if let Some((point, _)) = kill.filter(|_| report.not_reached > missed) {
                cycle.again(point);
            }
            report.runs += 1;
            self.compare(&clients, life).await?;
            if self.is_proved() {
                return Ok(());
            }
            life += 1;
        }
        self.settle(&mut clients).await?;
        for deed in clients.iter().flat_map(|client| &client.journal).flat_map(|entry| entry.deeds()) {
            *report.acknowledged.entry(deed.act).or_default() += 1;
        }
        report.unanswered += clients.iter().flat_map(|client| &client.journal).filter(|entry| entry.sent > 1).count();
        report.repeated += clients.iter().map(|client| client.repeated).sum::<usize>();
        for client in &mut clients {
            self.found.append(&mut client.wrong);
        }
        self.found.extend(check::world(self.engine, &self.place, &clients, &mut self.seen).await?);
        let members = logs::members(&clients);
        let (compared, found) = logs::whole(&self.place, members.keys().map(String::as_str), &self.checkpoints).await?;
        report.checkpoints += compared;
        self.found.extend(found);
        Ok(())
    }

    /// What the killed server left, with what it had acknowledged.
    async fn compare(&mut self, clients: &[Client], life: u32) -> Result<()> {
        if clients.is_empty() {
            return Ok(());
        }
        let wrong = check::killed(&self.place, clients).await?;
        self.found.extend(wrong.into_iter().map(|wrong| format!("after the kill of life {life}: {wrong}")));
        Ok(())
    }

    /// Whether of a fault that was turned on was found what must be.
    fn is_proved(&self) -> bool {
        self.fault.as_ref().is_some_and(|(_, expected)| self.found.iter().any(|found| found.contains(expected)))
    }

    /// `chancery init`, killed once and run again.
    async fn initialise(&mut self, cycle: &mut Cycle, report: &mut Report) -> Result<String> {
        let point = cycle.next_at_init();
        report.runs += 1;
        match server::init(&self.place, Some(point)).await? {
            Initialised::Token(token) => {
                report.not_reached += 1;
                return Ok(token);
            }
            Initialised::Killed => report.hit(point),
            Initialised::Failed(why) => bail!("init failed: {why}"),
        }
        match server::init(&self.place, None).await? {
            Initialised::Token(token) => Ok(token),
            Initialised::Failed(why) => bail!("after a kill at {point} init fails: {why}"),
            Initialised::Killed => bail!("init was killed without a kill point"),
        }
    }

    /// One life, from the first request to the kill.
    async fn life(
        &mut self,
        clients: Vec<Client>,
        life: u32,
        mut server: Server,
        http: Http,
        point: Option<&'static str>,
        report: &mut Report,
    ) -> Result<Vec<Client>> {
        let stop = Arc::new(AtomicBool::new(false));
        let members = logs::members(&clients);
        let logs = tokio::spawn(logs::watch(http.clone(), members, Arc::clone(&stop), Arc::clone(&self.checkpoints)));
        let tasks: Vec<_> = clients.into_iter().map(|client| tokio::spawn(client.live(http.clone(), life, Arc::clone(&stop)))).collect();
        let watcher = tokio::spawn(watch(http, self.lists.clone(), Arc::clone(&stop), std::mem::take(&mut self.seen)));
        match point {
            None => {
                tokio::time::sleep(Duration::from_millis(30 + u64::try_from(self.chance.below(500))?)).await;
                server.kill().await?;
                report.at_random += 1;
            }
            Some(point) => match server.ends_within(PATIENCE).await? {
                Some(true) => report.hit(point),
                Some(false) => self.found.push(format!("in life {life} the server ended by itself: {}", server.said())),
                None => {
                    server.kill().await?;
                    report.not_reached += 1;
                }
            },
        }
        stop.store(true, Ordering::Relaxed);
        let mut clients = Vec::new();
        for task in tasks {
            clients.push(task.await??);
        }
        let (seen, wrong) = watcher.await?;
        self.seen = seen;
        self.found.extend(wrong);
        self.found.extend(logs.await?);
        Ok(clients)
    }

    /// The last life: everything open is answered, then an orderly end.
    async fn settle(&mut self, clients: &mut [Client]) -> Result<()> {
        let server = match Server::start(&self.place, None, self.fault.map(|(fault, _)| fault)).await? {
            Started::Up(server) => server,
            Started::Killed => bail!("killed without a kill point"),
            Started::Failed(why) => {
                self.found.push(format!("the server does not start for its last life: {why}"));
                return Ok(());
            }
        };
        let http = Http { client: reqwest::Client::new(), url: server.url.clone() };
        for client in clients.iter_mut() {
            client.settle(&http).await;
            client.repeat(&http).await;
            let open = client.journal.iter().filter(|entry| entry.answer.is_none());
            self.found.extend(open.map(|entry| format!("never answered, with the server up: {}", entry.shown())));
        }
        self.found.extend(server.stop().await?);
        Ok(())
    }
}

/// Fetches CRLs as anybody does, until told to stop.
pub(crate) async fn watch(http: Http, lists: Lists, stop: Arc<AtomicBool>, mut seen: Seen) -> (Seen, Vec<String>) {
    let mut wrong = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let paths: Vec<_> = lists.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        for path in paths {
            wrong.extend(look(&http, &path, &mut seen).await.err());
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    (seen, wrong)
}

/// Fetches one CRL, if it is there, and compares it with what its number stood for before.
pub(crate) async fn look(http: &Http, path: &str, seen: &mut Seen) -> Result<Option<chancery_x509::Crl>, String> {
    let Some((status, der)) = whole_answer(http.client.get(format!("{}{path}", http.url))).await else { return Ok(None) };
    if is_defect(status) {
        return Err(format!("a defect was answered: {status} {} for {path}", String::from_utf8_lossy(&der)));
    }
    if status != 200 {
        return Ok(None);
    }
    let crl = chancery_x509::Crl::from_der(&der).map_err(|error| format!("{path} is no CRL: {error}"))?;
    let newest = seen.keys().filter(|(known, _)| known == path).map(|(_, number)| *number).max().unwrap_or(0);
    if crl.number() < newest {
        return Err(format!("{path} went back from CRL number {newest} to {}", crl.number()));
    }
    let (first, _) = seen.entry((path.to_owned(), crl.number())).or_insert_with(|| (der.clone(), moment()));
    if *first != der {
        return Err(format!("{path}: CRL number {} stands for two lists", crl.number()));
    }
    Ok(Some(crl))
}
