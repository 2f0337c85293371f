//! The comparison below the API: rows against events, counters against rows, and no half tenant.

use super::{Realm, happened};
use crate::act::Act;
use crate::database::Place;
use anyhow::Result;
use chancery_domain::profile::Profile;
use chancery_domain::{TenantId, Timestamp};
use chancery_testkit::{Engine, Raw};
use std::collections::BTreeSet;

/// All that the tables say otherwise than the log.
pub(super) async fn all(engine: Engine, place: &Place, realms: &[Realm<'_>]) -> Result<Vec<String>> {
    let raw = place.raw().await;
    let mut found = Vec::new();
    for realm in realms {
        found.extend(rows(&raw, realm).await?);
    }
    if let Some(platform) = realms.iter().find(|realm| realm.id == TenantId::PLATFORM.to_string()) {
        found.extend(tenants(engine, place, &raw, platform).await?);
    }
    Ok(found)
}

/// Each number of rows in a realm, with the query that counts them and the number that there must be.
async fn rows(raw: &Raw, realm: &Realm<'_>) -> Result<Vec<String>> {
    let events = |act: &str| realm.events.iter().filter(|entry| entry["event"]["act"] == act).count();
    let made = events("certificate.issue") + events("certificate.renew");
    let profiles = events("profile.create") + events("profile.change");
    let is_tenant = realm.id != TenantId::PLATFORM.to_string();
    let presets = if is_tenant { Profile::presets().len() } else { 0 };
    let repeatable = |act: Act| act != Act::ProfileChange;
    let keyed = realm.entries.iter().filter(|entry| repeatable(entry.act) && happened(entry)).count();
    let now = Timestamp::from_millis(i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis())?);
    let due = format!("SELECT count(*) FROM job WHERE tenant_id = ?1 AND (attempts > 0 OR due_at <= {})", now.millis());
    let expected = [
        ("events", "SELECT count(*) FROM event WHERE tenant_id = ?1", realm.events.len()),
        ("certificates", "SELECT count(*) FROM certificate WHERE tenant_id = ?1", made),
        ("serial numbers", "SELECT count(DISTINCT serial) FROM certificate WHERE tenant_id = ?1", made),
        ("orders", "SELECT count(*) FROM certificate_order WHERE tenant_id = ?1 AND certificate_id IS NOT NULL", made),
        ("revocations", "SELECT count(*) FROM revocation WHERE tenant_id = ?1", events("certificate.revoke")),
        (
            "revoked certificates",
            "SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND status = 'revoked'",
            events("certificate.revoke"),
        ),
        ("renewals", "SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND status = 'renewed'", events("certificate.renew")),
        ("accounts", "SELECT count(*) FROM account WHERE tenant_id = ?1", 1 + events("account.create")),
        ("tokens", "SELECT count(*) FROM token WHERE tenant_id = ?1 AND account_id IS NOT NULL", 1 + events("token.mint")),
        ("versions of profiles", "SELECT count(*) FROM profile WHERE tenant_id = ?1", presets + profiles),
        ("erased keys", "SELECT count(*) FROM private_key WHERE tenant_id = ?1 AND key IS NULL", events("private-key.erase")),
        (
            "fetches of keys",
            "SELECT CAST(coalesce(sum(fetches), 0) AS BIGINT) FROM private_key WHERE tenant_id = ?1",
            events("private-key.fetch"),
        ),
        ("CRL numbers", "SELECT CAST(coalesce(sum(number), 0) AS BIGINT) FROM crl WHERE tenant_id = ?1", events("crl.publish")),
        ("authorities", "SELECT count(*) FROM authority WHERE tenant_id = ?1", 2 * events("issuer.create")),
        ("idempotency records", "SELECT count(*) FROM idempotency WHERE tenant_id = ?1", keyed),
        ("messages not delivered", "SELECT count(*) FROM outbox WHERE tenant_id = ?1", 0),
        ("jobs not done", &due, 0),
    ];
    let counters = [
        ("the counter of live certificates", "SELECT value FROM counter WHERE tenant_id = ?1 AND name = 'certificates'"),
        ("live certificates", "SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND status IN ('issued', 'renewed')"),
    ];
    let id = realm.id.parse::<TenantId>()?;
    let mut found = Vec::new();
    for (what, sql, expected) in expected {
        let there = raw.count(&realm.id, sql, id.as_bytes()).await;
        if there != i64::try_from(expected)? {
            found.push(format!("{what} in {}: {there} in the tables, {expected} by the log and the journals", realm.id));
        }
    }
    if is_tenant {
        let [(what, value), (rows, live)] = counters;
        let (value, live) = (raw.count(&realm.id, value, id.as_bytes()).await, raw.count(&realm.id, live, id.as_bytes()).await);
        if value != live {
            found.push(format!("{what} in {} says {value}, and there are {live} {rows}", realm.id));
        }
    }
    Ok(found)
}

/// Every tenant of the register is whole, and nothing stands beside them.
async fn tenants(engine: Engine, place: &Place, raw: &Raw, platform: &Realm<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let ids: BTreeSet<_> =
        platform.entries.iter().filter(|entry| entry.act == Act::Tenant && entry.done()).map(|entry| entry.subject()).collect();
    let zero = TenantId::PLATFORM;
    let registered = raw.count(&platform.id, "SELECT count(*) FROM registered_tenant WHERE tenant_id <> ?1", zero.as_bytes()).await;
    if registered != i64::try_from(ids.len())? {
        found.push(format!("{registered} tenants are registered, {} were acknowledged", ids.len()));
    }
    let halfway = "SELECT count(*) FROM registered_tenant WHERE tenant_id <> ?1 AND status <> 'active'";
    let halfway = raw.count(&platform.id, halfway, zero.as_bytes()).await;
    if halfway > 0 {
        found.push(format!("{halfway} tenants are not settled"));
    }
    if engine == Engine::Sqlite {
        let expected: BTreeSet<_> = ids.iter().map(|id| format!("{id}.db")).collect();
        let strangers: Vec<_> =
            place.files()?.into_iter().filter(|name| !expected.contains(name.trim_end_matches("-wal").trim_end_matches("-shm"))).collect();
        if !strangers.is_empty() {
            found.push(format!("files of no tenant: {}", strangers.join(", ")));
        }
    }
    let presets = i64::try_from(Profile::presets().len())?;
    for id in ids {
        let own = id.parse::<TenantId>()?;
        let whole = [
            ("records", "SELECT count(*) FROM tenant WHERE tenant_id = ?1 AND status = 'active'", 1..=1),
            ("wrapped keys", "SELECT count(*) FROM kek WHERE tenant_id = ?1", 2..=2),
            ("counters", "SELECT count(*) FROM counter WHERE tenant_id = ?1", 1..=1),
            ("profiles", "SELECT count(DISTINCT name) FROM profile WHERE tenant_id = ?1", presets..=i64::MAX),
            ("purpose keys", "SELECT count(*) FROM purpose_key WHERE tenant_id = ?1", 5..=5),
            ("events", "SELECT count(*) FROM event WHERE tenant_id = ?1", 1..=i64::MAX),
        ];
        for (what, sql, expected) in whole {
            let there = raw.count(id, sql, own.as_bytes()).await;
            if !expected.contains(&there) {
                found.push(format!("half a tenant: {id} has {there} {what}"));
            }
        }
    }
    Ok(found)
}
