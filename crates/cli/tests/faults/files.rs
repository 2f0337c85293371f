//! SQLite's files: a full disk, one that can only be read, files that are gone or garbage, and a process without descriptors.

use crate::disk::{Disk, ReadOnly};
use crate::installation::{Installation, Server};
use crate::load::Load;
use crate::world::{self, Tenant};
use chancery_testkit::Engine;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// In this time the server works again after a fault is over.
pub(crate) const RECOVERY: Duration = Duration::from_secs(10);

impl Tenant {
    /// What it can still be told: its certificates and its list.
    pub(crate) async fn can_read(&self, server: &Server) {
        assert_eq!(server.get(&self.token, &self.path("/certificates")).await.0, 200);
        assert!(self.list(server).await.is_some());
    }

    async fn issues(&self, server: &Server) {
        let body = json!({"profile": "tls-server", "names": [self.host("again")]});
        let made = server.ask(&self.token, "POST", &self.path("/certificates"), Some(body), None).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }

    /// Every one of its addresses says that the fault is the server's.
    async fn is_unavailable(&self, server: &Server) {
        server.ask(&self.token, "GET", &self.path("/certificates"), None, None).await.is_unavailable();
        let body = json!({"profile": "tls-server", "names": [self.host("never")]});
        server.ask(&self.token, "POST", &self.path("/certificates"), Some(body), None).await.is_unavailable();
        assert_eq!(server.public(&format!("/pki/{}/0.crl", self.issuers[0].public)).await.0, 503);
    }

    fn file(&self, place: &Installation) -> PathBuf {
        place.path("data/tenants").join(format!("{}.db", self.id))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_half_done_and_all_can_be_read() {
    let place = Installation::new(Engine::Sqlite).await;
    let disk = Disk::mount(&place.path("data"), "24m", None);
    let (server, _, [acme, brava]) = world::begin(&place).await;
    let server = Arc::new(server);
    let first = acme.issue(&server, "to-revoke").await;
    let begun = acme.events(&server).await.len();
    assert!(begun > 0);
    let loads = [Load::start(&server, &acme, 2), Load::start(&server, &brava, 2)];
    for load in &loads {
        load.goes_on(5, Duration::from_secs(20)).await;
    }

    disk.fill();
    for load in &loads {
        load.is_refused(5).await;
    }
    acme.can_read(&server).await;
    brava.can_read(&server).await;
    let path = acme.path(&format!("/certificates/{}/revoke", first.id));
    server.ask(&acme.token, "POST", &path, Some(json!({"reason": "superseded"})), Some("revoke")).await.is_unavailable();
    assert_eq!(acme.shown(&server, &first).await["status"], "issued");
    assert_eq!(server.public("/readyz").await.0, 200, "it can be read");
    assert!(server.said().contains("the disk is full"), "{}", server.said());

    disk.free();
    for load in &loads {
        load.goes_on(5, RECOVERY).await;
    }
    // The worker goes on, too: the list is made anew.
    assert_eq!(server.ask(&acme.token, "POST", &path, Some(json!({"reason": "superseded"})), Some("revoke")).await.status, 200);
    acme.list_with(&server, &first).await;
    let [acme_load, brava_load] = loads;
    acme_load.ends_well(&[&first]).await;
    brava_load.ends_well(&[]).await;
    let examined = place.run(&["doctor"]).await.out;
    let integrity = examined.as_array().unwrap().iter().find(|finding| finding["check"] == "integrity").unwrap();
    assert_eq!(integrity["verdict"], "ok", "{integrity}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_for_keys_no_tenant_is_made_and_the_others_go_on() {
    let place = Installation::new(Engine::Sqlite).await;
    let disk = Disk::mount(&place.path("keyring"), "2m", None);
    let (server, operator, [acme, _]) = world::begin(&place).await;
    disk.fill();
    let create = async || server.ask(&operator, "POST", "/v1/platform/tenants", Some(json!({"slug": "carol-ltd"})), Some("carol")).await;
    create().await.is_unavailable();
    acme.issues(&server).await;
    assert!(server.said().contains("the disk is full"), "{}", server.said());
    disk.free();
    let created = server.until("a tenant", async || Some(create().await).filter(|created| created.status == 201)).await;
    assert_eq!(created.body["tenant"]["slug"], "carol-ltd");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_only_be_read_is_told_and_written_again_when_it_can() {
    let place = Installation::new(Engine::Sqlite).await;
    let (server, _, [acme, brava]) = world::begin(&place).await;
    server.stop().await;
    let read_only = ReadOnly::over(&place.path("data/tenants"));
    let server = place.serve().await;
    assert_eq!(server.public("/readyz").await.0, 200, "the platform's file is elsewhere");
    for tenant in [&acme, &brava] {
        tenant.is_unavailable(&server).await;
    }
    drop(read_only);
    for tenant in [&acme, &brava] {
        tenant.issues(&server).await;
        tenant.can_read(&server).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_without_its_file_is_told_so_and_the_others_go_on() {
    let place = Installation::new(Engine::Sqlite).await;
    let (server, _, [acme, brava]) = world::begin(&place).await;
    let (file, aside) = (acme.file(&place), place.path("aside.db"));
    let names =
        |suffix: &str| (PathBuf::from(format!("{}{suffix}", file.display())), PathBuf::from(format!("{}{suffix}", aside.display())));
    // Open, and moved away: what would be written there would be in no directory.
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = names(suffix);
        fs::rename(from, to).unwrap();
    }
    acme.is_unavailable(&server).await;
    assert!(server.said().contains("removed or replaced") && server.said().contains(&acme.id), "{}", server.said());
    brava.issues(&server).await;
    for garbage in [vec![0x5a; 8192], Vec::new(), fs::read(&aside).unwrap()[..5000].to_vec()] {
        fs::write(&file, &garbage).unwrap();
        server.ask(&acme.token, "GET", &acme.path("/certificates"), None, None).await.is_unavailable();
        brava.issues(&server).await;
        fs::remove_file(&file).unwrap();
    }
    for suffix in ["", "-wal"] {
        let (to, from) = names(suffix);
        let _ = fs::rename(from, to);
    }
    acme.issues(&server).await;
    acme.can_read(&server).await;
    // A token of a tenant that never was is wrong as ever.
    let other = acme.token.clone();
    assert_eq!(server.get(&other[..other.len() - 1], &acme.path("/certificates")).await.0, 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_descriptors_it_says_so_and_goes_on_when_some_are_back() {
    let place = Installation::new(Engine::Sqlite).await;
    let (server, _, [acme, brava]) = world::begin(&place).await;
    server.stop().await;
    // As many as it has itself, and a few of what it lets in.
    let mut limited = tokio::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 34; exec \"$0\" serve"]).arg(env!("CARGO_BIN_EXE_chancery")).kill_on_drop(true);
    for (name, value) in place.command(&["serve"]).as_std().get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let server = Installation::serve_as(limited).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    server.until("the lack of descriptors in the log", async || server.said().contains("Too many open files").then_some(())).await;
    drop(silent);
    for tenant in [&acme, &brava] {
        tenant.issues(&server).await;
        tenant.can_read(&server).await;
    }
    server.stop().await;
}
