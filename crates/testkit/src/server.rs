//! The server: store, key provider, clock, service and router, wired as the binary wires them but for the sockets.

use crate::clock::SimClock;
use crate::keys::FakeFailures;
use crate::place::Place;
use crate::{Client, Engine, Raw, TestTenant, log, routes, whole_log};
use axum::Router;
use chancery::archive::Folders;
use chancery::system::SystemEntropy;
use chancery_app::{Chancery, Page, Ports, Settings, StoredKeyring, Witnesses};
use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use chancery_keys::{KeyProvider, RootKey, SoftwareProvider};
use chancery_store::{Store, TenantView};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;

/// How many live certificates a tenant of a test may have.
pub const CERTIFICATE_LIMIT: i64 = 100;

/// A running server with an operator and two tenants.
pub struct TestServer {
    /// The engine it stands on.
    pub engine: Engine,
    /// Its clock.
    pub clock: Arc<SimClock>,
    /// Its key provider.
    pub keys: Arc<FakeFailures>,
    /// The operator's token.
    pub operator: String,
    /// The operator's account.
    pub operator_account: String,
    /// The tenant that tests act in.
    pub acme: TestTenant,
    /// Another one, that must never notice what is done in the first.
    pub brava: TestTenant,
    place: Place,
    node: Mutex<Option<Node>>,
    witnesses: Mutex<Option<Witnesses>>,
    brava_began_with: usize,
    in_brava: AtomicBool,
    looks_at_logs: AtomicBool,
    finished: bool,
}

/// One process's service over the store.
#[derive(Clone)]
pub struct Node {
    /// The service.
    pub service: Chancery,
    store: Store,
    router: Router,
    clock: Arc<SimClock>,
}

impl TestServer {
    /// Starts a server with an operator and the tenants `acme-bank` and `brava-labs`, whose jobs are done.
    pub async fn start(engine: Engine) -> Self {
        let mut server = Self::bare(engine).await;
        let bootstrap = server.node().service.initialise().await.expect("the platform's realm is made");
        let (_, account, token) = server.enrol(&bootstrap.expose(), "operator").await;
        (server.operator, server.operator_account) = (token, account);
        server.acme = server.tenant("acme-bank").await;
        server.brava = server.tenant("brava-labs").await;
        server.run_jobs().await;
        server.brava_began_with = server.events(&server.brava).await.len();
        server
    }

    /// Starts a server on which nothing was done yet: no platform realm, no tenants.
    pub async fn bare(engine: Engine) -> Self {
        log::capture();
        let (place, clock) = (Place::new(engine).await, Arc::new(SimClock::starting()));
        let root = RootKey::create_file(&place.directory.path().join("root.key"), &SystemEntropy).expect("a root key is made");
        let keyring = Arc::new(StoredKeyring::new(place.open_keyring().await));
        let real = SoftwareProvider::open(root, keyring, Arc::new(SystemEntropy)).await.expect("the keyring fits the root key");
        let keys = Arc::new(FakeFailures::over(Arc::new(real)));
        let nobody = TestTenant {
            id: TenantId::PLATFORM.to_string(),
            slug: String::new(),
            account: String::new(),
            admin: String::new(),
            issuer: String::new(),
            root: String::new(),
        };
        let server = Self {
            engine,
            clock,
            keys,
            operator: String::new(),
            operator_account: String::new(),
            acme: nobody.clone(),
            brava: nobody,
            place,
            node: Mutex::default(),
            witnesses: Mutex::default(),
            brava_began_with: 0,
            in_brava: AtomicBool::new(false),
            looks_at_logs: AtomicBool::new(true),
            finished: false,
        };
        std::fs::create_dir(server.archives()).expect("a folder for archives is made");
        server.put(Some(server.open().await));
        server
    }

    async fn open(&self) -> Node {
        let store = self.place.open(self.clock.clone()).await;
        self.node_over(store)
    }

    fn node_over(&self, store: Store) -> Node {
        self.node_with(store, Folders::below(Some(self.archives())))
    }

    /// Another service over the same data, whose operator keeps no folder for archives.
    pub fn node_without_archives(&self) -> Node {
        self.node_with(self.node().store, Folders::none())
    }

    fn node_with(&self, store: Store, archives: Folders) -> Node {
        let archives = Arc::new(archives);
        let ports = Ports { clock: self.clock.clone(), entropy: Arc::new(SystemEntropy), archives };
        let witnesses = self.witnesses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let settings = Settings { public_url: "http://pki.chancery.example".to_owned(), certificate_limit: CERTIFICATE_LIMIT, witnesses };
        let provider: Arc<dyn KeyProvider> = self.keys.clone();
        let service = Chancery::new(store.clone(), provider, ports, settings);
        Node { router: chancery_http::router(service.clone()), service, store, clock: self.clock.clone() }
    }

    /// The folder below which archives are.
    pub fn archives(&self) -> PathBuf {
        self.place.directory.path().join("archives")
    }

    /// The node that requests go to.
    pub fn node(&self) -> Node {
        self.node.lock().unwrap_or_else(PoisonError::into_inner).clone().expect("the server runs")
    }

    fn put(&self, node: Option<Node>) {
        *self.node.lock().unwrap_or_else(PoisonError::into_inner) = node;
    }

    /// Another node over the same data: a process of its own on PostgreSQL, a service of its own over the files on SQLite.
    pub async fn second_node(&self) -> Node {
        match self.engine {
            Engine::Sqlite => self.node_over(self.node().store.clone()),
            Engine::Postgres => self.open().await,
        }
    }

    /// Stops the server, lets `act` work on what it stored, from below, and starts it again.
    pub async fn below<T>(&self, act: impl AsyncFnOnce(&Raw) -> T) -> T {
        self.put(None);
        let done = act(&Raw::open(&self.place).await).await;
        self.put(Some(self.open().await));
        done
    }

    /// Starts the server again with these witnesses of the platform's log.
    pub async fn witnessed_by(&self, witnesses: Witnesses) {
        *self.witnesses.lock().unwrap_or_else(PoisonError::into_inner) = Some(witnesses);
        self.put(None);
        self.put(Some(self.open().await));
    }

    /// Where all files lie: data, keyring, root key.
    pub fn directory(&self) -> &std::path::Path {
        self.place.directory.path()
    }

    /// The database from outside, on PostgreSQL.
    pub fn database(&self) -> Option<&crate::cluster::TestDatabase> {
        self.place.database.as_ref()
    }

    /// A client without a credential.
    pub fn anonymous(&self) -> Client {
        self.node().anonymous()
    }

    /// A client that shows this token.
    pub fn as_(&self, token: &str) -> Client {
        self.node().as_(token)
    }

    /// Does all that is due now; how many jobs that were.
    pub async fn run_jobs(&self) -> usize {
        self.node().service.work_until_idle().await.expect("the worker works")
    }

    /// Lets time pass, and does what came due.
    pub async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.run_jobs().await;
    }

    /// Does what is due; fails if any job failed or is still due, or if the other tenant's log tells of anything although
    /// the test did not act in it ([`TestServer::in_brava`]).
    pub async fn finish(mut self) {
        for realm in self.realms().await {
            // A server that was stopped meanwhile does not remember, and the lanes' minute is not waited for.
            self.node().store.note_unsequenced(realm);
        }
        self.run_jobs().await;
        // Before anything is read, which may unwrap keys, which is an event.
        if self.looks_at_logs.load(Ordering::SeqCst) {
            for realm in self.realms().await {
                assert_eq!(whole_log::check(&self.node().store.tenant(realm), &[]).await.err(), None, "the log of {realm}");
            }
        }
        assert_eq!(self.unfinished().await, [""; 0], "jobs are left");
        if !self.brava.admin.is_empty() && !self.in_brava.load(Ordering::SeqCst) {
            assert_eq!(self.acts_in_brava().await, Vec::<Value>::new(), "the other tenant noticed");
        }
        self.finished = true;
    }

    /// Does not look at the logs at the end, for a test that changes them from below.
    pub fn leaves_logs_changed(&self) {
        self.looks_at_logs.store(false, Ordering::SeqCst);
    }

    /// The realm's tables through the store's own door.
    pub fn view(&self, tenant: &str) -> TenantView {
        self.node().store.tenant(tenant.parse().expect("a tenant's id"))
    }

    async fn realms(&self) -> Vec<TenantId> {
        let register = self.node().store.platform().register(Page { before: None, limit: 200 }).await.expect("the register is read");
        register.iter().map(|row| row.id).chain([TenantId::PLATFORM]).collect()
    }

    /// The jobs that are due, held or failed, in words.
    pub async fn unfinished(&self) -> Vec<String> {
        let (store, now) = (self.node().store, self.clock.now());
        let mut found = Vec::new();
        for realm in self.realms().await {
            let far = now.after(Duration::from_secs(400 * 366 * 86_400));
            let jobs = store.tenant(realm).due_jobs(far, 10_000).await.expect("the jobs are read");
            let unfinished = jobs.into_iter().filter(|job| job.due_at <= now || job.attempts > 0);
            found.extend(unfinished.map(|job| format!("{} of {realm}, taken {} times", job.kind, job.attempts)));
        }
        found
    }

    /// The other tenant, for a test that acts in it, too.
    pub fn in_brava(&self) -> &TestTenant {
        self.in_brava.store(true, Ordering::SeqCst);
        &self.brava
    }

    /// The events of the other tenant since the test began that somebody caused.
    pub async fn acts_in_brava(&self) -> Vec<Value> {
        let events = self.events(&self.brava).await;
        let new = events.len() - self.brava_began_with;
        events.into_iter().take(new).filter(|entry| entry["event"]["actor"]["kind"] != "system").collect()
    }
}

impl Node {
    /// Serves the routes on a free port of loopback, until the test ends.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// A client without a credential.
    pub fn anonymous(&self) -> Client {
        Client::new(self.router.clone(), self.clock.clone())
    }

    /// A client that shows this token.
    pub fn as_(&self, token: &str) -> Client {
        self.anonymous().bearing(token)
    }

    /// Every address that its router knows.
    pub fn addresses(&self) -> BTreeSet<String> {
        routes::addresses(&self.router)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        assert!(self.finished || thread::panicking(), "end a test with finish(), which looks at what it left behind");
    }
}
