//! `GET /v1/tenants/{tenant}/log`, and the sequencer behind it: every event has its place, every proof holds, and over what was changed
//! in the store nothing is signed (I14).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Entropy;
use chancery_evidence::{Checkpoint, Edge, Hash, InclusionProof, KeyKind, Note, Opening, VerifierKey, verify_consistency};
use chancery_keys::SoftwareKey;
use chancery_testkit::whole_log::{self, Kept};
use chancery_testkit::{Engine, Raw, TestServer, TestTenant, on_both_engines};
use serde_json::{Value, json};

async fn log(server: &TestServer, tenant: &TestTenant) -> Value {
    let log = server.as_(&tenant.admin).get(&tenant.path("/log")).await.ok(200);
    log["epochs"].as_array().unwrap().last().unwrap().clone()
}

fn key(epoch: &Value) -> VerifierKey {
    VerifierKey::parse(epoch["verifier_key"].as_str().unwrap()).unwrap()
}

fn checkpoint(epoch: &Value) -> Checkpoint {
    Checkpoint::open(epoch["checkpoint"].as_str().unwrap().as_bytes(), &key(epoch)).unwrap()
}

fn hash(value: &Value) -> Hash {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

/// Accounts, each of which leaves an event; the events' ids.
async fn act(server: &TestServer, tenant: &TestTenant, times: u32) -> Vec<String> {
    let mut events = Vec::new();
    for _ in 0..times {
        let body = json!({"name": "Somebody", "roles": ["viewer"]});
        let made = server.as_(&tenant.admin).post(&tenant.path("/accounts"), body).await.ok(201);
        events.push(made["event"]["id"].as_str().unwrap().to_owned());
    }
    events
}

async fn an_event_is_proved_to_stand_in_the_log(server: &TestServer) {
    let events = act(server, &server.acme, 3).await;
    let path = |event: &String| server.acme.path(&format!("/events/{event}/proof"));
    let early = server.as_(&server.acme.admin).get(&path(&events[0])).await;
    early.problem(503, "unavailable");
    server.run_jobs().await;
    let epoch = log(server, &server.acme).await;
    for event in &events {
        let proof = server.as_(&server.acme.admin).get(&path(event)).await.ok(200);
        let (leaf, salt) = (hash(&proof["leaf"]), hash(&proof["salt"]));
        let canonical = proof["canonical"].as_str().unwrap();
        assert_eq!(Opening { salt: &salt, canonical: canonical.as_bytes() }.leaf(), leaf);
        assert_eq!(serde_json::from_str::<Value>(canonical).unwrap()["id"], event.as_str());
        let inclusion = InclusionProof::parse(proof["proof"].as_str().unwrap()).unwrap();
        assert_eq!(inclusion.verify(&leaf, &key(&epoch)).unwrap(), checkpoint(&epoch));
        let entry = server.events(&server.acme).await.into_iter().find(|entry| entry["id"] == event.as_str()).unwrap();
        assert_eq!((&entry["log"], &entry["leaf"]), (&json!({"epoch": 1, "index": inclusion.index}), &proof["leaf"]));
    }
    // Another tenant's log is another one.
    let other = log(server, &server.brava).await;
    assert!(other["origin"] != epoch["origin"] && other["verifier_key"] != epoch["verifier_key"]);
    let text = server.as_(&server.acme.admin).get(&server.acme.path("/log/checkpoint")).await;
    assert_eq!((text.header("content-type"), text.text()), ("text/plain; charset=utf-8", epoch["checkpoint"].as_str().unwrap().to_owned()));
}

async fn a_longer_log_is_proved_to_begin_as_the_shorter(server: &TestServer) {
    let mut earlier = vec![checkpoint(&log(server, &server.acme).await)];
    for times in [1, 2, 5] {
        act(server, &server.acme, times).await;
        server.run_jobs().await;
        earlier.push(checkpoint(&log(server, &server.acme).await));
    }
    let ask = async |query: String| server.as_(&server.acme.admin).get(&server.acme.path(&format!("/log/consistency?{query}"))).await;
    for (before, after) in earlier.iter().flat_map(|before| earlier.iter().map(move |after| (before, after))) {
        let answer = ask(format!("from={}&to={}", before.size, after.size)).await;
        if before.size > after.size {
            answer.problem(422, "invalid");
            continue;
        }
        let hashes = answer.ok(200)["hashes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| BASE64.decode(text.as_str().unwrap()).unwrap())
            .collect::<Vec<_>>();
        let hashes: Vec<Hash> = hashes.into_iter().map(|hash| hash.try_into().unwrap()).collect();
        verify_consistency(&hashes, before.size, &before.root, after.size, &after.root).unwrap();
    }
    ask(format!("from=1&to={}", earlier.last().unwrap().size + 1)).await.problem(422, "invalid");
    ask("epoch=2".to_owned()).await.problem(404, "not-found");
}

async fn the_entries_make_the_root(server: &TestServer) {
    act(server, &server.acme, 4).await;
    server.run_jobs().await;
    let get = async |path: &str| server.as_(&server.acme.admin).get(&server.acme.path(path)).await;
    let epoch = log(server, &server.acme).await;
    let entries = get("/log/entries").await.ok(200);
    let mut leaves = Vec::new();
    for entry in entries["items"].as_array().unwrap() {
        assert_eq!(entry["index"], leaves.len());
        let (salt, canonical) = (hash(&entry["salt"]), entry["canonical"].as_str().unwrap());
        leaves.push(Opening { salt: &salt, canonical: canonical.as_bytes() }.leaf());
    }
    let mut edge = Edge::default();
    let tiles = edge.append(&leaves);
    assert_eq!(
        checkpoint(&epoch),
        Checkpoint { origin: epoch["origin"].as_str().unwrap().to_owned(), size: edge.size(), root: edge.root() }
    );
    assert_eq!(get("/log/tile?level=0&index=0").await.body, tiles[0].hashes.concat());
    get("/log/tile?level=0&index=1").await.problem(404, "not-found");
    get("/log/tile?level=9").await.problem(404, "not-found");
    get("/log/entries?tile=1").await.problem(404, "not-found");
}

async fn a_suspended_tenants_log_goes_on(server: &TestServer) {
    let before = whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap();
    let path = format!("/v1/platform/tenants/{}/suspend", server.acme.id);
    server.as_(&server.operator).post(&path, json!({})).await.ok(200);
    server.run_jobs().await;
    let after = whole_log::check(&server.view(&server.acme.id), &before).await.unwrap();
    assert!(after[0].checkpoint.size > before[0].checkpoint.size);
}

/// Several nodes sequence what all of them commit: each event once, and each checkpoint begins as every earlier one.
async fn nodes_that_sequence_at_once_make_one_log(server: &TestServer) {
    let (first, second) = (server.node().service.clone(), server.second_node().await.service.clone());
    let mut kept: Vec<Kept> = Vec::new();
    for _ in 0..6 {
        act(server, &server.acme, 3).await;
        let (one, two) = tokio::join!(first.work_until_idle(), second.work_until_idle());
        one.unwrap();
        two.unwrap();
        // Whoever lost leaves what came meanwhile to the next time.
        server.run_jobs().await;
        kept.extend(whole_log::check(&server.view(&server.acme.id), &kept).await.unwrap());
    }
    assert!(kept.len() == 6 && kept[0].checkpoint.size < kept[5].checkpoint.size);
}

/// What a server left when it ended is found by the lane, within a minute and a half.
async fn what_a_crash_left_gets_its_place(server: &TestServer) {
    act(server, &server.acme, 2).await;
    server.below(async |_| ()).await;
    assert!(whole_log::check(&server.view(&server.acme.id), &[]).await.is_err(), "nobody remembers");
    server.pass(std::time::Duration::from_secs(61)).await;
    whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap();
}

/// As a server runs: nobody asks for it.
async fn events_have_their_places_within_a_second(server: &TestServer) {
    let service = server.node().service.clone();
    let worker = tokio::spawn(async move { service.work().await });
    act(server, &server.acme, 2).await;
    let has_places = async || whole_log::check(&server.view(&server.acme.id), &[]).await.is_ok();
    // A busy machine gets more than the second.
    for _ in 0..500 {
        if has_places().await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(has_places().await, "they have none");
    worker.abort();
    let _ = worker.await;
}

/// What one tenant's tables hold up, it alone waits for; and it goes on soon after, not with the lane's minute. On PostgreSQL, whose rows
/// another session can hold.
async fn a_tenant_whose_store_hangs_holds_up_nobody_else(server: &TestServer) {
    let brava = server.in_brava();
    server.run_jobs().await;
    let raw = Raw::connect(server.database().unwrap()).await;
    let [id, other] = [&server.acme, brava].map(|tenant| tenant.id.replace('-', ""));
    // The sequencer takes tenants in the order of their ids.
    let (held, free) = if id < other { (&server.acme, brava) } else { (brava, &server.acme) };
    raw.execute(&held.id, &format!("BEGIN; SELECT 1 FROM log WHERE tenant_id = '\\x{}' FOR UPDATE", held.id.replace('-', ""))).await;
    act(server, held, 1).await;
    act(server, free, 1).await;
    let service = server.node().service.clone();
    let worker = tokio::spawn(async move { service.work().await });
    let has_places = async |tenant: &TestTenant| whole_log::check(&server.view(&tenant.id), &[]).await.is_ok();
    let get_places = async |tenant: &TestTenant| {
        for _ in 0..1500 {
            if has_places(tenant).await {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        false
    };
    assert!(get_places(free).await, "the other tenant's events have none");
    let waits = async || {
        let locks = "SELECT count(*) FROM pg_locks WHERE NOT granted AND octet_length(?1::bytea) = 16";
        for _ in 0..1500 {
            if raw.count(&held.id, locks, &[0; 16]).await > 0 {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        false
    };
    assert!(waits().await && !has_places(held).await, "the held tenant came to its end first");
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    raw.execute(&held.id, "ROLLBACK").await;
    assert!(get_places(held).await, "nobody tries again");
    worker.abort();
    let _ = worker.await;
}

/// The events of a store from before there was a log get their places from the daily sweep's turn at the latest.
async fn events_of_before_get_their_places(server: &TestServer) {
    let id = server.acme.id.parse::<chancery_domain::TenantId>().unwrap();
    let own = id.as_bytes().as_slice();
    let before = whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap();
    server
        .below(async |raw| {
            raw.change(&server.acme.id, "UPDATE event SET log_epoch = NULL, leaf_index = NULL WHERE tenant_id = ?1", &[own]).await;
            raw.change(&server.acme.id, "DELETE FROM log WHERE tenant_id = ?1", &[own]).await;
            raw.change(&server.acme.id, "DELETE FROM log_tile WHERE tenant_id = ?1", &[own]).await;
        })
        .await;
    assert!(whole_log::check(&server.view(&server.acme.id), &[]).await.is_err());
    server.pass(std::time::Duration::from_secs(86_400)).await;
    let after = whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap();
    assert!(after[0].checkpoint.size >= before[0].checkpoint.size);
}

async fn alarms(server: &TestServer) -> usize {
    server.events(&server.acme).await.iter().filter(|entry| entry["event"]["act"] == "log.stopped").count()
}

/// Whoever deletes a log's row gets no new history signed while anything else in the tables tells of the old one.
async fn a_log_whose_row_is_gone_is_not_begun_anew(server: &TestServer) {
    let [own, nobody] = [server.acme.id.parse::<chancery_domain::TenantId>().unwrap(), chancery_domain::TenantId::from_bytes([0xee; 16])];
    let (own, nobody) = (own.as_bytes().as_slice(), nobody.as_bytes().as_slice());
    let saved = if server.engine == Engine::Sqlite { "saved" } else { "public.saved" };
    act(server, &server.acme, 3).await;
    server.run_jobs().await;
    // Rows under another tenant's id are gone, and can be put back.
    let hide = "UPDATE {} SET tenant_id = ?2 WHERE tenant_id = ?1";
    let places = "UPDATE event SET log_epoch = NULL, leaf_index = NULL WHERE tenant_id = ?1 AND tenant_id <> ?2";
    let later = "UPDATE event SET log_epoch = 2 WHERE tenant_id = ?1 AND tenant_id <> ?2 AND leaf_index =
                 (SELECT max(e.leaf_index) FROM event e WHERE e.tenant_id = ?1)";
    let cases: [(&str, &[&str], &[&str]); 5] = [
        ("the row", &["log"], &[]),
        ("the row and the tiles", &["log", "log_tile"], &[]),
        ("the row and the places", &["log"], &[places]),
        ("the row of a later epoch, of which an event tells", &[], &[later]),
        (
            "the row of a later epoch, of which a tile tells",
            &[],
            &["UPDATE log_tile SET epoch = 2 WHERE tenant_id = ?1 AND tenant_id <> ?2"],
        ),
    ];
    for (told, (what, hidden, changes)) in (1..).zip(cases) {
        let before = whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap();
        server
            .below(async |raw| {
                raw.execute(&server.acme.id, &format!("CREATE TABLE {saved} AS SELECT * FROM event")).await;
                for change in hidden.iter().map(|table| hide.replace("{}", table)).chain(changes.iter().map(|change| (*change).to_owned()))
                {
                    assert!(raw.change(&server.acme.id, &change, &[own, nobody]).await > 0, "{change}");
                }
            })
            .await;
        act(server, &server.acme, 1).await;
        server.run_jobs().await;
        let epochs = server.view(&server.acme.id).log_epochs().await.unwrap();
        assert!(epochs.iter().all(|log| hidden.is_empty() && log.size == before[0].checkpoint.size), "{what}: {epochs:?}");
        assert_eq!(alarms(server).await, told, "{what}: the realm's own log says so, once");
        server
            .below(async |raw| {
                for table in hidden {
                    raw.change(&server.acme.id, &hide.replace("{}", table), &[nobody, own]).await;
                }
                raw.change(&server.acme.id, "UPDATE log_tile SET epoch = 1 WHERE tenant_id = ?1", &[own]).await;
                let back = ["log_epoch", "leaf_index"].map(|column| {
                    format!("{column} = (SELECT s.{column} FROM {saved} s WHERE s.tenant_id = event.tenant_id AND s.id = event.id)")
                });
                raw.change(&server.acme.id, &format!("UPDATE event SET {} WHERE tenant_id = ?1", back.join(", ")), &[own]).await;
                raw.execute(&server.acme.id, &format!("DROP TABLE {saved}")).await;
            })
            .await;
        server.clock.advance(std::time::Duration::from_secs(120));
        server.run_jobs().await;
        whole_log::check(&server.view(&server.acme.id), &before).await.unwrap_or_else(|found| panic!("{what}: {found}"));
    }
}

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Whoever signs the tree that is in the tables with a key of its own does not get it signed with the log's.
async fn a_checkpoint_under_a_key_from_outside_is_not_gone_on_with(server: &TestServer) {
    server.leaves_logs_changed();
    let id = server.acme.id.parse::<chancery_domain::TenantId>().unwrap();
    act(server, &server.acme, 3).await;
    server.run_jobs().await;
    let epoch = log(server, &server.acme).await;
    let (pair, _) = SoftwareKey::generate_as(KeyAlgorithm::Ed25519, &Sevens).unwrap();
    let public: [u8; 32] = *pair.spki_der().last_chunk().unwrap();
    let key = VerifierKey::new(epoch["origin"].as_str().unwrap(), KeyKind::Log, public).unwrap();
    let text = checkpoint(&epoch).text();
    let signature = pair.sign(text.as_bytes()).unwrap();
    let forged = Note::sign(text, &key, &signature).unwrap().to_string();
    let sql = "UPDATE log SET public_key = ?2, checkpoint = ?3 WHERE tenant_id = ?1";
    server.below(async |raw| raw.change(&server.acme.id, sql, &[id.as_bytes(), &public, forged.as_bytes()]).await).await;
    act(server, &server.acme, 1).await;
    server.run_jobs().await;
    assert_eq!(alarms(server).await, 1);
}

async fn over_a_changed_log_nothing_is_signed(server: &TestServer) {
    server.leaves_logs_changed();
    let id = server.acme.id.parse::<chancery_domain::TenantId>().unwrap();
    let own = id.as_bytes().as_slice();
    // What somebody who holds the tables may change; and back again.
    let zeroed = |column: &str| match server.engine {
        Engine::Sqlite => format!("CAST(x'0000' || substr({column}, 3) AS BLOB)"),
        Engine::Postgres => format!("'\\x0000'::bytea || substr({column}, 3)"),
    };
    let whole = async |what: &str| {
        let sizes = server.as_(&server.acme.admin).get(&server.acme.path("/log")).await;
        (what.to_owned(), sizes.json()["epochs"][0]["size"].clone())
    };
    let tables = [
        ("log_tile", "hashes", zeroed("hashes")),
        ("log", "checkpoint", zeroed("checkpoint")),
        ("log", "size", "size - 1".to_owned()),
        ("log", "public_key", zeroed("public_key")),
    ];
    let saved = if server.engine == Engine::Sqlite { "saved" } else { "public.saved" };
    for (told, (table, column, change)) in (1..).zip(tables) {
        server.run_jobs().await;
        let before = whole(column).await;
        let save = format!("CREATE TABLE {saved} AS SELECT * FROM {table}");
        let (change, restore) = (
            format!("UPDATE {table} SET {column} = {change} WHERE tenant_id = ?1"),
            format!(
                "UPDATE {table} SET {column} = (SELECT s.{column} FROM {saved} s WHERE s.tenant_id = {table}.tenant_id) WHERE tenant_id = ?1"
            ),
        );
        server
            .below(async |raw| {
                raw.execute(&server.acme.id, &save).await;
                raw.change(&server.acme.id, &change, &[own]).await;
            })
            .await;
        act(server, &server.acme, 1).await;
        server.run_jobs().await;
        assert!(whole_log::check(&server.view(&server.acme.id), &[]).await.is_err(), "{column}");
        assert_eq!(alarms(server).await, told, "{column}: the realm's own log says so, once");
        server
            .below(async |raw| {
                raw.change(&server.acme.id, &restore, &[own]).await;
                raw.execute(&server.acme.id, &format!("DROP TABLE {saved}")).await;
            })
            .await;
        // Mended, it goes on by itself, with the alarm in it.
        server.clock.advance(std::time::Duration::from_secs(120));
        server.run_jobs().await;
        whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap_or_else(|found| panic!("{column}: {found}"));
        assert!(whole(column).await.1.as_u64() > before.1.as_u64(), "{column}");
    }
}

/// What does not hold is not given out as a proof.
async fn of_a_changed_log_nothing_is_proved(server: &TestServer) {
    server.leaves_logs_changed();
    let events = act(server, &server.acme, 5).await;
    server.run_jobs().await;
    let get = async |path: String| server.as_(&server.acme.admin).get(&server.acme.path(&path)).await;
    let id = server.acme.id.parse::<chancery_domain::TenantId>().unwrap();
    let proof = format!("/events/{}/proof", events[0]);
    get(proof.clone()).await.ok(200);
    let flip = match server.engine {
        Engine::Sqlite => "UPDATE log_tile SET hashes = CAST(x'0000' || substr(hashes, 3) AS BLOB) WHERE tenant_id = ?1",
        Engine::Postgres => "UPDATE log_tile SET hashes = '\\x0000'::bytea || substr(hashes, 3) WHERE tenant_id = ?1",
    };
    server.below(async |raw| raw.change(&server.acme.id, flip, &[id.as_bytes()]).await).await;
    get(proof).await.problem(500, "internal");
    server
        .below(async |raw| raw.change(&server.acme.id, "DELETE FROM event WHERE tenant_id = ?1 AND leaf_index = 1", &[id.as_bytes()]).await)
        .await;
    get("/log/entries".to_owned()).await.problem(500, "internal");
}

/// I6: the log's key opens only where it was put, and without it nothing is signed.
async fn a_log_key_from_elsewhere_signs_nothing(server: &TestServer) {
    let [own, other] = [&server.acme, &server.brava].map(|tenant| tenant.id.parse::<chancery_domain::TenantId>().unwrap());
    let key = async |tenant: &TestTenant, id: &[u8]| {
        let found = server.below(async |raw| raw.rows(&tenant.id, "SELECT key FROM log WHERE tenant_id = ?1", &[id]).await).await;
        found[0][0].clone().unwrap()
    };
    let put = async |key: &[u8]| {
        let sql = "UPDATE log SET key = ?2 WHERE tenant_id = ?1";
        assert_eq!(server.below(async |raw| raw.change(&server.acme.id, sql, &[own.as_bytes(), key]).await).await, 1);
    };
    let right = key(&server.acme, own.as_bytes()).await;
    let mut changed = right.clone();
    *changed.last_mut().unwrap() ^= 1;
    let mut told = 0;
    for wrong in [key(&server.brava, other.as_bytes()).await, changed, right[..right.len() / 2].to_vec()] {
        put(&wrong).await;
        act(server, &server.acme, 1).await;
        server.run_jobs().await;
        assert!(whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap_err().contains("no place"));
        told += 1;
        assert_eq!(alarms(server).await, told, "the realm's own log says so, once");
    }
    put(&right).await;
    server.pass(std::time::Duration::from_secs(61)).await;
    whole_log::check(&server.view(&server.acme.id), &[]).await.unwrap();
}

mod a_tenant_whose_store_hangs_holds_up_nobody_else {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        chancery_testkit::run(super::Engine::Postgres, super::a_tenant_whose_store_hangs_holds_up_nobody_else).await;
    }
}

on_both_engines!(
    of_a_changed_log_nothing_is_proved,
    a_log_key_from_elsewhere_signs_nothing,
    an_event_is_proved_to_stand_in_the_log,
    a_longer_log_is_proved_to_begin_as_the_shorter,
    the_entries_make_the_root,
    a_suspended_tenants_log_goes_on,
    nodes_that_sequence_at_once_make_one_log,
    what_a_crash_left_gets_its_place,
    events_have_their_places_within_a_second,
    events_of_before_get_their_places,
    over_a_changed_log_nothing_is_signed,
    a_log_whose_row_is_gone_is_not_begun_anew,
    a_checkpoint_under_a_key_from_outside_is_not_gone_on_with,
);
