//! A client over real HTTP: it acts until the server dies, and when it is back sends again what was not answered.

use crate::act::Act;
use crate::choose::Standing;
use crate::customer::Customer;
use crate::journal::Entry;
use crate::power::moment;
use crate::setup::SETUP;
use anyhow::Result;
use chancery_testkit::chance::Chance;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client's tenant is.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) issuer: String,
}

impl Tenant {
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/tenants/{}{rest}", self.id)
    }
}

/// Paths of the CRLs that certificates named.
pub(crate) type Lists = Arc<Mutex<BTreeSet<String>>>;

/// A connection to the server in one of its lives.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) url: String,
}

/// A client and its journal.
pub(crate) struct Client {
    pub(crate) name: String,
    /// None for the operator.
    pub(crate) tenant: Option<Tenant>,
    pub(crate) token: String,
    pub(crate) journal: Vec<Entry>,
    /// What was answered otherwise than it may be.
    pub(crate) wrong: Vec<String>,
    pub(crate) repeated: usize,
    born: usize,
    pub(crate) chance: Chance,
    pub(crate) lists: Lists,
    pub(crate) standing: Standing,
    pub(crate) customer: Customer,
}

impl Client {
    pub(crate) fn new(name: String, tenant: Option<Tenant>, token: String, chance: Chance, lists: Lists) -> Self {
        let (journal, wrong, standing, customer) = Default::default();
        Self { name, tenant, token, journal, wrong, repeated: 0, born: moment(), chance, lists, standing, customer }
    }

    /// How many steps of the disk were recorded when its token was there.
    pub(crate) const fn born(&self) -> usize {
        self.born
    }

    /// The client as it stood at that moment; none where it had no token yet.
    pub(crate) fn at(&self, moment: usize, chance: Chance) -> Option<Self> {
        let mut then = Self::new(self.name.clone(), self.tenant.clone(), self.token.clone(), chance, Lists::default());
        for entry in self.journal.iter().filter_map(|entry| entry.at(moment)) {
            then.standing.spend(&entry);
            // The tenants of the set-up have their admins: nobody else is invited there.
            if entry.done() && !entry.key.starts_with(SETUP) {
                then.learn(&entry);
            }
            then.journal.push(entry);
        }
        (self.born <= moment).then_some(then)
    }

    /// Goes on with so many new acts, and asks for what is still open.
    pub(crate) async fn go_on(&mut self, acts: usize, http: &Http) -> Result<()> {
        self.settle(http).await;
        self.repeat(http).await;
        for _ in 0..acts {
            let first = self.journal.len();
            let chosen = self.choose(1)?;
            self.journal.extend(chosen);
            self.send_from(first, http).await;
        }
        let open = self.journal.iter().filter(|entry| entry.answer.is_none());
        self.wrong.extend(open.map(|entry| format!("never answered, with the server up: {}", entry.shown())).collect::<Vec<_>>());
        Ok(())
    }

    /// One life of the server: what is open first, then a few repeats, then new acts until it dies or `stop` is set.
    pub(crate) async fn live(mut self, http: Http, life: u32, stop: Arc<AtomicBool>) -> Result<Self> {
        if self.settle(&http).await && self.repeat(&http).await {
            while !stop.load(Ordering::Relaxed) {
                let first = self.journal.len();
                let chosen = self.choose(life)?;
                self.journal.extend(chosen);
                if !self.send_from(first, &http).await {
                    break;
                }
            }
        }
        Ok(self)
    }

    /// Sends again what was not answered, oldest first; false when the server died.
    pub(crate) async fn settle(&mut self, http: &Http) -> bool {
        for at in 0..self.journal.len() {
            if self.journal.get(at).is_some_and(|entry| entry.answer.is_none()) && !self.send(at, http).await {
                return false;
            }
        }
        true
    }

    /// Sends some answered requests once more, which must be answered as before; false when the server died.
    pub(crate) async fn repeat(&mut self, http: &Http) -> bool {
        for _ in 0..3 {
            let at = self.chance.below(self.journal.len());
            let Some(entry) = self.journal.get(at).filter(|entry| entry.done() && entry.act.repeats_alike()).cloned() else { continue };
            if entry.made().iter().any(|made| self.standing.removed.contains(*made)) {
                continue;
            }
            match request(http, &self.token, &entry).await {
                None => return false,
                Some((status, body)) if is_defect(status) => self.wrong.push(defect(status, &body, &entry)),
                Some((429 | 503, _)) => {}
                Some((status, body)) => {
                    let again = Entry { answer: Some((status, body)), ..entry.clone() };
                    let done = |entry: &Entry| -> Vec<_> {
                        entry.deeds().iter().map(|deed| (deed.event().to_owned(), deed.subject.to_owned())).collect()
                    };
                    // A signature is the very same, not another one of the same document.
                    let signed = |entry: &Entry| entry.answered()["documents"].clone();
                    let alike = |entry: &Entry| (entry.answer.as_ref().map(|(status, _)| *status), done(entry), signed(entry));
                    if alike(&again) != alike(&entry) {
                        self.wrong.push(format!("a repeat was answered otherwise: {}; again: {}", entry.shown(), again.shown()));
                    }
                    self.repeated += 1;
                }
            }
        }
        true
    }

    /// Sends the last entries, all at once; false when the server died.
    async fn send_from(&mut self, first: usize, http: &Http) -> bool {
        let (token, asked) = (&self.token, self.journal.get(first..).unwrap_or_default());
        let answers = futures_util::future::join_all(asked.iter().map(|entry| request(http, token, entry))).await;
        let mut lives = true;
        for (at, answer) in (first..).zip(answers) {
            lives &= answer.is_some();
            self.note(at, answer);
        }
        // What was answered with "not now" is asked again.
        lives && self.settle(http).await
    }

    async fn send(&mut self, at: usize, http: &Http) -> bool {
        for _ in 0..40 {
            let Some(entry) = self.journal.get(at) else { return true };
            let answer = request(http, &self.token, entry).await;
            let lives = answer.is_some();
            self.note(at, answer);
            if !lives || self.journal.get(at).is_some_and(|entry| entry.answer.is_some()) {
                return lives;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        true
    }

    /// Writes an answer into the journal. 5xx leaves the outcome open; 429 is asked again.
    fn note(&mut self, at: usize, answer: Option<(u16, Value)>) {
        let Some(entry) = self.journal.get_mut(at) else { return };
        entry.sent += 1;
        if let Some((status, body)) = &answer
            && is_defect(*status)
        {
            self.wrong.push(defect(*status, body, entry));
        }
        let now = |(status, body): &(u16, Value)| *status < 500 && *status != 429 && !some_not_now(body);
        let Some((status, body)) = answer.filter(now) else { return };
        entry.answer = Some((status, body));
        entry.told = moment();
        let entry = entry.clone();
        // Of two who revoke one certificate one is too late; a change that was made before its answer was lost is made.
        let fits = entry.done() && !entry.fell_short()
            || matches!((entry.act, status), (Act::Revoke, 409))
            || entry.act == Act::ProfileChange && status == 412 && entry.sent > 1;
        if !fits {
            self.wrong.push(format!("an answer that nobody expects: {} {}", entry.shown(), entry.answered()));
            return;
        }
        self.learn(&entry);
    }
}

/// Whether the server is at fault, and does not just ask to come again.
pub(crate) const fn is_defect(status: u16) -> bool {
    status >= 500 && status != 503
}

fn defect(status: u16, body: &Value, entry: &Entry) -> String {
    format!("a defect was answered: {status} {body} to {}", entry.shown())
}

/// Whether an item of a request that names many is to be asked for again.
fn some_not_now(body: &Value) -> bool {
    body["items"].as_array().is_some_and(|items| items.iter().any(|item| item["problem"]["status"] == 503))
}

/// Sends one request; `None` when no whole answer came.
pub(crate) async fn request(http: &Http, token: &str, entry: &Entry) -> Option<(u16, Value)> {
    let method = if entry.method == "PUT" { reqwest::Method::PUT } else { reqwest::Method::POST };
    let mut request = http.client.request(method, format!("{}{}", http.url, entry.path)).bearer_auth(token).json(&entry.body);
    request = match entry.if_match {
        Some(version) => request.header("if-match", format!("\"{version}\"")),
        None => request.header("idempotency-key", &entry.key),
    };
    answer(request).await
}

/// Reads something; `None` when no whole answer came.
pub(crate) async fn get(http: &Http, token: &str, path: &str) -> Option<(u16, Value)> {
    answer(http.client.get(format!("{}{path}", http.url)).bearer_auth(token)).await
}

/// No answer takes longer: the store's own patience is 20 s.
const LONGEST: Duration = Duration::from_secs(60);

async fn answer(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let (status, body) = whole_answer(request).await?;
    Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// Status and body; `None` when no whole answer came. What is to be asked again and does not say when is as bad as a defect: 500.
pub(crate) async fn whole_answer(request: reqwest::RequestBuilder) -> Option<(u16, Vec<u8>)> {
    // Once a run stood still here for good, the server long killed and no connection left.
    let response = request.timeout(LONGEST).send().await.ok()?;
    let status = response.status().as_u16();
    if matches!(status, 429 | 503) && !response.headers().contains_key("retry-after") {
        return Some((500, format!("\"{status} without Retry-After\"").into_bytes()));
    }
    Some((status, response.bytes().await.ok()?.to_vec()))
}
