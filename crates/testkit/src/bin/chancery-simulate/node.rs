//! A node: one process's service over the common store, with a clock of its own; it crashes and comes back.

use crate::keyring::MemoryKeyring;
use crate::schedule::Spawner;
use crate::sim::{NodeClock, Sim};
use chancery::archive::Folders;
use chancery_app::{Chancery, Ports, Settings};
use chancery_keys::{RootKey, SoftwareProvider};
use chancery_store::sqlite::simulation::SimulatedFiles;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How many live certificates a tenant may have: few, so that some are refused.
pub(crate) const CERTIFICATE_LIMIT: i64 = 12;
/// A request ends after this time, answered or not.
const REQUEST: Duration = Duration::from_secs(30);

/// What outlives the nodes.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) sim: Arc<Sim>,
    pub(crate) files: Arc<SimulatedFiles>,
    pub(crate) keyring: Arc<MemoryKeyring>,
    pub(crate) spawner: Spawner,
    /// Lives of nodes so far.
    pub(crate) lives: Rc<Cell<u32>>,
}

pub(crate) struct Node {
    name: char,
    ground: Ground,
    clock: Arc<NodeClock>,
    life: Cell<u32>,
    service: RefCell<Option<Chancery>>,
}

impl Node {
    /// A node that is down.
    pub(crate) fn new(name: char, ground: Ground, wrong: i64, origin: u64) -> Self {
        let clock = Arc::new(NodeClock::new(Arc::clone(&ground.sim), wrong, origin));
        Self { name, ground, clock, life: Cell::new(0), service: RefCell::default() }
    }

    pub(crate) fn service(&self) -> Option<Chancery> {
        self.service.borrow().clone()
    }

    /// Starts its service, without the worker.
    pub(crate) async fn start(&self) {
        let sim = &self.ground.sim;
        let provider = loop {
            // Always the same: what it guards is in the one keyring.
            let Ok(root) = RootKey::from_hex(&"5e".repeat(32)) else { continue };
            if let Ok(provider) = SoftwareProvider::open(root, self.ground.keyring.clone(), sim.clone()).await {
                break provider;
            }
        };
        let settings =
            Settings { public_url: "http://pki.chancery.example".to_owned(), certificate_limit: CERTIFICATE_LIMIT, witnesses: None };
        let ports = Ports { clock: self.clock.clone(), entropy: sim.clone(), archives: Arc::new(Folders::none()) };
        let store = self.ground.files.store(self.clock.clone());
        *self.service.borrow_mut() = Some(Chancery::new(store, Arc::new(provider), ports, settings));
        self.ground.lives.set(self.ground.lives.get() + 1);
        self.life.set(self.ground.lives.get());
        sim.note(|| format!("node {} starts its life {}", self.name, self.life.get()));
    }

    /// Takes up sagas and works, as the server does.
    pub(crate) fn work(&self) {
        let Some(service) = self.service() else { return };
        self.ground.spawner.spawn(Some(self.life.get()), async move {
            while service.resume_sagas().await.is_err() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            service.work().await;
        });
    }

    /// Ends it where it stands.
    pub(crate) fn crash(&self) {
        if self.service.borrow_mut().take().is_some() {
            self.ground.spawner.end(Some(self.life.get()));
            self.ground.sim.note(|| format!("node {} crashes", self.name));
        }
    }

    pub(crate) fn set_wrong(&self, millis: i64) {
        self.clock.set_wrong(millis);
        self.ground.sim.note(|| format!("node {}'s clock is wrong by {millis} ms", self.name));
    }

    /// Asks it something; `None` when it is down, or goes down meanwhile, or does not answer in time.
    pub(crate) async fn ask<T: 'static, F: Future<Output = T> + 'static>(&self, request: impl FnOnce(Chancery) -> F) -> Option<T> {
        let service = self.service()?;
        let (answer, answered) = oneshot::channel();
        let sim = &self.ground.sim;
        // Some give up early: what they asked for ends where it stands.
        let patience = if sim.faulty() && sim.comes(30) { Duration::from_millis(u64::try_from(sim.below(500)).ok()?) } else { REQUEST };
        let request = request(service);
        self.ground.spawner.spawn(Some(self.life.get()), async move {
            if let Ok(done) = tokio::time::timeout(patience, request).await {
                let _ = answer.send(done);
            }
        });
        answered.await.ok()
    }
}
