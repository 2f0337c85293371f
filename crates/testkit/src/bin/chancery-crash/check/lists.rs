//! Certificates against what is published: each serial once, and every list as its revocations say.

use super::Realm;
use crate::act::Act;
use crate::client::Http;
use crate::world::{Seen, look};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is revoked stands on its list, and nothing else does.
pub(super) async fn lists(realm: &Realm<'_>, http: &Http, seen: &mut Seen) -> Vec<String> {
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let deeds = || realm.entries.iter().flat_map(|entry| entry.deeds());
    let made: BTreeMap<_, _> = deeds().filter(|deed| deed.act.certifies()).map(|deed| (deed.subject, deed.body)).collect();
    let path = |certificate: &Value| {
        let path = certificate["crl_url"].as_str().and_then(|url| url.split_once("/pki/"));
        path.map(|(_, rest)| format!("/pki/{rest}")).unwrap_or_default()
    };
    for certificate in made.values() {
        expected.entry(path(certificate)).or_default();
    }
    for deed in deeds().filter(|deed| deed.act == Act::Revoke) {
        let Some(certificate) = made.get(deed.subject) else { continue };
        expected.entry(path(certificate)).or_default().insert(certificate["serial"].as_str().unwrap_or_default().to_owned());
    }
    let mut found = Vec::new();
    for (path, serials) in expected {
        match look(http, &path, seen).await {
            Err(wrong) => found.push(wrong),
            Ok(None) => found.push(format!("{path}: no list was published, with {} revoked", serials.len())),
            Ok(Some(crl)) => {
                let listed: BTreeSet<_> = crl.entries().iter().map(|entry| entry.serial.to_string()).collect();
                if listed != serials {
                    let (missing, extra) = (serials.difference(&listed).count(), listed.difference(&serials).count());
                    found.push(format!(
                        "{path}, number {}: {missing} revoked certificates missing, {extra} listed that nobody revoked",
                        crl.number()
                    ));
                }
            }
        }
    }
    found
}

/// No serial number was given out twice.
pub(super) fn serials(realms: &[Realm<'_>]) -> Vec<String> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    let deeds = realms.iter().flat_map(|realm| &realm.entries).flat_map(|entry| entry.deeds());
    for deed in deeds.filter(|deed| deed.act.certifies()) {
        let serial = deed.body["serial"].as_str().unwrap_or_default();
        if let Some(other) = owners.insert(serial, deed.subject)
            && other != deed.subject
        {
            found.push(format!("serial {serial} is that of {other} and of {}", deed.subject));
        }
    }
    found
}
