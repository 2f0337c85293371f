//! A client: it asks, asks again under the same key until it is told, and keeps a journal of what it was told.

use crate::act::{Act, Done, Parts};
use crate::node::Node;
use crate::sim::Sim;
use chancery_app::{Failure, Once};
use chancery_domain::TenantId;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What all clients of a world share.
pub(crate) struct World {
    pub(crate) sim: Arc<Sim>,
    pub(crate) nodes: [Node; 2],
    pub(crate) journal: RefCell<Vec<Entry>>,
    pub(crate) found: RefCell<Option<String>>,
}

/// A part of a request, and the answer that ended it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) realm: TenantId,
    pub(crate) act: Act,
    pub(crate) key: String,
    pub(crate) answer: Result<Done, String>,
}

/// Who asks: a token, and a name for the trace.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) world: Rc<World>,
    pub(crate) name: String,
    pub(crate) realm: TenantId,
    pub(crate) token: String,
}

impl World {
    /// The first thing that is wrong ends the world.
    pub(crate) fn finds(&self, what: String) {
        self.found.borrow_mut().get_or_insert(what);
    }

    pub(crate) async fn pause(&self, most: usize) {
        tokio::time::sleep(Duration::from_millis(u64::try_from(self.sim.below(most)).unwrap_or(0))).await;
    }
}

/// Whether this answer means: not now.
pub(crate) const fn not_now(failure: &Failure) -> bool {
    matches!(failure, Failure::Unavailable(_) | Failure::Busy | Failure::Crowded | Failure::Suspended)
}

/// Whether an answer is one that a sound server gives to these clients.
fn is_expected(act: &Act, failure: &Failure) -> bool {
    match failure {
        Failure::Conflict(_) | Failure::LimitReached(_) | Failure::Changed => true,
        // The date of a retirement may have passed before the request was answered.
        Failure::Invalid { .. } => matches!(act, Act::Roll(_, Some(_))),
        Failure::Gone(_) => matches!(act, Act::Fetch(_) | Act::Acknowledge(_)),
        // A client's key was certified for other names, or is compromised.
        Failure::Refused(reasons) => {
            let codes: &[&str] = match act {
                Act::Csr { .. } => &["key-reuse", "key-compromised"],
                Act::Renew(_) | Act::RenewEach(_) => &["key-compromised"],
                Act::Sign(..) => &["issuer-retired"],
                _ => &[],
            };
            reasons.iter().all(|reason| codes.contains(&reason.code.as_str()))
        }
        _ => false,
    }
}

impl Client {
    /// Asks once, of either node.
    async fn ask_once(&self, act: &Act, key: &str) -> Option<Result<Parts, Failure>> {
        let node = &self.world.nodes[self.world.sim.below(2)];
        let (token, act, key) = (self.token.clone(), act.clone(), key.to_owned());
        node.ask(move |service| async move {
            let caller = service.admit(service.authenticate(&token, service.request_id()).await?).await?;
            let once = Once::new(&key, "simulated", format!("{act:?}").as_bytes());
            act.ask(&service, &caller.once(Some(once))).await
        })
        .await
    }

    /// Asks until every part is answered for good.
    async fn ask(&self, act: &Act, key: &str) -> Result<Parts, Failure> {
        let mut sent = 0;
        loop {
            sent += 1;
            let answer = self.ask_once(act, key).await;
            self.world.sim.note(|| format!("{} asked {act:?} ({key}, {sent}): {answer:?}", self.name));
            match answer {
                Some(Ok(parts)) if !parts.iter().any(|part| part.as_ref().is_err_and(not_now)) => return Ok(parts),
                Some(Err(failure)) if !not_now(&failure) => return Err(failure),
                _ => self.world.pause(1500).await,
            }
        }
    }

    /// Asks until every part is answered for good, and notes the answers; those that were done.
    pub(crate) async fn perform(&self, act: Act, key: &str) -> Vec<Done> {
        let parts = self.ask(&act, key).await.unwrap_or_else(|failure| vec![Err(failure)]);
        let mut done = Vec::new();
        for part in parts {
            if let Err(failure) = part.as_ref()
                && !is_expected(&act, failure)
            {
                self.world.finds(format!("an answer that nobody expects: {act:?} under {key}: {failure:?}"));
            }
            let answer = part.map_err(|failure| failure.to_string());
            done.extend(answer.clone().ok());
            let (act, key) = (act.clone(), key.to_owned());
            self.world.journal.borrow_mut().push(Entry { realm: self.realm, act, key, answer });
        }
        done
    }

    /// Sends what was done once more: it must be answered as before. A part that was refused may be done now, for only what was done is
    /// remembered: that is noted.
    pub(crate) async fn repeat(&self, entry: &Entry) {
        if entry.answer.is_err() {
            return;
        }
        let Ok(parts) = self.ask(&entry.act, &entry.key).await else { return };
        let mut journal = self.world.journal.borrow_mut();
        let before = journal.iter_mut().filter(|before| before.key == entry.key && before.realm == entry.realm);
        for (before, part) in before.zip(parts) {
            match (&before.answer, part) {
                (Ok(done), Ok(again)) if again.event == done.event && again.subject == done.subject && again.leaf == done.leaf => {}
                (Err(_), Ok(done)) => before.answer = Ok(done),
                (Err(_), Err(_)) => {}
                (Ok(_), part) => self.world.finds(format!("a repeat was answered otherwise: {before:?}; again: {part:?}")),
            }
        }
    }

    /// Shows a token that must not hold any more to both nodes.
    pub(crate) async fn is_refused(&self, token: &str, by: fn(&Failure) -> bool, what: &str) {
        for node in &self.world.nodes {
            let token = token.to_owned();
            let answer = node.ask(move |service| async move { service.authenticate(&token, service.request_id()).await.map(drop) }).await;
            self.world.sim.note(|| format!("{} shows a token of {what}: {answer:?}", self.name));
            match answer {
                None | Some(Err(Failure::Unavailable(_))) => {}
                Some(Err(failure)) if by(&failure) => {}
                Some(answer) => self.world.finds(format!("{what}, acknowledged 5 s ago, and a token was answered {answer:?}")),
            }
        }
    }
}
