//! Checkpoints of the logs, fetched while the server lives and kept outside: at the end each must be a beginning of the log that stands.

use crate::client::{Client, Http, get};
use crate::database::Place;
use anyhow::Result;
use chancery_domain::TenantId;
use chancery_evidence::{Checkpoint, VerifierKey};
use chancery_testkit::whole_log::{self, Kept};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What was kept of each realm's log.
pub(crate) type Checkpoints = Arc<Mutex<BTreeMap<String, Vec<Kept>>>>;

/// A realm and a token of it, for each realm.
pub(crate) fn members(clients: &[Client]) -> BTreeMap<String, String> {
    let realm = |client: &Client| client.tenant.as_ref().map_or_else(|| TenantId::PLATFORM.to_string(), |tenant| tenant.id.clone());
    clients.iter().map(|client| (realm(client), client.token.clone())).collect()
}

/// Fetches every realm's checkpoints until told to stop; what is wrong with any.
pub(crate) async fn watch(http: Http, members: BTreeMap<String, String>, stop: Arc<AtomicBool>, kept: Checkpoints) -> Vec<String> {
    let mut wrong = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for (realm, token) in &members {
            let Some((200, log)) = get(&http, token, &format!("/v1/tenants/{realm}/log")).await else { continue };
            for epoch in log["epochs"].as_array().into_iter().flatten() {
                match checkpoint(epoch) {
                    Some(fetched) => {
                        let mut all = kept.lock().unwrap_or_else(PoisonError::into_inner);
                        let own = all.entry(realm.clone()).or_default();
                        if own.last() != Some(&fetched) {
                            own.push(fetched);
                        }
                    }
                    None => wrong.push(format!("a checkpoint of {realm} does not verify: {epoch}")),
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    wrong
}

fn checkpoint(epoch: &Value) -> Option<Kept> {
    let key = VerifierKey::parse(epoch["verifier_key"].as_str()?).ok()?;
    let checkpoint = Checkpoint::open(epoch["checkpoint"].as_str()?.as_bytes(), &key).ok()?;
    Some(Kept { epoch: u32::try_from(epoch["epoch"].as_u64()?).ok()?, checkpoint })
}

/// Whether each realm's stored log is whole, and begins as every checkpoint that was fetched says; how many those were.
pub(crate) async fn whole<'a>(place: &Place, realms: impl Iterator<Item = &'a str>, kept: &Checkpoints) -> Result<(usize, Vec<String>)> {
    let (store, mut compared, mut found) = (place.store().await?, 0, Vec::new());
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for realm in realms {
        let own = kept.get(realm).map(Vec::as_slice).unwrap_or_default();
        compared += own.len();
        found.extend(whole_log::check(&store.tenant(realm.parse()?), own).await.err().map(|wrong| format!("the log of {realm}: {wrong}")));
    }
    Ok((compared, found))
}
