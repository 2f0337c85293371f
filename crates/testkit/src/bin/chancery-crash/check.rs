//! The comparison: journals against the API, the log, the lists of revocations, and the tables below.

mod below;
mod count;
mod killed;
mod lists;

use crate::act::Act;
use crate::client::{Client, Http, get};
use crate::database::Place;
use crate::journal::Entry;
use crate::world::Seen;
use anyhow::{Context, Result};
use chancery::archive::Folders;
use chancery::system::{SystemClock, SystemEntropy};
use chancery::{Server, Start};
use chancery_app::Ports;
use chancery_domain::port::Clock;
use chancery_domain::{TenantId, Timestamp};
use chancery_testkit::Engine;
pub(crate) use killed::killed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The leases of jobs that died with their worker are over after this time.
const AHEAD: Duration = Duration::from_secs(180);

/// The system's clock, ahead by [`AHEAD`].
struct Ahead(SystemClock);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now().after(AHEAD)
    }
    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

/// A realm, what clients asked of it, and its log.
struct Realm<'a> {
    id: String,
    token: &'a str,
    entries: Vec<&'a Entry>,
    events: Vec<Value>,
}

/// What clients asked of each realm; its log is still to be read.
fn realms(clients: &[Client]) -> Vec<Realm<'_>> {
    let id = |client: &Client| client.tenant.as_ref().map_or_else(|| TenantId::PLATFORM.to_string(), |tenant| tenant.id.clone());
    let tokens: BTreeMap<_, _> = clients.iter().map(|client| (id(client), client.token.as_str())).collect();
    let entries = |token: &str| clients.iter().filter(|client| client.token == token).flat_map(|client| &client.journal).collect();
    tokens.into_iter().map(|(id, token)| Realm { id, token, entries: entries(token), events: Vec::new() }).collect()
}

/// Does the jobs that are left, and compares; what is wrong, in words.
pub(crate) async fn world(engine: Engine, place: &Place, clients: &[Client], seen: &mut Seen) -> Result<Vec<String>> {
    let config = place.config();
    let server = Server::bind(&config).await?;
    let http = Http { client: reqwest::Client::new(), url: server.url() };
    let ports = Ports { clock: Arc::new(Ahead(SystemClock::new())), entropy: Arc::new(SystemEntropy), archives: Arc::new(Folders::none()) };
    let service = chancery::open_with(&config, server.address(), Start::Again, ports).await?;
    service.work_until_idle().await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(service.clone(), async move { drop(stopped.await) }));

    let mut found = Vec::new();
    let mut realms = realms(clients);
    for realm in &mut realms {
        realm.events = log(&http, realm.token, &realm.id).await?;
    }
    for realm in &realms {
        found.extend(acts(realm));
        found.extend(fetches(realm));
        found.extend(lists::lists(realm, &http, seen).await);
    }
    found.extend(lists::serials(&realms));
    // Reading unwrapped keys, which are events that get their places, too.
    service.work_until_idle().await?;
    drop(stop);
    serving.await??;
    found.extend(below::all(engine, place, &realms).await?);
    Ok(found)
}

/// The realm's whole log; reading it checks each event against its leaf hash.
async fn log(http: &Http, token: &str, realm: &str) -> Result<Vec<Value>> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/tenants/{realm}/events?limit=200{cursor}");
        let (status, page) = get(http, token, &path).await.context("the log was not answered")?;
        anyhow::ensure!(status == 200, "the log of {realm} cannot be read: {page}");
        events.extend(page["items"].as_array().into_iter().flatten().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(events),
        }
    }
}

/// Whether the entry's act was done: a change of a profile may have been done and its answer lost.
fn happened(entry: &Entry) -> bool {
    entry.done() || entry.act == Act::ProfileChange && entry.answer.as_ref().is_some_and(|(status, _)| *status == 412)
}

/// Each act that happened has exactly one event, and each event an act; acknowledged ones have the event that was named.
fn acts(realm: &Realm<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let by_id: BTreeMap<&str, &Value> = realm.events.iter().filter_map(|entry| Some((entry["id"].as_str()?, &entry["event"]))).collect();
    for entry in &realm.entries {
        for deed in entry.deeds() {
            match by_id.get(deed.event()) {
                None => found.push(format!("acknowledged, and its event is not in the log: {}", entry.shown())),
                Some(event) if event["act"] != deed.act.event() || deed.act.subject(event) != deed.subject => {
                    found.push(format!("the event that was named is another act's: {} {event}", entry.shown()));
                }
                Some(_) => {}
            }
        }
    }
    for act in Act::ALL.iter().filter(|act| !act.is_fetch()) {
        // A tenant's own log tells of its making too, by the platform, without a subject.
        let events = realm
            .events
            .iter()
            .map(|entry| &entry["event"])
            .filter(|event| event["act"] == act.event() && event["actor"]["kind"] == "account");
        let mut open: BTreeMap<String, i64> = BTreeMap::new();
        events.for_each(|event| *open.entry(act.subject(event)).or_default() += 1);
        for entry in realm.entries.iter().filter(|entry| entry.act == *act && happened(entry)) {
            if !entry.done() {
                *open.entry(entry.target.clone()).or_default() -= 1;
            }
            for deed in entry.deeds() {
                *open.entry(deed.subject.to_owned()).or_default() -= 1;
            }
        }
        for (subject, left) in open.iter().filter(|(_, left)| **left != 0) {
            let (number, what) = (left.abs(), if *left > 0 { "too many" } else { "missing" });
            found.push(format!("{number} events of {act:?} {subject} {what} in {}", realm.id));
        }
    }
    found
}

/// Fetches are counted: at least those that were answered, at most those that were sent, and each number once.
fn fetches(realm: &Realm<'_>) -> Vec<String> {
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for entry in realm.entries.iter().filter(|entry| entry.act.is_fetch()) {
        let sum = sums.entry(&entry.target).or_default();
        *sum = (sum.0 + usize::from(entry.done()), sum.1 + usize::try_from(entry.sent).unwrap_or(0));
    }
    let mut found = Vec::new();
    for (certificate, (answered, sent)) in sums {
        let of_it = realm
            .events
            .iter()
            .map(|entry| &entry["event"])
            .filter(|event| event["act"] == Act::Fetch.event() && event["detail"]["certificate"] == certificate);
        let mut numbers: Vec<_> = of_it.filter_map(|event| event["detail"]["fetch"].as_i64()).collect();
        numbers.sort_unstable();
        let counted = numbers.iter().zip(1..).all(|(number, expected)| *number == expected);
        if !counted || numbers.len() < answered || numbers.len() > sent {
            found.push(format!("the key of {certificate} was fetched {answered} times of {sent} asked, and the log counts {numbers:?}"));
        }
    }
    found
}
