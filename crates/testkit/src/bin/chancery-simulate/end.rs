//! The end of a world: with nothing failing everything settles, and the journal is compared with the log and the tables.

use crate::act::Act;
use crate::check::serials;
use crate::client::{Client, Entry, World};
use crate::node::Ground;
use chancery_app::Page;
use chancery_domain::{IssuerId, TenantId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// A tenant: its admin, slug and first issuer.
pub(crate) type Tenant = (Client, String, IssuerId);

/// Events by realm and id.
pub(crate) type Log = BTreeMap<(TenantId, String), Value>;

/// What is to be done, and since when.
const LEFT: &str = "SELECT kind || ', taken ' || attempts || ' times', CASE WHEN attempts > 0 THEN 0 ELSE due_at END FROM job
     WHERE tenant_id = ?1
     UNION ALL SELECT 'a message ' || kind, 0 FROM outbox WHERE tenant_id = ?1
     UNION ALL SELECT 'an event without a place in the log', 0 FROM event WHERE tenant_id = ?1 AND leaf_index IS NULL
     UNION ALL SELECT 'a live certificate', not_after FROM certificate WHERE tenant_id = ?1 AND status IN ('issued', 'renewed')";

/// Lets time pass until nothing is left to do; half a day must be enough.
pub(crate) async fn settle(world: &Rc<World>, ground: &Ground, tenants: &[Tenant]) -> Result<(), String> {
    let sim = &world.sim;
    world.nodes.iter().for_each(|node| node.set_wrong(0));
    let mut left = Vec::new();
    // A job that failed often is held for an hour.
    for _ in 0..24 {
        sim.leap(Duration::from_secs(1800));
        tokio::time::sleep(Duration::from_secs(4)).await;
        left.clear();
        for realm in tenants.iter().map(|(admin, ..)| admin.realm).chain([TenantId::PLATFORM]) {
            let rows = ground.files.select(realm, LEFT).map_err(|error| error.to_string())?;
            let is_due =
                |row: &Vec<String>| row.get(1).and_then(|due| due.parse().ok()).is_none_or(|due: i64| due < sim.true_time().millis());
            left.extend(rows.into_iter().filter(is_due).map(|row| format!("{} in {realm}", row.join(", due at "))));
        }
        if left.is_empty() {
            return Ok(());
        }
    }
    Err(format!("twelve hours after the last failure there is left: {}", left.join("; ")))
}

/// Every realm's whole log.
pub(crate) async fn events(world: &Rc<World>, operator: &Client, tenants: &[Tenant]) -> Result<Log, String> {
    let mut log = Log::new();
    let [first, _] = &world.nodes;
    let service = first.service().ok_or("no node is up at the end")?;
    for client in tenants.iter().map(|(admin, ..)| admin).chain([operator]) {
        let failed = |failure: chancery_app::Failure| format!("the log of {} cannot be read: {failure}", client.name);
        let caller = service.authenticate(&client.token, service.request_id()).await.map_err(failed)?;
        let mut before = None;
        loop {
            // Reading it checks each event against its leaf hash.
            let page = service.events(&caller, Page { before, limit: 200 }).await.map_err(failed)?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            for entry in page {
                let event = serde_json::from_str(&entry.canonical).map_err(|error| error.to_string())?;
                log.insert((client.realm, entry.id.to_string()), event);
            }
        }
    }
    Ok(log)
}

/// The journal against log and tables.
pub(crate) async fn compare(world: &Rc<World>, ground: &Ground, operator: &Client, tenants: &[Tenant], before: &Log) -> Result<(), String> {
    let log = events(world, operator, tenants).await?;
    let journal = world.journal.borrow();
    acts(&journal, &log, before)?;
    for (admin, ..) in tenants {
        certificates(&journal, ground, admin.realm)?;
        signatures(&journal, ground, admin.realm)?;
        private_keys(&log, ground, admin.realm)?;
        lists(ground, admin.realm)?;
        addresses(ground, admin.realm)?;
    }
    publications(&log, ground)?;
    register(&journal, ground, tenants)
}

/// Every act that was acknowledged has its own event, and every event of an account an act.
fn acts(journal: &[Entry], log: &Log, before: &Log) -> Result<(), String> {
    let mut named = BTreeSet::new();
    for entry in journal {
        let Ok(done) = &entry.answer else { continue };
        let at = (entry.realm, done.event.clone());
        if !log.contains_key(&at) {
            return Err(format!("acknowledged, and its event is not in the log: {entry:?}"));
        }
        if !named.insert(at) {
            return Err(format!("two acts were answered with one event: {entry:?}"));
        }
    }
    let by_account = |event: &Value| {
        let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
        text(&event["actor"]["kind"]) == "account"
            && text(&event["outcome"]) == "done"
            && Act::EVENTS.contains(&text(&event["act"]).as_str())
    };
    let unasked = log.iter().find(|(at, event)| by_account(event) && !named.contains(at) && !before.contains_key(at));
    unasked.map_or(Ok(()), |(_, event)| Err(format!("an event of an act that nobody was told of: {event}")))
}

/// Certificates that clients asked for: those of signers came with their signers.
const OWN: &str = "SELECT id FROM certificate WHERE tenant_id = ?1
  AND id NOT IN (SELECT certificate_id FROM signer_version WHERE certificate_id IS NOT NULL)";

/// The tenant's certificates are those that were acknowledged.
fn certificates(journal: &[Entry], ground: &Ground, tenant: TenantId) -> Result<(), String> {
    let rows = ground.files.select(tenant, OWN).map_err(|error| error.to_string())?;
    let there: BTreeSet<String> = rows.into_iter().flatten().collect();
    let told = journal.iter().filter(|entry| entry.realm == tenant && entry.act.certifies()).filter_map(|entry| entry.answer.as_ref().ok());
    let told: BTreeSet<String> = told.map(|done| done.subject.replace('-', "")).collect();
    if let Some(id) = told.difference(&there).next() {
        return Err(format!("certificate {id} was acknowledged and is not there"));
    }
    there.difference(&told).next().map_or(Ok(()), |id| Err(format!("certificate {id} is there and nobody was told of it")))
}

/// The tenant's signatures are those that were given out.
fn signatures(journal: &[Entry], ground: &Ground, tenant: TenantId) -> Result<(), String> {
    let rows = ground.files.select(tenant, "SELECT id FROM signature WHERE tenant_id = ?1").map_err(|error| error.to_string())?;
    let there: BTreeSet<String> = rows.into_iter().flatten().collect();
    let told = journal.iter().filter(|entry| entry.realm == tenant && matches!(entry.act, Act::Sign(..)));
    let told = told.filter_map(|entry| entry.answer.as_ref().ok()).filter_map(|done| done.subject.split('/').next());
    let told: BTreeSet<String> = told.map(|id| id.replace('-', "")).collect();
    let other = told.symmetric_difference(&there).next();
    other.map_or(Ok(()), |id| Err(format!("signature {id} was given out and is not there, or is there and nobody was told of it")))
}

/// A private key was fetched as often as the log says, and erased where it says so.
fn private_keys(log: &Log, ground: &Ground, tenant: TenantId) -> Result<(), String> {
    let events = |act: &str, certificate: &str| {
        let about = |event: &Value| event["detail"]["certificate"].as_str().is_some_and(|id| id.replace('-', "") == certificate);
        let of = |event: &Value| event["act"] == act && event["outcome"] == "done" && about(event);
        log.iter().filter(|((realm, _), event)| *realm == tenant && of(event)).count()
    };
    let rows = ground.files.select(tenant, "SELECT certificate_id, fetches, key IS NULL FROM private_key WHERE tenant_id = ?1");
    for row in rows.map_err(|error| error.to_string())? {
        let [id, fetches, erased] = row.try_into().map_err(|_| "a row is too short")?;
        let logged = (events("private-key.fetch", &id), events("private-key.erase", &id));
        if (logged.0.to_string(), logged.1.to_string()) != (fetches.clone(), erased.clone()) {
            return Err(format!("private key {id} was fetched {fetches} times and erased {erased} times; the log counts {logged:?}"));
        }
    }
    Ok(())
}

/// What is revoked is on its list, and nothing else is.
fn lists(ground: &Ground, tenant: TenantId) -> Result<(), String> {
    let select = |query| ground.files.select(tenant, query).map_err(|error| error.to_string());
    let mut revoked: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for row in select("SELECT issuer_id, shard, serial FROM revocation WHERE tenant_id = ?1")? {
        let [issuer, shard, serial] = row.try_into().map_err(|_| "a row is too short")?;
        revoked.entry((issuer, shard)).or_default().insert(serial);
    }
    for row in select("SELECT issuer_id, shard, der FROM crl WHERE tenant_id = ?1")? {
        let [issuer, shard, der] = row.try_into().map_err(|_| "a row is too short")?;
        let (listed, expected) = (serials(&der)?, revoked.remove(&(issuer.clone(), shard)).unwrap_or_default());
        if listed != expected {
            return Err(format!("the list of issuer {issuer} has {listed:?}, and revoked are {expected:?}"));
        }
    }
    if revoked.is_empty() { Ok(()) } else { Err(format!("revoked, and there is no list: {revoked:?}")) }
}

/// Every authority with a certificate is found at its public address.
fn addresses(ground: &Ground, tenant: TenantId) -> Result<(), String> {
    let own = "SELECT public_id, id FROM authority WHERE tenant_id = ?1 AND certificate IS NOT NULL";
    let own = ground.files.select(tenant, own).map_err(|error| error.to_string())?;
    let known = ground.files.select(TenantId::PLATFORM, "SELECT public_id, issuer_id FROM public_address");
    let known = known.map_err(|error| error.to_string())?;
    own.iter().find(|row| !known.contains(row)).map_or(Ok(()), |row| Err(format!("no public address leads to issuer {row:?}")))
}

/// What the platform's log has of tenants' checkpoints is what they gave to it, each once. A minute may have ended since it was read.
fn publications(log: &Log, ground: &Ground) -> Result<(), String> {
    let select = |realm, query| ground.files.select(realm, query).map_err(|error| error.to_string());
    let flat = |rows: Vec<Vec<String>>| rows.into_iter().flatten().collect::<BTreeSet<String>>();
    let (mut given, mut delivered) = (BTreeSet::new(), BTreeSet::new());
    for id in flat(select(TenantId::PLATFORM, "SELECT tenant_id FROM registered_tenant WHERE tenant_id <> ?1")?) {
        let number = u128::from_str_radix(&id, 16).map_err(|_| format!("{id} is no tenant"))?;
        let tenant = TenantId::from_bytes(number.to_be_bytes());
        given.extend(flat(select(tenant, "SELECT event_id FROM publication WHERE tenant_id = ?1")?));
        let on_its_way =
            "SELECT event_id FROM publication WHERE tenant_id = ?1 AND event_id NOT IN (SELECT substr(payload, 1, 16) FROM outbox)";
        delivered.extend(flat(select(tenant, on_its_way)?));
    }
    if given.is_empty() {
        return Err("no tenant gave a checkpoint to the platform".to_owned());
    }
    let there = flat(select(TenantId::PLATFORM, "SELECT id FROM event WHERE tenant_id = ?1")?);
    if let Some(id) = delivered.difference(&there).next() {
        return Err(format!("a checkpoint was given to the platform, and its event {id} is not there"));
    }
    let told = log.iter().filter(|((realm, _), event)| *realm == TenantId::PLATFORM && event["act"] == "checkpoint.publish");
    let told: BTreeSet<String> = told.map(|((_, id), _)| id.replace('-', "")).collect();
    told.difference(&given).next().map_or(Ok(()), |id| Err(format!("the platform's event {id} is of a checkpoint that nobody gave")))
}

/// The tenants of the register are those that were acknowledged, each settled as its own record says.
fn register(journal: &[Entry], ground: &Ground, tenants: &[Tenant]) -> Result<(), String> {
    let rows = ground.files.select(TenantId::PLATFORM, "SELECT tenant_id, status FROM registered_tenant WHERE tenant_id <> ?1");
    let there: BTreeMap<String, String> =
        rows.map_err(|error| error.to_string())?.into_iter().filter_map(|row| <[String; 2]>::try_from(row).ok()).map(Into::into).collect();
    let made = journal.iter().filter(|entry| matches!(entry.act, Act::Tenant(_))).filter_map(|entry| entry.answer.as_ref().ok());
    let ids: BTreeSet<String> = made.map(|done| done.subject.clone()).collect();
    if there.len() != ids.len() {
        return Err(format!("{} tenants are registered and {} were acknowledged", there.len(), ids.len()));
    }
    for id in ids {
        let tenant: TenantId = id.parse().map_err(|_| format!("{id} is no tenant"))?;
        let whole = "SELECT t.status, (SELECT count(*) FROM kek), (SELECT count(*) FROM purpose_key), 
             (SELECT count(*) FROM counter WHERE name = 'certificates') FROM tenant t
             WHERE t.tenant_id = ?1";
        let own = ground.files.select(tenant, whole).map_err(|error| format!("tenant {id}: {error}"))?;
        let registered = there.get(&id.replace('-', "")).cloned().unwrap_or_default();
        if own != [[registered.as_str(), "2", "5", "1"]] || registered != "active" {
            return Err(format!("tenant {id} is {registered} in the register and {own:?} in its own store"));
        }
    }
    debug_assert!(tenants.len() <= there.len());
    Ok(())
}
