//! A backup under writers holds what was acknowledged before it; the restored server reads, and writes nothing.

use crate::installation::{Installation, Server, superuser};
use crate::on_both;
use crate::world::{self, Issued, Tenant};
use chancery_testkit::{Engine, Raw};
use serde_json::json;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

on_both!(
    a_backup_under_writers_holds_what_was_acknowledged_before,
    a_restored_server_writes_nothing,
    a_server_that_runs_on_writes_nothing_into_what_was_restored
);

/// Issues, and revokes each second certificate, until told to stop; every acknowledgement is noted.
async fn write(server: &Server, tenant: &Tenant, stop: &AtomicBool, done: &Mutex<Vec<(Issued, bool)>>) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let issued = tenant.issue(server, &format!("w{number}")).await;
        done.lock().unwrap().push((issued.clone(), false));
        if number % 2 == 0 {
            tenant.revoke(server, &issued, "superseded").await;
            done.lock().unwrap().push((issued, true));
        }
    }
}

async fn a_backup_under_writers_holds_what_was_acknowledged_before(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, operator, tenants) = world::begin(&place).await;
    let stop = AtomicBool::new(false);
    let journals: [Mutex<Vec<(Issued, bool)>>; 2] = Default::default();
    let (before, lengths) = {
        let writers = async {
            tokio::join!(write(&server, &tenants[0], &stop, &journals[0]), write(&server, &tenants[1], &stop, &journals[1]));
        };
        let newcomers = async {
            // Tenants that are made while the others are copied.
            for number in 0..1000 {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                world::tenant(&server, &operator, &format!("late-{number}")).await;
            }
        };
        let backup = async {
            let noted = || [journals[0].lock().unwrap().clone(), journals[1].lock().unwrap().clone()];
            while noted().iter().any(|journal| journal.len() < 30) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let before = noted();
            place.done(&["backup", &place.text("copy/data")]).await;
            place.done(&["backup", "--keyring", &place.text("copy-of-keys/keyring")]).await;
            let lengths = noted().map(|journal| journal.len());
            stop.store(true, Ordering::SeqCst);
            (before, lengths)
        };
        let ((), (), done) = tokio::join!(writers, newcomers, backup);
        done
    };
    assert!((0..2).all(|at| lengths[at] > before[at].len()), "the writers stood still while the backup ran");
    let mut originals = Vec::new();
    for (tenant, journal) in tenants.iter().zip(&before) {
        let mut answers = Vec::new();
        for (issued, _) in journal {
            answers.push(tenant.shown(&server, issued).await);
        }
        originals.push(answers);
    }
    server.stop().await;

    let other = restored(&place, &place.text("copy/data"), &place.text("copy-of-keys/keyring")).await;
    let server = other.serve().await;
    for ((tenant, journal), answers) in tenants.iter().zip(&before).zip(&originals) {
        let events = tenant.events(&server).await;
        for ((issued, revoked), original) in journal.iter().zip(answers) {
            let mut shown = tenant.shown(&server, issued).await;
            let mut original = original.clone();
            if *revoked {
                assert_eq!(shown["status"], "revoked");
            }
            // What was not yet revoked at the backup may be later.
            shown["status"].take();
            original["status"].take();
            assert_eq!(shown, original);
            let act = if *revoked { "certificate.revoke" } else { "certificate.issue" };
            let told = events.iter().filter(|event| event["act"] == act && event["detail"]["certificate"] == *issued.id).count();
            assert_eq!(told, 1, "{act} {}", issued.id);
        }
        world::verify_chain(&server, tenant, &tenant.shown(&server, &journal[0].0).await).await;
    }
    // Every tenant of the register can be read, also those that came meanwhile.
    let (_, register) = server.get(&operator, "/v1/platform/tenants?limit=200").await;
    println!(
        "{engine:?}: {} acts acknowledged before the backup, {} tenants",
        before[0].len() + before[1].len(),
        register["items"].as_array().unwrap().len()
    );
    server.stop().await;
}

/// A new installation with the keyring and the data of these backups.
pub(crate) async fn restored(place: &Installation, data: &str, keyring: &str) -> Installation {
    let other = Installation::new(place.engine).await;
    other.take_root_key(place);
    other.done(&["restore", "--keyring", keyring]).await;
    other.done(&["restore", data]).await;
    other
}

const TABLES: [&str; 9] = ["tenant", "counter", "account", "token", "certificate", "revocation", "crl", "event", "job"];

/// How many rows each table of a realm has, with what tells of changes.
async fn contents(raw: &Raw, realm: &str, id: &[u8; 16]) -> Vec<i64> {
    let mut found = Vec::new();
    for table in TABLES {
        found.push(raw.count(realm, &format!("SELECT count(*) FROM {table} WHERE tenant_id = ?1"), id).await);
    }
    for sum in [
        "number), 0) AS BIGINT) FROM crl",
        "attempts), 0) AS BIGINT) FROM job",
        "epoch), 0) AS BIGINT) FROM tenant",
        "used_at), 0) AS BIGINT) FROM token",
    ] {
        found.push(raw.count(realm, &format!("SELECT CAST(coalesce(sum({sum} WHERE tenant_id = ?1"), id).await);
    }
    found
}

async fn a_restored_server_writes_nothing(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, operator, tenants) = world::begin(&place).await;
    let mut issued = Vec::new();
    for tenant in &tenants {
        issued.push(tenant.issue(&server, "kept").await);
    }
    // A job that is due, and a saga: the worker of the restored server would take both.
    place.done(&["backup", &place.text("copy/data")]).await;
    place.done(&["backup", "--keyring", &place.text("copy-of-keys/keyring")]).await;
    server.stop().await;

    let other = restored(&place, &place.text("copy/data"), &place.text("copy-of-keys/keyring")).await;
    let realms: Vec<_> = tenants.iter().map(|tenant| tenant.id.clone()).chain([uuid(&[0; 16])]).collect();
    let look = async || {
        let raw = other.raw().await;
        let mut found = Vec::new();
        for realm in &realms {
            found.push(contents(&raw, realm, &bytes(realm)).await);
        }
        found
    };
    let before = look().await;
    let server = other.serve().await;
    for (tenant, issued) in tenants.iter().zip(&issued) {
        let certificate = format!("/certificates/{}", issued.id);
        for (path, body) in [
            ("/certificates".to_owned(), json!({"profile": "tls-server", "names": ["new.acme-bank.example"]})),
            (format!("{certificate}/revoke"), json!({"reason": "key-compromise"})),
            (format!("{certificate}/renew"), json!({})),
            (format!("{certificate}/private-key/fetch"), json!({})),
            ("/accounts".to_owned(), json!({"name": "new", "roles": ["auditor"]})),
            ("/issuers".to_owned(), json!({"name": "new", "permitted_names": ["dns:*.new.example"]})),
        ] {
            let (status, problem) = server.post(&tenant.token, &tenant.path(&path), body).await;
            assert_eq!((status, problem["type"].as_str()), (503, Some("urn:chancery:problem:restored")), "{path}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains("chancery reconcile"), "{problem}");
        }
        // Reads go on, lists do not: an older one would take revocations back.
        tenant.shown(&server, issued).await;
        assert!(!tenant.events(&server).await.is_empty());
        for issuer in &tenant.issuers {
            assert_eq!(server.public(&format!("/pki/{}/0.crl", issuer.public)).await.0, 503);
            assert_eq!(server.public(&format!("/pki/{}/ca.cer", issuer.public)).await.0, 200);
        }
        let (_, issuers) = server.get(&tenant.token, &tenant.path("/issuers")).await;
        let own = issuers["items"][0]["id"].as_str().unwrap();
        assert_eq!(server.get(&tenant.token, &tenant.path(&format!("/issuers/{own}/crl/0"))).await.0, 503);
    }
    let (status, problem) = server.post(&operator, "/v1/platform/tenants", json!({"slug": "new-one"})).await;
    assert_eq!((status, problem["type"].as_str()), (503, Some("urn:chancery:problem:restored")));
    // Long enough for the worker to look at the lanes, all of which are due.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(server.public("/readyz").await.1, b"ready to be read: restored, run chancery reconcile\n");
    server.stop().await;
    assert_eq!(look().await, before, "{TABLES:?}, then sums");
    // Neither can it be made anew.
    assert_ne!(other.run(&["init"]).await.code, Some(0));
    assert_eq!(look().await, before);
}

/// What stands in the place is gone, under a server that has it open.
async fn empty(place: &Installation) {
    match &place.data {
        None => std::fs::remove_dir_all(place.path("data")).unwrap(),
        Some(database) => {
            superuser(database).await.batch_execute("DROP SCHEMA tenant CASCADE; DROP SCHEMA platform CASCADE").await.unwrap()
        }
    }
}

async fn a_server_that_runs_on_writes_nothing_into_what_was_restored(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    place.done(&["backup", &place.text("copy/data")]).await;
    let published = place.path("published");
    for tenant in &tenants {
        tenant.save_lists(&server, &published).await;
    }
    empty(&place).await;
    place.done(&["restore", &place.text("copy/data")]).await;
    let realms: Vec<_> = tenants.iter().map(|tenant| tenant.id.clone()).chain([uuid(&[0; 16])]).collect();
    let look = async || {
        let raw = place.raw().await;
        let mut found = Vec::new();
        for realm in &realms {
            found.push(contents(&raw, realm, &bytes(realm)).await);
        }
        found
    };
    let before = look().await;
    let refuses = async |server: &Server| {
        for tenant in &tenants {
            let body = json!({"profile": "tls-server", "names": [tenant.host("new")]});
            let (status, problem) = server.post(&tenant.token, &tenant.path("/certificates"), body).await;
            assert_eq!(status, 503, "{problem}");
            if engine == Engine::Postgres {
                assert_eq!(problem["type"], "urn:chancery:problem:restored");
            }
            for issuer in &tenant.issuers {
                assert_eq!(server.public(&format!("/pki/{}/0.crl", issuer.public)).await.0, 503);
            }
        }
    };
    refuses(&server).await;
    if engine == Engine::Postgres {
        let restored = async || (server.public("/readyz").await.1 == b"ready to be read: restored, run chancery reconcile\n").then_some(());
        server.until("the worker to notice", restored).await;
    }
    // Long enough for the worker to look at the lanes, all of which are due.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(look().await, before, "{TABLES:?}, then sums");
    if engine == Engine::Postgres {
        assert!(server.said().contains("a backup was restored while this server ran"), "{}", server.said());
    }
    // Reconciled it is not the store that this server knows either.
    place.done(&["reconcile", "--lists", &published.display().to_string()]).await;
    let before = look().await;
    refuses(&server).await;
    assert_eq!(look().await, before, "{TABLES:?}, then sums");
    server.stop().await;
    let server = place.serve().await;
    for tenant in &tenants {
        tenant.issue(&server, "new").await;
    }
    server.stop().await;
}

fn bytes(id: &str) -> [u8; 16] {
    let hex: Vec<u8> = id.replace('-', "").into_bytes();
    std::array::from_fn(|at| u8::from_str_radix(str::from_utf8(&hex[2 * at..2 * at + 2]).unwrap(), 16).unwrap())
}

fn uuid(bytes: &[u8; 16]) -> String {
    chancery_domain::TenantId::from_bytes(*bytes).to_string()
}
