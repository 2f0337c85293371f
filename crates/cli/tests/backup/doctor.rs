//! What `doctor` says: nothing of a sound installation, and each fault when it is there.

use crate::installation::{Installation, superuser};
use crate::on_both;
use crate::restored::restored;
use crate::world;
use chancery_testkit::Engine;
use std::fs;
use std::os::unix::fs::PermissionsExt;

on_both!(a_sound_installation_has_no_fault, each_fault_is_seen);

/// The checks with this verdict; and the exit code.
async fn found(place: &Installation, verdict: &str) -> (Vec<String>, Option<i32>) {
    let ended = place.run(&["doctor"]).await;
    let findings = ended.out.as_array().unwrap_or_else(|| panic!("{}", ended.said)).clone();
    assert!(findings.iter().all(|finding| (finding["verdict"] == "ok") == finding["advice"].is_null()), "{findings:?}");
    let checks = findings.iter().filter(|finding| finding["verdict"] == verdict);
    (checks.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect(), ended.code)
}

/// The faults with their words.
async fn fault(place: &Installation, check: &str, words: &str) {
    let ended = place.run(&["doctor"]).await;
    let findings = ended.out.as_array().unwrap_or_else(|| panic!("{}", ended.said));
    let named = |finding: &&serde_json::Value| finding["check"] == check && finding["verdict"] == "fault";
    let seen = findings.iter().find(named).unwrap_or_else(|| panic!("{check} is no fault: {findings:?}"));
    assert!(seen["seen"].as_str().unwrap().contains(words), "{words}: {seen}");
    assert_eq!(ended.code, Some(1));
}

async fn a_sound_installation_has_no_fault(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, ..) = world::begin(&place).await;
    assert_eq!(found(&place, "fault").await, (Vec::new(), Some(0)), "beside the server");
    server.stop().await;
    assert_eq!(found(&place, "fault").await, (Vec::new(), Some(0)));
    let warnings = found(&place, "warning").await.0;
    let expected: &[&str] = if engine == Engine::Postgres { &["last backup", "standby"] } else { &["last backup"] };
    assert_eq!(warnings, expected);
    place.done(&["backup", &place.text("copy/data")]).await;
    let copies = place.text("copy");
    let findings = place.done(&["doctor", "--backups", &copies]).await;
    assert!(findings.as_array().unwrap().iter().any(|finding| finding["check"] == "last backup" && finding["verdict"] == "ok"));
}

async fn each_fault_is_seen(engine: Engine) {
    let place = Installation::new(engine).await;
    let (server, _, tenants) = world::begin(&place).await;
    place.done(&["backup", &place.text("copy/data")]).await;
    place.done(&["backup", "--keyring", &place.text("copy-of-keys/keyring")]).await;
    server.stop().await;
    let id = &tenants[0].id;
    let hex = id.replace('-', "");

    let key = place.path("keyring/root.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fault(&place, "modes", "root.key").await;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    fault(&place, "root key", "root.key").await;
    let mut other_key = kept.clone();
    other_key[0] = if other_key[0] == b'0' { b'1' } else { b'0' };
    fs::write(&key, other_key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fault(&place, "root key", "not the one").await;
    fs::write(&key, kept).unwrap();

    let raw = place.raw().await;
    let literal = if engine == Engine::Sqlite { format!("x'{hex}'") } else { format!("'\\x{hex}'") };
    let bytes = if engine == Engine::Sqlite { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
    let far = if engine == Engine::Sqlite { "x'7fff0000000070008000000000000000'" } else { "'\\x7fff0000000070008000000000000000'" };
    let platform = "00000000-0000-0000-0000-000000000000";
    raw.execute(id, &format!("INSERT INTO event (tenant_id, id, body, leaf) VALUES ({literal}, {far}, {bytes}, {bytes})")).await;
    fault(&place, "clock", "newest event").await;
    raw.execute(id, &format!("DELETE FROM event WHERE id = {far}")).await;
    raw.execute(platform, "UPDATE lane SET due_at = 0").await;
    assert!(found(&place, "warning").await.0.contains(&"lanes".to_owned()));
    raw.execute(platform, "UPDATE lane SET due_at = 4000000000000").await;
    match &place.data {
        None => {
            raw.execute(id, "PRAGMA user_version = 1").await;
            fault(&place, "integrity", "version 1").await;
            let file = place.path(&format!("data/tenants/{id}.db"));
            let whole = fs::read(place.path(&format!("copy/data/tenants/{id}.db"))).unwrap();
            let mut broken = whole.clone();
            broken[4096..8192].fill(0xff);
            fs::write(&file, &broken).unwrap();
            fault(&place, "integrity", id).await;
            fs::write(&file, &whole).unwrap();
            fs::set_permissions(place.path("data"), fs::Permissions::from_mode(0o755)).unwrap();
            fault(&place, "modes", "755").await;
            fs::set_permissions(place.path("data"), fs::Permissions::from_mode(0o700)).unwrap();
            let keyring = rusqlite::Connection::open(place.path("keyring/keyring.db")).unwrap();
            keyring.execute(&format!("DELETE FROM keyring WHERE tenant_id = {literal}"), []).unwrap();
        }
        Some(database) => {
            raw.execute(id, "ALTER TABLE tenant.event NO FORCE ROW LEVEL SECURITY").await;
            fault(&place, "database", "event").await;
            raw.execute(id, "ALTER TABLE tenant.event FORCE ROW LEVEL SECURITY").await;
            raw.execute(id, "UPDATE platform.schema_version SET version = version - 1").await;
            fault(&place, "database", "version").await;
            raw.execute(id, "UPDATE platform.schema_version SET version = version + 1").await;
            let keyring = superuser(place.keyring.as_ref().unwrap_or(database)).await;
            keyring.batch_execute(&format!("DELETE FROM keyring.keyring WHERE tenant_id = {literal}")).await.unwrap();
        }
    }
    fault(&place, "tenants' keys", id).await;

    let other = restored(&place, &place.text("copy/data"), &place.text("copy-of-keys/keyring")).await;
    fault(&other, "reconciliation", "restored at").await;
    let nothing = Installation::new(engine).await;
    let ended = nothing.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
}
