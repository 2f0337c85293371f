//! PostgreSQL: it stops and comes back, kills, locks, refuses connections and writes, and fills its disk.

use crate::disk::Disk;
use crate::files::RECOVERY;
use crate::installation::{Installation, superuser};
use crate::load::Load;
use crate::world;
use chancery_testkit::cluster::Cluster;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BEGIN: Duration = Duration::from_secs(20);
const KILL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'chancery_app' AND datname = current_database()";

async fn all_go_on(loads: &[Load]) {
    for load in loads {
        load.goes_on(5, RECOVERY).await;
    }
}

async fn all_are_refused(loads: &[Load]) {
    for load in loads {
        load.is_refused(5).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stops_loses_nothing_and_is_used_again_when_it_is_back() {
    let cluster = Cluster::start().await;
    let place = Installation::on(&cluster).await;
    let (server, _, [acme, brava]) = world::begin(&place).await;
    let server = Arc::new(server);
    let first = acme.issue(&server, "to-revoke").await;
    let loads = [Load::start(&server, &acme, 3), Load::start(&server, &brava, 3)];
    for load in &loads {
        load.goes_on(5, BEGIN).await;
    }

    let stopped = Instant::now();
    cluster.stop_at_once();
    all_are_refused(&loads).await;
    assert_eq!(server.public("/readyz").await.0, 503);
    assert_eq!(server.public("/healthz").await.0, 200);
    // What was read before may be used for 4 s and no longer, so that who was disabled meanwhile does not go on here.
    let dry_run = json!({"request": {"profile": "tls-server", "names": [acme.host("never")]}});
    tokio::time::sleep((stopped + Duration::from_secs(4)).saturating_duration_since(Instant::now())).await;
    server.ask(&acme.token, "POST", &acme.path("/profiles/tls-server/dry-run"), Some(dry_run), None).await.is_unavailable();
    cluster.start_again();
    all_go_on(&loads).await;
    assert_eq!(server.public("/readyz").await.0, 200);
    acme.revoke(&server, &first, "superseded").await;
    acme.list_with(&server, &first).await;

    let [acme_load, brava_load] = loads;
    acme_load.ends_well(&[&first]).await;
    brava_load.ends_well(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_database_refuses_for_a_while_is_told_and_done_afterwards() {
    let cluster = Cluster::start().await;
    let place = Installation::on(&cluster).await;
    let (server, _, [acme, brava]) = world::begin(&place).await;
    let server = Arc::new(server);
    let database = superuser(place.data.as_ref().unwrap()).await;
    let run = async |sql: &str| database.batch_execute(sql).await.unwrap();
    let loads = [Load::start(&server, &acme, 3), Load::start(&server, &brava, 3)];
    for load in &loads {
        load.goes_on(5, BEGIN).await;
    }

    for _ in 0..10 {
        run(KILL).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    all_go_on(&loads).await;

    // No connection is to be had.
    run("ALTER ROLE chancery_app CONNECTION LIMIT 0").await;
    run(KILL).await;
    all_are_refused(&loads).await;
    run("ALTER ROLE chancery_app CONNECTION LIMIT 1").await;
    all_go_on(&loads).await;
    run("ALTER ROLE chancery_app CONNECTION LIMIT -1").await;

    // It can only be read, as a standby or after a failover.
    run("ALTER ROLE chancery_app SET default_transaction_read_only = on").await;
    run(KILL).await;
    all_are_refused(&loads).await;
    server.until("the certificates", async || (server.get(&acme.token, &acme.path("/certificates")).await.0 == 200).then_some(())).await;
    assert!(server.said().contains("read-only transaction"), "{}", server.said());
    run("ALTER ROLE chancery_app RESET default_transaction_read_only").await;
    all_go_on(&loads).await;

    // Somebody holds a lock.
    run("BEGIN; LOCK TABLE tenant.certificate IN ACCESS EXCLUSIVE MODE").await;
    for load in &loads {
        load.is_refused(1).await;
    }
    run("ROLLBACK").await;
    all_go_on(&loads).await;

    let [acme, brava] = loads;
    acme.ends_well(&[]).await;
    brava.ends_well(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_room_can_be_read_and_is_written_when_there_is_some() {
    let cluster = Cluster::start().await;
    let folder = tempfile::Builder::new().prefix("chancery-room-").permissions(open_to_all()).tempdir().unwrap();
    let disk = Disk::mount(&folder.path().join("disk"), "64m", Cluster::owner());
    let place = Installation::on(&cluster).await;
    let data = place.data.as_ref().unwrap();
    let name = data.superuser_url.rsplit('/').next().unwrap();
    let elsewhere = superuser(place.keyring.as_ref().unwrap()).await;
    elsewhere.batch_execute(&format!("CREATE TABLESPACE room LOCATION '{}'", folder.path().join("disk").display())).await.unwrap();
    elsewhere.batch_execute(&format!("ALTER DATABASE {name} SET TABLESPACE room")).await.unwrap();

    let (server, _, [acme, brava]) = world::begin(&place).await;
    let server = Arc::new(server);
    let loads = [Load::start(&server, &acme, 3), Load::start(&server, &brava, 3)];
    for load in &loads {
        load.goes_on(5, BEGIN).await;
    }
    disk.fill();
    all_are_refused(&loads).await;
    assert!(server.said().contains("the disk is full"), "{}", server.said());
    for tenant in [&acme, &brava] {
        tenant.can_read(&server).await;
    }
    disk.free();
    all_go_on(&loads).await;
    let [acme, brava] = loads;
    acme.ends_well(&[]).await;
    brava.ends_well(&[]).await;
}

fn open_to_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}
