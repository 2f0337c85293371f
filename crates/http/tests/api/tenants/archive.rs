//! Archives in folders: log and evidence come there by themselves, whole and once, and verify there without the service (I14).

use super::signing::{digest, events, raw, sign, text};
use chancery_domain::TenantId;
use chancery_evidence::{VerifierKey, verify_export};
use chancery_testkit::{TestServer, on_both_engines};
use chancery_verify::{Known, Verdict, verify_bundle};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What lies below a folder, by its name there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(rest, content)| (format!("{name}/{rest}"), content)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

fn archive(server: &TestServer) -> BTreeMap<String, Vec<u8>> {
    files(&server.archives().join(&server.acme.id))
}

/// The lines of the log as they lie there, put together as an export; the newest first line, all whole tiles, and the widest part of the last.
fn export(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let of = |part: &str| files.iter().filter(move |(name, _)| name.starts_with(part)).collect::<Vec<_>>();
    let mut whole = of("log/00001/head/").last().unwrap().1.clone();
    let tiles = of("log/00001/0");
    tiles.iter().filter(|(name, _)| !name.contains(".p/")).for_each(|(_, lines)| whole.extend_from_slice(lines));
    let last = tiles.iter().rfind(|(name, _)| name.contains(".p/"));
    whole.extend(last.map(|(_, lines)| lines.as_slice()).unwrap_or_default());
    whole
}

/// Lets the archive come up to date.
async fn settle(server: &TestServer) {
    for seconds in [61, 2, 2, 61] {
        server.pass(Duration::from_secs(seconds)).await;
    }
}

async fn what_is_signed_comes_there_and_verifies_there(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let name = server.signer(&server.acme, "office", json!({ "retention": { "days": 30, "dispose": true } })).await;
    let first = sign(&admin, server, &name, raw(&digest(1))).await.ok(201);
    let set = admin.post(&server.acme.path("/archive"), json!({ "destination": "folder" })).await.ok(200);
    assert_eq!((&set["destination"], &set["exported"]), (&json!("folder"), &json!(0)));
    admin.post(&server.acme.path("/archive"), json!({ "destination": "folder" })).await.problem(409, "conflict");
    let second = sign(&admin, server, &name, raw(&digest(2))).await.ok(201);
    settle(server).await;
    let withdraw = server.acme.path(&format!("/signatures/{}/withdraw", text(&first["id"])));
    let withdrawn = admin.post(&withdraw, json!({ "reason": "the wrong annex" })).await.ok(200);
    settle(server).await;

    let trust = admin.get(&server.acme.path("/trust")).await.ok(200);
    let known = Known::parse(&serde_json::to_vec(&trust).unwrap()).unwrap();
    let there = archive(server);
    let verdict = |signature: &Value, event: &Value| {
        let name = format!("evidence/{}/{}.json", text(&signature["id"]), text(event));
        let report = verify_bundle(there.get(&name).unwrap_or_else(|| panic!("{name} among {:?}", there.keys())), Some(&known), None);
        (report.verdict, report.faults.first().map(|fault| fault.code))
    };
    assert_eq!(verdict(&first, &first["event"]["id"]), (Verdict::Valid, None));
    assert_eq!(verdict(&second, &second["event"]["id"]), (Verdict::Valid, None));
    assert_eq!(verdict(&first, &withdrawn["event"]["id"]), (Verdict::Invalid, Some("withdrawn")));
    // The log there is an export that verifies.
    let key = VerifierKey::parse(text(&trust["logs"][0]["keys"][0])).unwrap();
    let verified = verify_export(export(&there).as_slice(), &key, &[]).unwrap();
    let shown = admin.get(&server.acme.path("/archive")).await.ok(200);
    assert_eq!((verified.tenant.as_str(), json!(verified.checkpoint.size)), (server.acme.id.as_str(), shown["exported"].clone()));
    assert!(shown.get("failing_since").is_none() && shown["exported_at"].is_string(), "{shown}");
    // Manifests say whose it is, what there is, and what to trust.
    let manifests: Vec<Value> =
        there.iter().filter(|(name, _)| name.starts_with("manifest/")).map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect();
    let listed: Vec<_> = manifests.iter().flat_map(|manifest| manifest["objects"].as_array().unwrap()).collect();
    assert!(manifests.iter().all(|manifest| manifest["tenant"] == server.acme.id.as_str() && manifest["slug"] == "acme-bank"));
    assert_eq!(manifests.last().unwrap()["trust"], trust);
    for object in &listed {
        let content = &there[text(&object["key"])];
        let sha256 = chancery_x509::hash::digest(chancery_domain::signature::DigestAlgorithm::Sha256, content).to_string();
        assert_eq!(sha256, format!("sha-256:{}", text(&object["sha256"])));
    }
    assert_eq!(listed.len() + manifests.len(), there.len(), "nothing else is there");
    let kept = listed.iter().find(|object| text(&object["key"]).contains(text(&second["event"]["id"]))).unwrap();
    assert_eq!(kept["kept_until"], second["kept_until"]);
    // With nothing new nothing new comes, and nobody else's is there.
    settle(server).await;
    assert_eq!(archive(server), there);
    let folders: Vec<_> = fs::read_dir(server.archives()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(folders, [server.acme.id.as_str()]);
    let theirs = server.as_(&server.brava.admin).get(&server.brava.path("/archive")).await.ok(200);
    assert_eq!(theirs, json!({ "epoch": 0, "exported": 0, "failures": 0 }));
    admin.post(&server.acme.path("/archive/end"), json!({})).await.ok(200);
    assert_eq!(admin.get(&server.acme.path("/archive")).await.ok(200), theirs);
    admin.post(&server.acme.path("/archive/end"), json!({})).await.problem(404, "not-found");
    sign(&admin, server, &name, raw(&digest(3))).await.ok(201);
    settle(server).await;
    assert_eq!(archive(server), there);
}

async fn a_long_log_comes_tile_by_tile(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    for number in 0..300 {
        let account = json!({ "name": format!("account {number}"), "roles": ["viewer"] });
        admin.post(&server.acme.path("/accounts"), account).await.ok(201);
    }
    admin.post(&server.acme.path("/archive"), json!({ "destination": "folder" })).await.ok(200);
    settle(server).await;
    let there = archive(server);
    assert!(there.contains_key("log/00001/000000000000.jsonl"), "{:?}", there.keys());
    let trust = admin.get(&server.acme.path("/trust")).await.ok(200);
    let key = VerifierKey::parse(text(&trust["logs"][0]["keys"][0])).unwrap();
    assert!(verify_export(export(&there).as_slice(), &key, &[]).unwrap().checkpoint.size > 300);
}

async fn what_fails_is_told_and_made_up_for(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let shown = async || admin.get(&server.acme.path("/archive")).await.ok(200);
    fs::remove_dir(server.archives()).unwrap();
    admin.post(&server.acme.path("/archive"), json!({ "destination": "folder" })).await.ok(200);
    server.pass(Duration::from_secs(1)).await;
    let failing = shown().await;
    assert_eq!((&failing["failure"], &failing["failures"], &failing["exported"]), (&json!("unavailable"), &json!(1), &json!(0)));
    // After 30 s, a minute, two.
    for (seconds, failures) in [(29, 1), (2, 2), (59, 2), (2, 3), (119, 3), (2, 4)] {
        server.pass(Duration::from_secs(seconds)).await;
        assert_eq!(shown().await["failures"], failures);
    }
    assert_eq!(shown().await["failing_since"], failing["failing_since"]);
    assert_eq!(events(server, "archive.failed").await.len(), 1, "once");
    fs::create_dir(server.archives()).unwrap();
    server.pass(Duration::from_secs(241)).await;
    settle(server).await;
    let well = shown().await;
    assert_eq!((&well["failures"], well.get("failure")), (&json!(0), None));
    assert_eq!(events(server, "archive.recovered").await.len(), 1);
    assert!(!archive(server).is_empty());
    // Where the operator keeps no folder there is none.
    let without = server.node_without_archives().as_(&server.acme.admin);
    without.post(&server.acme.path("/archive/end"), json!({})).await.ok(200);
    without.post(&server.acme.path("/archive"), json!({ "destination": "folder" })).await.problem(422, "invalid");
}

async fn where_it_is_opens_only_there(server: &TestServer) {
    for (tenant, admin) in [(&server.acme, &server.acme.admin), (server.in_brava(), &server.brava.admin)] {
        server.as_(admin).post(&tenant.path("/archive"), json!({ "destination": "folder" })).await.ok(200);
    }
    let [acme, brava]: [TenantId; 2] = [&server.acme.id, &server.brava.id].map(|id| id.parse().unwrap());
    server
        .below(async |raw| {
            let theirs = raw.rows(&server.brava.id, "SELECT destination FROM archive WHERE tenant_id = ?1", &[brava.as_bytes()]).await;
            let theirs = theirs.into_iter().next().unwrap().remove(0).unwrap();
            let put = "UPDATE archive SET destination = ?2 WHERE tenant_id = ?1";
            assert_eq!(raw.change(&server.acme.id, put, &[acme.as_bytes(), &theirs]).await, 1);
        })
        .await;
    server.as_(&server.acme.admin).get(&server.acme.path("/archive")).await.problem(500, "internal");
    server.as_(&server.acme.admin).post(&server.acme.path("/archive/end"), json!({})).await.problem(500, "internal");
    server.below(async |raw| raw.change(&server.acme.id, "DELETE FROM archive WHERE tenant_id = ?1", &[acme.as_bytes()]).await).await;
}

on_both_engines!(
    what_is_signed_comes_there_and_verifies_there,
    a_long_log_comes_tile_by_tile,
    what_fails_is_told_and_made_up_for,
    where_it_is_opens_only_there,
);
