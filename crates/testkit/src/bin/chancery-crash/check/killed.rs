//! After each kill, before the next life: whether what was acknowledged is in the tables, and whether the tables agree with each other.

use super::count::Counts;
use super::{Realm, realms};
use crate::act::Act;
use crate::client::Client;
use crate::database::Place;
use anyhow::Result;
use chancery_domain::{EventId, TenantId};
use chancery_testkit::Raw;
use std::collections::HashMap;

/// What must be equal whenever anybody looks: in one statement, for PostgreSQL may still end what the killed server sent.
const ALWAYS: [(&str, &str); 8] = [
    (
        "the counter of live certificates is not their number",
        "SELECT (SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND status IN ('issued', 'renewed'))
         - coalesce((SELECT value FROM counter WHERE tenant_id = ?1 AND name = 'certificates'), 0)",
    ),
    ("a serial number was given out twice", "SELECT count(*) - count(DISTINCT serial) FROM certificate WHERE tenant_id = ?1"),
    (
        "revoked certificates are not as many as revocations",
        "SELECT (SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND status = 'revoked')
         - (SELECT count(*) FROM revocation WHERE tenant_id = ?1)",
    ),
    (
        "an order without its certificate, or a certificate without its order",
        "SELECT (SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND order_id IS NOT NULL)
         - (SELECT count(*) FROM certificate_order WHERE tenant_id = ?1 AND certificate_id IS NOT NULL)",
    ),
    ("a place in the log was given twice", "SELECT count(leaf_index) - count(DISTINCT leaf_index) FROM event WHERE tenant_id = ?1"),
    (
        "the log has a gap, or is not as long as the events that have places in it",
        "SELECT abs((SELECT count(leaf_index) - coalesce(max(leaf_index) + 1, 0) FROM event WHERE tenant_id = ?1))
         + abs((SELECT count(leaf_index) FROM event WHERE tenant_id = ?1) - coalesce((SELECT max(size) FROM log WHERE tenant_id = ?1), 0))",
    ),
    (
        "two documents a request, and not as many signatures were counted",
        "SELECT CAST(2 * (SELECT count(*) FROM signature WHERE tenant_id = ?1)
         - coalesce((SELECT sum(total) FROM counter WHERE tenant_id = ?1 AND name LIKE 'signatures:%'), 0) AS BIGINT)",
    ),
    (
        "what was taken in is not among the certificates",
        "SELECT (SELECT count(*) FROM certificate WHERE tenant_id = ?1 AND order_id IS NULL)
         - (SELECT count(*) FROM imported WHERE tenant_id = ?1)",
    ),
];

/// What is wrong, in words.
pub(crate) async fn killed(place: &Place, clients: &[Client]) -> Result<Vec<String>> {
    let realms = realms(clients);
    let (raw, _copy) = place.raw_of_killed(realms.iter().map(|realm| realm.id.as_str())).await?;
    let mut found = Vec::new();
    for realm in &realms {
        let id = realm.id.parse::<TenantId>()?;
        found.extend(events(&raw, realm, id).await);
        found.extend(signatures(&raw, realm, id).await);
        for (what, sql, expected) in Counts::of_journals(realm).rows(&realm.id) {
            let there = raw.count(&realm.id, sql, id.as_bytes()).await;
            if !expected.holds(there) {
                found.push(format!("{what} in {}: {there} in the tables, {expected} by the journals", realm.id));
            }
        }
        for (what, sql) in ALWAYS {
            let by = raw.count(&realm.id, sql, id.as_bytes()).await;
            if by != 0 {
                found.push(format!("{what} in {}: by {by}", realm.id));
            }
        }
    }
    Ok(found)
}

/// Every event that an answer named is there, with the leaf that it named.
async fn events(raw: &Raw, realm: &Realm<'_>, id: TenantId) -> Vec<String> {
    let rows = raw.rows(&realm.id, "SELECT id, leaf FROM event WHERE tenant_id = ?1", &[id.as_bytes()]).await;
    let leaves: HashMap<_, _> = rows
        .into_iter()
        .filter_map(|row| match <[Option<Vec<u8>>; 2]>::try_from(row) {
            Ok([Some(id), Some(leaf)]) => Some((id, leaf)),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for entry in &realm.entries {
        for deed in entry.deeds() {
            let named = deed.event().parse::<EventId>().ok().and_then(|event| leaves.get(event.as_bytes().as_slice()));
            match named {
                None => found.push(format!("acknowledged, and its event is not in the log: {}", entry.shown())),
                Some(leaf) if hex(leaf) != deed.body["event"]["leaf"].as_str().unwrap_or_default() => {
                    found.push(format!("acknowledged, and its event has another leaf: {}", entry.shown()));
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// Every signature that was given out is there, with the event that its answer named.
async fn signatures(raw: &Raw, realm: &Realm<'_>, id: TenantId) -> Vec<String> {
    let rows = raw.rows(&realm.id, "SELECT id, event_id FROM signature WHERE tenant_id = ?1", &[id.as_bytes()]).await;
    let uuid = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|bytes| EventId::from_slice(bytes).ok()).map(|id| id.to_string());
    let kept: HashMap<_, _> = rows.iter().filter_map(|row| Some((uuid(row.first()?)?, uuid(row.get(1)?)?))).collect();
    let given = realm
        .entries
        .iter()
        .filter(|entry| entry.act == Act::Sign)
        .flat_map(|entry| entry.deeds().into_iter().map(move |deed| (entry, deed)));
    let lost = given.filter(|(_, deed)| kept.get(deed.subject).map(String::as_str) != Some(deed.event()));
    lost.map(|(entry, _)| format!("a signature was given out and is not recorded so: {}", entry.shown())).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
