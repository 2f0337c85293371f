//! A client over real HTTP: it acts until the server dies, and when it is back sends again what was not answered.

use crate::act::Act;
use crate::journal::Entry;
use crate::power::moment;
use crate::setup::SETUP;
use chancery_testkit::chance::Chance;
use chancery_testkit::csr::csr;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a client's tenant is.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) issuer: String,
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
    chance: Chance,
    lists: Lists,
    /// Certificates that nobody renewed or revoked yet.
    open: Vec<String>,
    /// Those with a key to be fetched, and to be acknowledged.
    keys: Vec<String>,
    fetched: Vec<String>,
    accounts: Vec<String>,
    /// Profiles with their versions.
    profiles: Vec<(String, i64)>,
    tenants: Vec<String>,
}

impl Client {
    pub(crate) fn new(name: String, tenant: Option<Tenant>, token: String, chance: Chance, lists: Lists) -> Self {
        let (journal, wrong, open, keys, fetched, accounts, profiles, tenants) = Default::default();
        let born = moment();
        Self { name, tenant, token, journal, wrong, repeated: 0, born, chance, lists, open, keys, fetched, accounts, profiles, tenants }
    }

    /// How many steps of the disk were recorded when its token was there.
    pub(crate) const fn born(&self) -> usize {
        self.born
    }

    /// The client as it stood at that moment; none where it had no token yet.
    pub(crate) fn at(&self, moment: usize, chance: Chance) -> Option<Self> {
        let mut then = Self::new(self.name.clone(), self.tenant.clone(), self.token.clone(), chance, Lists::default());
        for entry in self.journal.iter().filter_map(|entry| entry.at(moment)) {
            for taken in [&mut then.open, &mut then.keys, &mut then.fetched, &mut then.tenants] {
                taken.retain(|id| *id != entry.target);
            }
            // The tenants of the set-up have their admins: nobody else is invited there.
            if entry.done() && !entry.key.starts_with(SETUP) {
                then.learn(&entry);
            }
            then.journal.push(entry);
        }
        (self.born <= moment).then_some(then)
    }

    /// Goes on with so many new acts, and asks for what is still open.
    pub(crate) async fn go_on(&mut self, acts: usize, http: &Http) {
        self.settle(http).await;
        self.repeat(http).await;
        for _ in 0..acts {
            let first = self.journal.len();
            let chosen = self.choose(1);
            self.journal.extend(chosen);
            self.send_from(first, http).await;
        }
        let open = self.journal.iter().filter(|entry| entry.answer.is_none());
        self.wrong.extend(open.map(|entry| format!("never answered, with the server up: {}", entry.shown())).collect::<Vec<_>>());
    }

    /// One life of the server: what is open first, then a few repeats, then new acts until it dies or `stop` is set.
    pub(crate) async fn live(mut self, http: Http, life: u32, stop: Arc<AtomicBool>) -> Self {
        if self.settle(&http).await && self.repeat(&http).await {
            while !stop.load(Ordering::Relaxed) {
                let first = self.journal.len();
                for entry in self.choose(life) {
                    self.journal.push(entry);
                }
                if !self.send_from(first, &http).await {
                    break;
                }
            }
        }
        self
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
            match request(http, &self.token, &entry).await {
                None => return false,
                Some((status, _)) if status >= 500 => {}
                Some((status, body)) => {
                    let again = Entry { answer: Some((status, body)), ..entry.clone() };
                    let alike = |entry: &Entry| {
                        (entry.answer.as_ref().map(|(status, _)| *status), entry.event().to_owned(), entry.subject().to_owned())
                    };
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

    /// Writes an answer into the journal. 5xx leaves the outcome open.
    fn note(&mut self, at: usize, answer: Option<(u16, Value)>) {
        let Some(entry) = self.journal.get_mut(at) else { return };
        entry.sent += 1;
        let Some((status, body)) = answer.filter(|(status, _)| *status < 500) else { return };
        entry.answer = Some((status, body));
        entry.told = moment();
        let entry = entry.clone();
        // Of two who revoke one certificate one is too late; a change that was made before its answer was lost is made.
        let fits = entry.done()
            || matches!((entry.act, status), (Act::Revoke, 409))
            || entry.act == Act::ProfileChange && status == 412 && entry.sent > 1;
        if !fits {
            self.wrong.push(format!("an answer that nobody expects: {} {}", entry.shown(), entry.answered()));
            return;
        }
        self.learn(&entry);
    }

    fn learn(&mut self, entry: &Entry) {
        let subject = entry.subject().to_owned();
        match entry.act {
            Act::Issue | Act::Renew => {
                if entry.answered()["custody"] == "software-release-once" {
                    self.keys.push(subject.clone());
                }
                if let Some((_, path)) = entry.answered()["crl_url"].as_str().and_then(|url| url.split_once("/pki/")) {
                    self.lists.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("/pki/{path}"));
                }
                self.open.push(subject);
            }
            // Fetched twice at once, it is acknowledged once.
            Act::Fetch if self.fetched.contains(&subject) => {}
            Act::Fetch => self.fetched.push(subject),
            Act::Account => self.accounts.push(subject),
            Act::ProfileCreate => self.profiles.push((entry.target.clone(), 1)),
            Act::ProfileChange => {
                let name = entry.target.split('/').next().unwrap_or_default();
                self.profiles.iter_mut().filter(|(known, _)| known == name).for_each(|(_, version)| *version += 1);
            }
            Act::Tenant => self.tenants.push(subject),
            Act::Revoke | Act::Acknowledge | Act::Token | Act::Issuer | Act::Invite => {}
        }
    }

    /// The next act, or two of one certificate at once.
    fn choose(&mut self, life: u32) -> Vec<Entry> {
        let Some(tenant) = self.tenant.clone() else { return vec![self.choose_for_operator(life)] };
        let number = self.journal.len();
        let host = format!("{}-{number}.{}.example", self.name, tenant.slug);
        let own = |rest: &str| format!("/v1/tenants/{}{rest}", tenant.id);
        let issue = |csr: Option<String>| {
            let mut body = json!({"profile": "tls-server", "issuer": tenant.issuer, "names": [host]});
            if let Some(csr) = csr {
                body["csr"] = csr.into();
            }
            (Act::Issue, String::new(), own("/certificates"), body)
        };
        let (act, target, path, body) = match self.chance.below(100) {
            0..20 => issue(None),
            20..32 => match take(&mut self.open, &mut self.chance) {
                Some(id) => (Act::Renew, id.clone(), own(&format!("/certificates/{id}/renew")), json!({})),
                None => issue(None),
            },
            32..52 => match take(&mut self.open, &mut self.chance) {
                Some(id) => (Act::Revoke, id.clone(), own(&format!("/certificates/{id}/revoke")), json!({"reason": "superseded"})),
                None => issue(None),
            },
            52..60 => match take(&mut self.keys, &mut self.chance) {
                Some(id) => (Act::Fetch, id.clone(), own(&format!("/certificates/{id}/private-key/fetch")), json!({})),
                None => issue(None),
            },
            60..66 => match take(&mut self.fetched, &mut self.chance) {
                Some(id) => (Act::Acknowledge, id.clone(), own(&format!("/certificates/{id}/private-key/acknowledge")), json!({})),
                None => issue(None),
            },
            66..70 => (Act::Account, String::new(), own("/accounts"), json!({"name": host, "roles": ["viewer"]})),
            70..74 if !self.accounts.is_empty() => {
                let id = self.accounts.get(self.chance.below(self.accounts.len())).cloned().unwrap_or_default();
                (Act::Token, id.clone(), own(&format!("/accounts/{id}/tokens")), json!({}))
            }
            74..79 => return vec![self.choose_profile(&tenant, life)],
            79..81 => {
                let names = [format!("dns:*.{}.example", tenant.slug)];
                (Act::Issuer, String::new(), own("/issuers"), json!({"name": format!("{}-{number}", self.name), "permitted_names": names}))
            }
            _ => issue(Some(csr(&[&host], false).pem)),
        };
        let entry = self.entry(act, target, path, body, life);
        if matches!(act, Act::Revoke | Act::Fetch) && self.chance.below(2) == 0 {
            let twin = Entry { key: format!("{}-twin", entry.key), ..entry.clone() };
            return vec![entry, twin];
        }
        vec![entry]
    }

    fn choose_for_operator(&mut self, life: u32) -> Entry {
        if self.chance.below(3) == 0
            && let Some(id) = take(&mut self.tenants, &mut self.chance)
        {
            let path = format!("/v1/platform/tenants/{id}/invite");
            return self.entry(Act::Invite, id, path, json!({}), life);
        }
        let slug = format!("made-{}", self.journal.len());
        self.entry(Act::Tenant, String::new(), "/v1/platform/tenants".to_owned(), json!({"slug": slug}), life)
    }

    fn choose_profile(&mut self, tenant: &Tenant, life: u32) -> Entry {
        let standing = self.profiles.get(self.chance.below(self.profiles.len())).cloned().filter(|_| self.profiles.len() > 1);
        let name = standing.as_ref().map_or_else(|| format!("{}-{}", self.name, self.journal.len()), |(name, _)| name.clone());
        let body = json!({
            "name": name, "description": format!("number {}", self.journal.len()), "key_algorithms": ["ec-p256"],
            "names": ["dns:*"], "wildcards": false, "max_names": 3, "extended_key_usage": ["server-auth"], "common_name": "never",
            "default_validity_seconds": 86400, "max_validity_seconds": 86400, "custody": ["client"], "renewal_window_percent": 33
        });
        let path = format!("/v1/tenants/{}/profiles", tenant.id);
        match standing {
            None => self.entry(Act::ProfileCreate, name, path, body, life),
            Some((_, version)) => {
                let entry = self.entry(Act::ProfileChange, format!("{name}/{}", version + 1), format!("{path}/{name}"), body, life);
                Entry { method: "PUT", if_match: Some(version), ..entry }
            }
        }
    }

    fn entry(&self, act: Act, target: String, path: String, body: Value, life: u32) -> Entry {
        let key = format!("{}-{}", self.name, self.journal.len());
        Entry { act, target, method: "POST", path, body, key, if_match: None, life, sent: 0, asked: moment(), told: 0, answer: None }
    }
}

fn take(from: &mut Vec<String>, chance: &mut Chance) -> Option<String> {
    let at = chance.below(from.len());
    (!from.is_empty()).then(|| from.swap_remove(at))
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

async fn answer(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let body = response.bytes().await.ok()?;
    Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}
