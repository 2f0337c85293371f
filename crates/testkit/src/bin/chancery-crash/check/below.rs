//! The comparison below the API: rows against events, counters against rows, and no half tenant.

use super::Realm;
use super::count::Counts;
use crate::act::Act;
use crate::database::Place;
use anyhow::Result;
use chancery_domain::profile::Profile;
use chancery_domain::{EventId, IssuerId, TenantId, Timestamp};
use chancery_testkit::{Engine, Raw};
use std::collections::{BTreeMap, BTreeSet};

/// All that the tables say otherwise than the log.
pub(super) async fn all(engine: Engine, place: &Place, realms: &[Realm<'_>]) -> Result<Vec<String>> {
    let raw = place.raw().await;
    let mut found = Vec::new();
    for realm in realms.iter().filter(|realm| realm.id != TenantId::PLATFORM.to_string()) {
        found.extend(events(&raw, &realm.id, realm.events.len()).await?);
    }
    for realm in realms {
        found.extend(rows(&raw, realm).await?);
        found.extend(crl_numbers(&raw, realm).await?);
    }
    if let Some(platform) = realms.iter().find(|realm| realm.id == TenantId::PLATFORM.to_string()) {
        found.extend(publications(&raw, platform).await?);
        found.extend(tenants(engine, place, &raw, platform).await?);
    }
    Ok(found)
}

/// The highest number of each list in the log is that in the tables, and the log tells no number of a list twice.
async fn crl_numbers(raw: &Raw, realm: &Realm<'_>) -> Result<Vec<String>> {
    let (mut found, mut published) = (Vec::new(), BTreeMap::<(IssuerId, u64), BTreeSet<u64>>::new());
    for event in realm.events.iter().map(|entry| &entry["event"]).filter(|event| event["act"] == "crl.publish") {
        let detail = &event["detail"];
        let (Some(issuer), Some(shard), Some(number)) = (detail["issuer"].as_str(), detail["shard"].as_u64(), detail["number"].as_u64())
        else {
            found.push(format!("an event tells no list and number: {event}"));
            continue;
        };
        if !published.entry((issuer.parse()?, shard)).or_default().insert(number) {
            found.push(format!("CRL number {number} of {issuer}, shard {shard}, was published twice"));
        }
    }
    let id = realm.id.parse::<TenantId>()?;
    let lists = raw.count(&realm.id, "SELECT count(*) FROM crl WHERE tenant_id = ?1", id.as_bytes()).await;
    if lists != i64::try_from(published.len())? {
        found.push(format!("CRLs in {}: {lists} in the tables, {} by the log", realm.id, published.len()));
    }
    for ((issuer, shard), newest) in published.iter().filter_map(|(list, numbers)| Some((list, numbers.last()?))) {
        let sql = format!("SELECT issuer_id FROM crl WHERE tenant_id = ?1 AND issuer_id = ?2 AND shard = {shard} AND number = {newest}");
        if raw.rows(&realm.id, &sql, &[id.as_bytes(), issuer.as_bytes()]).await.len() != 1 {
            found.push(format!("CRL numbers in {}: that of {issuer}, shard {shard}, is not {newest} as in the log", realm.id));
        }
    }
    Ok(found)
}

async fn events(raw: &Raw, realm: &str, expected: usize) -> Result<Option<String>> {
    let there = raw.count(realm, "SELECT count(*) FROM event WHERE tenant_id = ?1", realm.parse::<TenantId>()?.as_bytes()).await;
    Ok((there != i64::try_from(expected)?).then(|| format!("events in {realm}: {there} in the tables, {expected} by the log")))
}

/// The platform's log has the checkpoints that tenants gave to it, each once. A minute may have ended since it was read.
async fn publications(raw: &Raw, platform: &Realm<'_>) -> Result<Vec<String>> {
    let (mut given, mut found) = (BTreeSet::new(), Vec::new());
    // Those that clients made, too.
    let registered = "SELECT tenant_id FROM registered_tenant WHERE tenant_id <> ?1";
    for row in raw.rows(&platform.id, registered, &[TenantId::PLATFORM.as_bytes()]).await {
        let id = TenantId::from_slice(row.first().and_then(Option::as_deref).unwrap_or_default())?;
        let rows = raw.rows(&id.to_string(), "SELECT event_id FROM publication WHERE tenant_id = ?1", &[id.as_bytes()]).await;
        given.extend(rows.into_iter().filter_map(|mut row| row.remove(0)));
    }
    let mut read = BTreeSet::new();
    for entry in platform.events.iter().filter(|entry| entry["event"]["act"] == "checkpoint.publish") {
        read.insert(entry["id"].as_str().unwrap_or_default().parse::<EventId>()?.as_bytes().to_vec());
    }
    found.extend(read.difference(&given).map(|id| format!("the platform's event {id:?} is of a checkpoint that nobody gave")));
    let late: Vec<_> = given.difference(&read).collect();
    for id in &late {
        let sql = "SELECT id FROM event WHERE tenant_id = ?1 AND id = ?2";
        if raw.rows(&platform.id, sql, &[TenantId::PLATFORM.as_bytes(), id]).await.is_empty() {
            found.push(format!("a checkpoint was given to the platform's log, and its event {id:?} is not there"));
        }
    }
    found.extend(events(raw, &platform.id, platform.events.len() + late.len()).await?);
    Ok(found)
}

/// Each number of rows in a realm, with the query that counts them and the number that there must be.
async fn rows(raw: &Raw, realm: &Realm<'_>) -> Result<Vec<String>> {
    let told = |act: &str| realm.events.iter().filter(|entry| entry["event"]["act"] == act).count();
    let now = Timestamp::from_millis(i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis())?);
    let due = format!("SELECT count(*) FROM job WHERE tenant_id = ?1 AND (attempts > 0 OR due_at <= {})", now.millis());
    let renewed = "SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND status = 'renewed'";
    let expected = [
        ("renewals", renewed, told("certificate.renew") + told("signer.roll")),
        ("events without a place in the log", "SELECT count(*) FROM event WHERE tenant_id = ?1 AND leaf_index IS NULL", 0),
        ("messages not delivered", "SELECT count(*) FROM outbox WHERE tenant_id = ?1", 0),
        ("jobs not done", &due, 0),
    ];
    let (id, counts) = (realm.id.parse::<TenantId>()?, Counts::of_log(realm));
    let mut found = Vec::new();
    for (what, sql, expected) in expected {
        let there = raw.count(&realm.id, sql, id.as_bytes()).await;
        if there != i64::try_from(expected)? {
            found.push(format!("{what} in {}: {there} in the tables, {expected} by the log and the journals", realm.id));
        }
    }
    for (what, sql, expected) in counts.rows(&realm.id) {
        let there = raw.count(&realm.id, sql, id.as_bytes()).await;
        if !expected.holds(there) {
            found.push(format!("{what} in {}: {there} in the tables, {expected} by the log and the journals", realm.id));
        }
    }
    let addresses = "SELECT count(*) FROM public_address WHERE tenant_id = ?1";
    let there = raw.count(&TenantId::PLATFORM.to_string(), addresses, id.as_bytes()).await;
    if !counts.addresses().holds(there) {
        found.push(format!("public addresses of {}: {there} in the tables, {} by the log", realm.id, counts.addresses()));
    }
    Ok(found)
}

/// Every tenant of the register is whole and where it was turned to last, and nothing stands beside them.
async fn tenants(engine: Engine, place: &Place, raw: &Raw, platform: &Realm<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut status: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in platform.entries.iter().filter(|entry| entry.done()) {
        match entry.act {
            Act::Tenant | Act::Resume => drop(status.insert(entry.subject(), "active")),
            Act::Suspend => drop(status.insert(entry.subject(), "suspended")),
            _ => {}
        }
    }
    let zero = TenantId::PLATFORM;
    let registered = raw.count(&platform.id, "SELECT count(*) FROM registered_tenant WHERE tenant_id <> ?1", zero.as_bytes()).await;
    if registered != i64::try_from(status.len())? {
        found.push(format!("{registered} tenants are registered, {} were acknowledged", status.len()));
    }
    if engine == Engine::Sqlite {
        let expected: BTreeSet<_> = status.keys().map(|id| format!("{id}.db")).collect();
        let strangers: Vec<_> =
            place.files()?.into_iter().filter(|name| !expected.contains(name.trim_end_matches("-wal").trim_end_matches("-shm"))).collect();
        if !strangers.is_empty() {
            found.push(format!("files of no tenant: {}", strangers.join(", ")));
        }
    }
    for (id, status) in status {
        found.extend(tenant(raw, platform, id, status).await?);
    }
    Ok(found)
}

async fn tenant(raw: &Raw, platform: &Realm<'_>, id: &str, status: &str) -> Result<Vec<String>> {
    let own = id.parse::<TenantId>()?;
    let presets = i64::try_from(Profile::presets().len())?;
    let of_status = |table: &str| format!("SELECT count(*) FROM {table} WHERE tenant_id = ?1 AND status = '{status}'");
    let (register, record) = (of_status("registered_tenant"), of_status("tenant"));
    let whole = [
        (&*platform.id, "entries as it was left", &*register, 1..=1),
        (id, "records as it was left", &record, 1..=1),
        (id, "wrapped keys", "SELECT count(*) FROM kek WHERE tenant_id = ?1", 2..=2),
        (id, "counters", "SELECT count(*) FROM counter WHERE tenant_id = ?1 AND name = 'certificates'", 1..=1),
        (id, "profiles", "SELECT count(DISTINCT name) FROM profile WHERE tenant_id = ?1", presets..=i64::MAX),
        (id, "purpose keys", "SELECT count(*) FROM purpose_key WHERE tenant_id = ?1", 5..=5),
        (id, "events", "SELECT count(*) FROM event WHERE tenant_id = ?1", 1..=i64::MAX),
    ];
    let mut found = Vec::new();
    for (realm, what, sql, expected) in whole {
        let there = raw.count(realm, sql, own.as_bytes()).await;
        if !expected.contains(&there) {
            found.push(format!("half a tenant: {id}, {status}, has {there} {what}"));
        }
    }
    Ok(found)
}
