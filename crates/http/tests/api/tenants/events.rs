//! `GET /v1/tenants/{tenant}/events`: the audit log (I4).

use crate::operations::{Called, objects, operations, ready};
use chancery_domain::TenantId;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn every_act_leaves_exactly_one_event_which_its_answer_names(server: &TestServer) {
    let (platform, there) = (TenantId::PLATFORM.to_string(), objects(server, &server.acme).await);
    let mut seen = 0;
    for operation in operations(server).await.iter().filter(|operation| operation.writes() && operation.path != "/v1/enrol") {
        let (token, ids) = ready(server, operation, &there).await;
        let realm = if operation.is_of_the_platform() { &platform } else { &server.acme.id };
        let by_somebody = async || {
            let log = server.log(&token, realm).await;
            log.into_iter().filter(|entry| entry["event"]["actor"]["kind"] == "account").collect::<Vec<_>>()
        };
        let before = by_somebody().await.len();
        let answer = operation.call(server.as_(&token), &ids).await;
        assert!(answer.status.is_success(), "{}: {}", operation.name(), answer.text());
        // Of many at once each names its own.
        let after = by_somebody().await;
        // A reply of RFC 3161 has no room for the event.
        let mut answer = if operation.path.ends_with("/timestamps") { json!({"event": after[0]}) } else { answer.json() };
        if answer["items"].is_array() {
            answer = answer["items"][0]["result"].take();
        }
        assert_eq!(after.len(), before + 1, "{}", operation.name());
        assert_eq!((&after[0]["id"], &after[0]["leaf"]), (&answer["event"]["id"], &answer["event"]["leaf"]), "{}", operation.name());
        assert_eq!(after[0]["event"]["outcome"], "done");
        assert_eq!(after[0]["event"]["tenant"], realm.as_str());
        seen += 1;
    }
    assert!(seen > 12);
}

async fn events_name_the_request_that_caused_them(server: &TestServer) {
    let body = json!({"profile": "tls-server", "names": [server.acme.host("www")]});
    let answer = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await;
    let event = server.events(&server.acme).await.into_iter().find(|entry| entry["id"] == answer.json()["event"]["id"]).unwrap();
    assert_eq!(event["event"]["request"], answer.header("x-request-id"));
    assert_eq!(event["event"]["actor"], json!({"kind": "account", "id": server.acme.account, "name": "admin"}));
}

/// What the realm's tables hold, row by row, but for its own unlocking.
async fn rows(server: &TestServer, tables: &[&str]) -> Vec<usize> {
    let id: TenantId = server.acme.id.parse().unwrap();
    server
        .below(async |raw| {
            let mut counts = Vec::new();
            for table in tables {
                let sql = format!("SELECT tenant_id FROM {table} WHERE tenant_id = ?1");
                counts.push(raw.rows(&server.acme.id, &sql, &[id.as_bytes()]).await.len());
            }
            counts
        })
        .await
}

// What cannot be logged does not happen.
async fn without_its_event_no_act_is_kept(server: &TestServer) {
    let tables =
        ["certificate", "certificate_order", "certificate_name", "private_key", "account", "token", "idempotency", "job", "profile"];
    let id: TenantId = server.acme.id.parse().unwrap();
    let before = rows(server, &tables).await;
    let sqlite = "CREATE TRIGGER silence BEFORE INSERT ON event
        WHEN EXISTS (SELECT 1 FROM certificate) OR (SELECT count(*) FROM account) > 1 OR (SELECT count(*) FROM profile) > 9
        BEGIN SELECT RAISE(ABORT, 'silenced'); END";
    let postgres = format!(
        "CREATE FUNCTION silence() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.tenant_id = '\\x{id}' AND (EXISTS (SELECT 1 FROM tenant.certificate WHERE tenant_id = NEW.tenant_id)
             OR (SELECT count(*) FROM tenant.account WHERE tenant_id = NEW.tenant_id) > 1
             OR (SELECT count(*) FROM tenant.profile WHERE tenant_id = NEW.tenant_id) > 9)
           THEN RAISE EXCEPTION 'silenced'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER silence BEFORE INSERT ON tenant.event FOR EACH ROW EXECUTE FUNCTION silence()",
        id = id.to_string().replace('-', "")
    );
    let set = if server.database().is_some() { postgres.as_str() } else { sqlite };
    server.below(async |raw| raw.execute(&server.acme.id, set).await).await;

    let acts: [(&str, &str, Value); 2] = [
        ("/certificates", "k1", json!({"profile": "tls-server", "names": [server.acme.host("www")]})),
        ("/accounts", "k2", json!({"name": "Max", "roles": ["viewer"]})),
    ];
    for (path, key, body) in &acts {
        let answer = server.as_(&server.acme.admin).once(key).post(&server.acme.path(path), body.clone()).await;
        let problem = answer.problem(500, "internal");
        assert!(!problem.to_string().contains("silenced"));
    }
    let mut profile = server.as_(&server.acme.admin).get(&server.acme.path("/profiles/mtls")).await.ok(200)["profile"].clone();
    profile["description"] = "changed".into();
    let change = server.as_(&server.acme.admin).with("if-match", "\"1\"");
    change.put(&server.acme.path("/profiles/mtls"), profile).await.problem(500, "internal");
    drop(change);

    assert_eq!(rows(server, &tables).await, before);
    let lift = if server.database().is_some() { "DROP TRIGGER silence ON tenant.event" } else { "DROP TRIGGER silence" };
    server.below(async |raw| raw.execute(&server.acme.id, lift).await).await;
    // Nothing stands in the way of the same keys now.
    for (path, key, body) in acts {
        server.as_(&server.acme.admin).once(key).post(&server.acme.path(path), body).await.ok(201);
    }
}

on_both_engines!(
    every_act_leaves_exactly_one_event_which_its_answer_names,
    events_name_the_request_that_caused_them,
    without_its_event_no_act_is_kept,
);
