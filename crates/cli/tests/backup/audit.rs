//! `chancery audit` as a customer and an operator run it: what is kept outside convicts every change, and a restored log says where it
//! begins.

use crate::installation::{Ended, Installation, Server};
use crate::on_both;
use crate::restored::restored;
use crate::world::{self, Tenant};
use chancery_domain::TenantId;
use chancery_testkit::{Engine, Raw};
use serde_json::Value;
use std::fs;

on_both!(what_is_kept_outside_convicts_every_change, a_restored_log_opens_an_epoch_that_names_the_former);

/// A command of the tenant's, which succeeds.
async fn asked(place: &Installation, server: &Server, tenant: &Tenant, words: &[&str]) -> Vec<u8> {
    let mut command = place.command(&[&["audit"], words].concat());
    let output = command.env("CHANCERY_URL", &server.url).env("CHANCERY_TOKEN", &tenant.token).output().await.unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Checkpoint and key, in files of their own, once the last event has its place.
async fn keep(place: &Installation, server: &Server, tenant: &Tenant, name: &str) -> (String, String) {
    let (_, newest) = server.get(&tenant.token, &tenant.path("/events?limit=1")).await;
    let event = newest["items"][0]["id"].as_str().unwrap().to_owned();
    asked(place, server, tenant, &["proof", &event, "--out", &place.text(&format!("{name}.event"))]).await;
    let (checkpoint, key) = (place.text(&format!("{name}.checkpoint")), place.text(&format!("{name}.vkey")));
    asked(place, server, tenant, &["checkpoint", "--out", &checkpoint]).await;
    asked(place, server, tenant, &["checkpoint", "--key", "--out", &key]).await;
    (checkpoint, key)
}

fn convicts(ended: &Ended, words: &str) {
    assert!(
        ended.code == Some(1) && format!("{} {}", ended.said, ended.out).contains(words),
        "{words}: {:?} {} {}",
        ended.code,
        ended.out,
        ended.said
    );
}

async fn what_is_kept_outside_convicts_every_change(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    let tenant = &tenants[0];
    for number in 0..5 {
        tenant.issue(&server, &format!("w{number}")).await;
    }
    let (checkpoint, key) = keep(&place, &server, tenant, "acme").await;
    let event = place.text("acme.event");
    let verified = place.done(&["audit", "verify-event", &event, "--key-file", &key]).await;
    assert!(verified["event"]["tenant"] == *tenant.id && verified["size"].as_u64() > verified["index"].as_u64(), "{verified}");
    let (_, other) = keep(&place, &server, &tenants[1], "brava").await;
    convicts(&place.run(&["audit", "verify-event", &event, "--key-file", &other]).await, "NOT VERIFIED");
    let whole = fs::read_to_string(&event).unwrap();
    fs::write(&event, whole.replacen("certificate", "certificatf", 1)).unwrap();
    convicts(&place.run(&["audit", "verify-event", &event, "--key-file", &key]).await, "NOT VERIFIED");

    // The log goes on behind the checkpoint that was kept.
    tenant.issue(&server, "later").await;
    keep(&place, &server, tenant, "later").await;
    let export = place.text("acme.log");
    asked(&place, &server, tenant, &["export", "--out", &export]).await;
    let verify = ["audit", "verify-log", &export, "--key-file", &key, "--checkpoint", &checkpoint];
    let verified = place.done(&verify).await;
    assert_eq!((&verified["tenant"], &verified["outside"]), (&Value::from(tenant.id.as_str()), &Value::from(1)));
    let lines = fs::read_to_string(&export).unwrap();
    let cut = lines.lines().take(4).map(|line| format!("{line}\n")).collect::<String>();
    fs::write(&export, cut).unwrap();
    convicts(&place.run(&verify).await, "NOT VERIFIED");

    // The stored logs of everybody, beside the running server and behind its back.
    let fsck = ["audit", "fsck", "--checkpoint", &checkpoint, "--key-file", &key];
    let sound = place.done(&fsck).await;
    assert!(
        sound.as_array().unwrap().len() >= 3 && sound.as_array().unwrap().iter().all(|log| log["faults"] == Value::Array(Vec::new())),
        "{sound}"
    );
    assert!(sound.as_array().unwrap().iter().any(|log| log["tenant"] == *tenant.id && log["outside"] == 1), "{sound}");
    server.stop().await;
    for (table, change, words) in changes(engine) {
        let raw = place.raw().await;
        save(&raw, engine, tenant, table).await;
        let id: TenantId = tenant.id.parse().unwrap();
        assert!(raw.change(&tenant.id, &change, &[id.as_bytes()]).await > 0, "{change}");
        convicts(&place.run(&fsck).await, words);
        // Without the checkpoint what agrees with itself is not seen; all of these do not.
        let alone = place.run(&["audit", "fsck", "--tenant", &tenant.id]).await;
        assert_eq!(alone.code, Some(1), "{change}: {}", alone.out);
        put_back(&raw, engine, tenant, table).await;
        place.done(&fsck).await;
    }
    rolled_back(&place, engine, tenant, &fsck).await;
    // A key that is not the log's says that the checkpoint is another's.
    let foreign = ["audit", "fsck", "--checkpoint", &checkpoint, "--key-file", &other];
    convicts(&place.run(&foreign).await, "NOT VERIFIED");
    let of_another = ["audit", "fsck", "--tenant", &tenants[1].id, "--checkpoint", &checkpoint, "--key-file", &key];
    convicts(&place.run(&of_another).await, "is of a log that is not here");
}

/// What somebody who holds the tables may do, and what `fsck` says of it.
fn changes(engine: Engine) -> Vec<(&'static str, String, &'static str)> {
    let zeroed = |column: &str| match engine {
        Engine::Sqlite => format!("CAST(x'0000' || substr({column}, 3) AS BLOB)"),
        Engine::Postgres => format!("'\\x0000'::bytea || substr({column}, 3)"),
    };
    let first = "tenant_id = ?1 AND leaf_index = 2";
    let moved = "substr(events, 17) || substr(events, 1, 16)";
    let moved = if engine == Engine::Sqlite { format!("CAST({moved} AS BLOB)") } else { moved.to_owned() };
    let moved = format!("UPDATE log_tile SET events = {moved} WHERE tenant_id = ?1");
    vec![
        ("event", format!("UPDATE event SET leaf = {} WHERE {first}", zeroed("leaf")), "does not match its leaf hash"),
        ("event", format!("UPDATE event SET body = {} WHERE {first}", zeroed("body")), "entry 2"),
        ("event", format!("UPDATE event SET leaf_index = 900 WHERE {first}"), "stands elsewhere"),
        ("event", format!("UPDATE event SET leaf_index = NULL WHERE {first}"), "stands elsewhere"),
        ("event", format!("UPDATE event SET log_epoch = NULL, leaf_index = NULL WHERE {first}"), "events have places in it"),
        ("event", format!("DELETE FROM event WHERE {first}"), "are not there"),
        ("event", inserted(engine, "1", "2"), "events have places in it"),
        ("event", inserted(engine, "1", "900"), "past its end"),
        ("event", inserted(engine, "7", "2"), "in no epoch that is here"),
        ("event", inserted(engine, "NULL", "NULL"), "have no place"),
        ("event", format!("UPDATE event SET log_epoch = NULL WHERE {first}"), "stands elsewhere"),
        ("log", "DELETE FROM log WHERE tenant_id = ?1".to_owned(), "in no epoch that is here"),
        ("log", format!("UPDATE log SET key = {} WHERE tenant_id = ?1", zeroed("key")), "its sealed key is not to be believed"),
        ("purpose_key", format!("UPDATE purpose_key SET wrapped = {} WHERE tenant_id = ?1", zeroed("wrapped")), "it cannot be checked"),
        ("log_tile", format!("UPDATE log_tile SET hashes = {} WHERE tenant_id = ?1", zeroed("hashes")), "is not what the entries make"),
        ("log_tile", moved, "a checkpoint kept elsewhere over the first"),
        ("log_tile", "DELETE FROM log_tile WHERE tenant_id = ?1".to_owned(), "are not there"),
        ("log", format!("UPDATE log SET checkpoint = {} WHERE tenant_id = ?1", zeroed("checkpoint")), "not to be believed"),
        ("log", format!("UPDATE log SET public_key = {} WHERE tenant_id = ?1", zeroed("public_key")), "not to be believed"),
        ("log", "UPDATE log SET size = size - 1 WHERE tenant_id = ?1".to_owned(), "has another root than its"),
    ]
}

/// An event that nobody recorded: its id is old, and it stands where it says.
fn inserted(engine: Engine, epoch: &str, index: &str) -> String {
    let id = if engine == Engine::Sqlite { "CAST(zeroblob(15) || x'01' AS BLOB)" } else { "'\\x00000000000000000000000000000001'::bytea" };
    format!(
        "INSERT INTO event (tenant_id, id, body, leaf, log_epoch, leaf_index)
         SELECT tenant_id, {id}, body, leaf, {epoch}, {index} FROM event WHERE tenant_id = ?1 AND leaf_index = 2"
    )
}

fn saved(engine: Engine) -> &'static str {
    if engine == Engine::Sqlite { "saved" } else { "public.saved" }
}

async fn save(raw: &Raw, engine: Engine, tenant: &Tenant, table: &str) {
    raw.execute(&tenant.id, &format!("CREATE TABLE {} AS SELECT * FROM {table}", saved(engine))).await;
}

async fn put_back(raw: &Raw, engine: Engine, tenant: &Tenant, table: &str) {
    let saved = saved(engine);
    raw.execute(&tenant.id, &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {saved}; DROP TABLE {saved}")).await;
}

/// THREATS 29: the newest events are gone with all that told of them; only the checkpoint kept elsewhere knows.
async fn rolled_back(place: &Installation, engine: Engine, tenant: &Tenant, fsck: &[&str]) {
    let raw = place.raw().await;
    for statement in [
        "DELETE FROM event WHERE tenant_id = ?1",
        "DELETE FROM log_tile WHERE tenant_id = ?1",
        "UPDATE log SET size = 0 WHERE tenant_id = ?1",
    ] {
        let table = statement.split(' ').find(|word| ["event", "log_tile", "log"].contains(word)).unwrap();
        let name = format!("{}_{table}", saved(engine));
        raw.execute(&tenant.id, &format!("CREATE TABLE {name} AS SELECT * FROM {table}")).await;
        let id: TenantId = tenant.id.parse().unwrap();
        raw.change(&tenant.id, statement, &[id.as_bytes()]).await;
    }
    convicts(&place.run(fsck).await, "cut or rolled back");
}

async fn a_restored_log_opens_an_epoch_that_names_the_former(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, operator, tenants) = world::begin(&place).await;
    let tenant = &tenants[0];
    tenant.issue(&server, "before").await;
    let (before, key) = keep(&place, &server, tenant, "before").await;
    place.done(&["backup", &place.text("copy/data")]).await;
    place.done(&["backup", "--keyring", &place.text("copy-of-keys/keyring")]).await;
    tenant.issue(&server, "after").await;
    let (after, _) = keep(&place, &server, tenant, "after").await;
    for tenant in &tenants {
        tenant.save_lists(&server, &place.path("published")).await;
    }
    server.stop().await;
    let other = restored(&place, &place.text("copy/data"), &place.text("copy-of-keys/keyring")).await;
    other.done(&["reconcile", "--lists", &place.text("published"), "--incomplete"]).await;
    let server = other.serve().await;
    tenant.issue(&server, "later").await;
    keep(&other, &server, tenant, "restored").await;

    for (token, path) in [(&tenant.token, tenant.path("/log")), (&operator, format!("/v1/tenants/{}/log", TenantId::PLATFORM))] {
        let (_, log) = server.get(token, &path).await;
        let epochs = log["epochs"].as_array().unwrap();
        assert_eq!(epochs.len(), 2, "{log}");
        assert!(epochs[0]["origin"] != epochs[1]["origin"] && epochs[0]["verifier_key"] != epochs[1]["verifier_key"]);
        let (_, entries) = server.get(token, &format!("{path}/entries?epoch=2")).await;
        let first: Value = serde_json::from_str(entries["items"][0]["canonical"].as_str().unwrap()).unwrap();
        let told = &first["detail"]["log"];
        assert_eq!(
            (first["act"].as_str(), &told["epoch"], &told["origin"]),
            (Some("store.reconcile"), &Value::from(2), &epochs[1]["origin"])
        );
        assert_eq!((&told["former"]["origin"], &told["former"]["size"]), (&epochs[0]["origin"], &epochs[0]["size"]));
    }
    // What was kept before the backup holds in the former epoch; what was lost with the store is told.
    let check = |checkpoint: &str| ["audit", "fsck", "--checkpoint", checkpoint, "--key-file", key.as_str()].map(str::to_owned);
    let run = async |words: [String; 6]| other.run(&words.each_ref().map(String::as_str)).await;
    let held = run(check(&before)).await;
    assert_eq!(held.code, Some(0), "{} {}", held.out, held.said);
    convicts(&run(check(&after)).await, "cut or rolled back");
    server.stop().await;
}
