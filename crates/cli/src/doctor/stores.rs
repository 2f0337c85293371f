//! Keyring, databases, and what their content says of the server.

use super::Finding;
use crate::config::Config;
use crate::open::{self, Start};
use crate::system;
use chancery_app::StoredKeyring;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{TenantId, Timestamp};
use chancery_keys::{KekKind, KeyProvider, SoftwareProvider};
use chancery_store::postgres;
use chancery_store::{Page, Store, StoreError, sqlite};
use std::sync::Arc;
use std::time::Duration;

/// Work that is due for so long is not being done.
const STUCK: Duration = Duration::from_secs(300);
/// Clocks of several nodes differ by as much.
const DRIFT: Duration = Duration::from_secs(60);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let (provider, mut findings) = keyring(config).await;
    if config.database.is_none() {
        findings.push(integrity(config).await);
    }
    let store = match open::look_at_store(config).await {
        Ok(store) => store,
        Err(error) => {
            let advice = match error {
                StoreError::Unavailable(_) => "operator: see that the database runs and its URL is right; finish a restore that was begun",
                _ => "operator: set right what is named here; the server refuses to start on it",
            };
            findings.push(Finding::fault("database", error.to_string(), advice));
            return findings;
        }
    };
    let protected = if config.database.is_some() { "schema, role and row level security fit" } else { "schema fits" };
    findings.push(Finding::ok("database", protected));
    if let Some(database) = &config.database {
        findings.push(standby(&database.app_url).await);
        findings.push(durability(&database.app_url).await);
    }
    findings.push(restored(&store));
    match content(&store, provider.as_ref()).await {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::fault("content", error.to_string(), "operator: see the other findings, and the server's log")),
    }
    findings
}

async fn keyring(config: &Config) -> (Option<SoftwareProvider>, Vec<Finding>) {
    let ports = system::ports();
    let root = match open::root_key(&config.root_key, Start::Again, &*ports.entropy) {
        Ok(root) => root,
        Err(error) => {
            let advice = "operator: put the root key back from its own copy; without it nothing can be read";
            return (None, vec![Finding::fault("root key", error.to_string(), advice)]);
        }
    };
    let opened = match open::open_keyring(config, Start::Again).await {
        Err(error) => Err(error.to_string()),
        Ok(database) => {
            let keyring = Arc::new(StoredKeyring::new(database));
            SoftwareProvider::open(root, keyring, ports.entropy).await.map_err(|error| error.to_string())
        }
    };
    match opened {
        Ok(provider) => (Some(provider), vec![Finding::ok("root key", "opens the keyring")]),
        Err(seen) => {
            let advice = "operator: give the root key and the keyring that belong together; restore either from its own backup";
            (None, vec![Finding::fault("root key", format!("the keyring does not open: {seen}"), advice)])
        }
    }
}

async fn integrity(config: &Config) -> Finding {
    const CHECK: &str = "integrity";
    let advice = "operator: stop the server, look at the disk, restore the newest backup and reconcile";
    match sqlite::check_files(&config.data_dir).await {
        Err(error) => Finding::fault(CHECK, error.to_string(), advice),
        Ok(files) => match files
            .iter()
            .filter_map(|(name, sound)| Some((name, sound.as_ref().err()?)))
            .min_by_key(|(_, fault)| matches!(fault, StoreError::Schema(_)))
        {
            Some((name, fault)) => {
                // Files are brought up one by one, as their tenants are used.
                let behind = "operator: nothing is lost; a server of this version brings the file up when its tenant is used";
                let advice = if matches!(fault, StoreError::Schema(_)) { behind } else { advice };
                Finding::fault(CHECK, format!("{name}: {fault}"), advice)
            }
            None => Finding::ok(CHECK, format!("SQLite finds nothing wrong with {} files", files.len())),
        },
    }
}

/// What a start would refuse but for the operator's word.
async fn durability(url: &postgres::DatabaseUrl) -> Finding {
    const CHECK: &str = "durability";
    let advice = "database's administrator: set it to on; until then database_accept_unsafe_durability lets the server start";
    match postgres::unsafe_settings(url).await {
        Ok(found) if found.is_empty() => Finding::ok(CHECK, "the server's settings keep what was acknowledged"),
        Ok(found) => {
            let all: Vec<_> = found.iter().map(ToString::to_string).collect();
            Finding::warning(CHECK, all.join("; "), advice)
        }
        Err(error) => Finding::fault(CHECK, error.to_string(), advice),
    }
}

async fn standby(url: &postgres::DatabaseUrl) -> Finding {
    const CHECK: &str = "standby";
    let advice = "database's administrator: set synchronous_standby_names, if a failover must not lose what was acknowledged";
    match postgres::has_synchronous_standby(url).await {
        Ok(true) => Finding::ok(CHECK, "commits wait for a synchronous standby"),
        Ok(false) => Finding::warning(CHECK, "no synchronous standby: a failover may lose acknowledged acts", advice),
        Err(error) => Finding::fault(CHECK, error.to_string(), advice),
    }
}

fn restored(store: &Store) -> Finding {
    const CHECK: &str = "reconciliation";
    match store.restored() {
        None => Finding::ok(CHECK, "none is due"),
        Some(mark) => Finding::fault(
            CHECK,
            format!("restored at {} from a backup of {}: the server only reads, and no CRL is published", mark.restored_at, mark.taken_at),
            "operator: collect the CRLs published since, stop the server, run `chancery reconcile`",
        ),
    }
}

/// Keys, clock and lanes.
async fn content(store: &Store, provider: Option<&SoftwareProvider>) -> Result<Vec<Finding>, StoreError> {
    let now = system::ports().clock.now();
    let mut realms = vec![TenantId::PLATFORM];
    let mut page = Page { before: None, limit: 500 };
    loop {
        let found = store.platform().register(page).await?;
        realms.extend(found.iter().filter(|row| row.status != TenantStatus::Creating).map(|row| row.id));
        let Some(last) = found.last().filter(|_| found.len() == 500) else { break };
        page.before = Some(last.id);
    }
    let (mut keyless, mut newest) = (None, None);
    for realm in &realms {
        if let Some(provider) = provider {
            for kind in [KekKind::Main, KekKind::Log] {
                // Its wrapping key is opened; nothing of the tenant is.
                if let Err(error) = provider.wrap(*realm, kind, b"doctor", b"").await {
                    keyless = keyless.or(Some(error.to_string()));
                }
            }
        }
        let event = store.tenant(*realm).events(Page { before: None, limit: 1 }).await?.pop();
        newest = newest.max(event.map(|event| made_at(event.id.as_bytes())));
    }
    let mut findings = Vec::new();
    let advice = "operator: the keyring is older than the data, or another one; restore the newest backup of the keyring";
    match (provider, keyless) {
        (None, _) => {}
        (Some(_), None) => findings.push(Finding::ok("tenants' keys", format!("the keyring opens those of {} realms", realms.len()))),
        (Some(_), Some(seen)) => findings.push(Finding::fault("tenants' keys", seen, advice)),
    }
    findings.push(clock(newest, now));
    let late = store.platform().due_lanes(now.before(STUCK), 1).await?;
    findings.push(match late.first() {
        None => Finding::ok("lanes", "no work is overdue"),
        Some(lane) => Finding::warning(
            "lanes",
            format!("work of tenant {} is due since {}", lane.tenant, lane.due_at),
            "operator: start the server; if it runs, its log says which job fails",
        ),
    });
    Ok(findings)
}

fn clock(newest: Option<Timestamp>, now: Timestamp) -> Finding {
    match newest {
        Some(newest) if newest > now.after(DRIFT) => Finding::fault(
            "clock",
            format!("the newest event is of {newest}, the clock says {now}"),
            "operator: set the clock (NTP) before the server runs: validity and expiry follow it",
        ),
        _ => Finding::ok("clock", format!("{now}, not behind the newest event")),
    }
}

/// The milliseconds with which an event's id begins (RFC 9562 section 5.7).
fn made_at(id: &[u8; 16]) -> Timestamp {
    let millis = id.iter().take(6).fold(0_i64, |millis, byte| millis << 8 | i64::from(*byte));
    Timestamp::from_millis(millis)
}
