//! Bindings: what holds where and until when, and who may give it.

use crate::operations::{Called, objects, operations};
use chancery_domain::port::Clock;
use chancery_testkit::matrix::Place;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

const MISSING: &str = "0190a000-0000-7000-8000-000000000001";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// A role of Acme's own; its id.
pub(crate) async fn role(server: &TestServer, name: &str, actions: &[&str]) -> String {
    let admin = server.as_(&server.acme.admin);
    text(&admin.post(&server.acme.path("/roles"), json!({"name": name, "actions": actions})).await.ok(201)["id"])
}

/// An account of Acme's without roles of its own; its id and token.
pub(crate) async fn nobody(server: &TestServer) -> (String, String) {
    server.account_of(&server.acme, json!({"name": "Somebody", "roles": []})).await
}

/// Binds; what is answered.
pub(crate) async fn bind(server: &TestServer, by: &str, account: &str, role: &str, scope: Value) -> Value {
    server.as_(by).post(&server.acme.path("/bindings"), json!({"account": account, "role": role, "scope": scope})).await.ok(201)
}

/// Every operation on an object, with objects that are there, by somebody who holds every action of the tenant, but nowhere.
async fn what_holds_nowhere_permits_nothing(server: &TestServer) {
    let (account, token) = nobody(server).await;
    let nowhere = [
        json!({"environments": ["nowhere"]}),
        json!({"profiles": []}),
        json!({"signers": []}),
        json!({"issuers": []}),
        json!({"names": []}),
    ];
    for scope in nowhere {
        bind(server, &server.acme.admin, &account, "tenant-admin", scope).await;
    }
    let ids = objects(server, &server.acme).await;
    let (mut refused, mut empty, mut absent) = (0, 0, 0);
    for operation in operations(server).await.iter().filter(|operation| operation.is_in_a_realm()) {
        server.clock.advance(Duration::from_secs(4));
        let answer = operation.call(server.as_(&token), &ids).await;
        let (what, status, body) = (operation.name(), answer.status.as_u16(), answer.text());
        if operation.path.contains("/bulk-") {
            assert!(status == 200 && body.contains("urn:chancery:problem:outside-scope"), "{what}: {body}");
            refused += 1;
        } else if status == 200 && operation.method == "GET" {
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["items"], json!([]), "{what}: {body}");
            empty += 1;
        } else {
            assert!(status == 403 && body.contains("urn:chancery:problem:outside-scope"), "{what}: {status} {body}");
            refused += 1;
        }
        // Absent is said before not permitted, whatever is held (I7).
        let object = operation.ids.iter().rfind(|id| id.place == Place::Path && !["tenant", "shard"].contains(&id.name.as_str()));
        if let Some(object) = object {
            let missing = if ["profile", "signer"].contains(&object.name.as_str()) { "no-such-name" } else { MISSING };
            assert_eq!(operation.call_with(server.as_(&token), &ids, object, missing).await.status, 404, "{what}");
            absent += 1;
        }
    }
    assert!(refused > 50 && absent > 30, "{refused} {absent}");
    assert_eq!(empty, 6, "profiles, signers, issuers, certificates, orders and signatures");
    let log = server.events(&server.acme).await;
    let told = |entry: &&Value| entry["event"]["act"] == "denied" && entry["event"]["actor"]["id"] == account.as_str();
    let told: Vec<_> = log.iter().filter(told).collect();
    assert!(told.len() > 50 && told.iter().all(|entry| entry["event"]["detail"]["cause"] == "scope"), "{}", told.len());
}

async fn a_binding_holds_within_its_scope(server: &TestServer) {
    let acme = &server.acme;
    let (account, token) = nobody(server).await;
    let scope = json!({"profiles": ["tls-server"], "names": [format!("dns:*.web.{}.example", acme.slug)]});
    let made = bind(server, &acme.admin, &account, "issuer", scope.clone()).await;
    assert_eq!((&made["scope"], &made["role"], &made["granted_by"]), (&scope, &json!("issuer"), &json!(acme.account)));
    let client = server.as_(&token);
    let issue =
        async |profile: &str, names: Value| client.post(&acme.path("/certificates"), json!({"profile": profile, "names": names})).await;
    let inside = issue("tls-server", json!([acme.host("a.web")])).await.ok(201);
    issue("tls-server", json!([acme.host("a.web"), acme.host("b")])).await.problem(403, "outside-scope");
    issue("tls-server", json!([acme.host("web")])).await.problem(403, "outside-scope");
    issue("tls-client", json!([acme.host("a.web")])).await.problem(403, "outside-scope");
    issue("no-such-profile", json!([acme.host("a.web")])).await.problem(422, "invalid");

    let others = server.certificate(acme, "other").await;
    let path = |id: &Value, rest: &str| acme.path(&format!("/certificates/{}{rest}", text(id)));
    for rest in ["", "/pem"] {
        assert_eq!(client.get(&path(&inside["id"], rest)).await.status, 200);
        client.get(&path(&others["id"], rest)).await.problem(403, "outside-scope");
    }
    client.post(&path(&others["id"], "/revoke"), json!({"reason": "superseded"})).await.problem(403, "outside-scope");
    client.post(&path(&others["id"], "/renew"), json!({})).await.problem(403, "outside-scope");
    client.post(&path(&inside["id"], "/renew"), json!({})).await.ok(201);
    client.post(&path(&inside["id"], "/revoke"), json!({"reason": "superseded"})).await.ok(200);

    // Lists show what lies within, whatever the page.
    for (list, count) in [("/certificates", 2), ("/orders", 2), ("/profiles", 1), ("/issuers", 0), ("/signers", 0)] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let paged = if ["/certificates", "/orders"].contains(&list) { format!("?limit=1{cursor}") } else { String::new() };
            let page = client.get(&acme.path(&format!("{list}{paged}"))).await.ok(200);
            found.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        // Profiles have no names, so a scope that limits names covers none of them.
        let count = if list == "/profiles" { 0 } else { count };
        assert_eq!(found.len(), count, "{list}: {found:?}");
    }
    client.get(&acme.path("/events")).await.problem(403, "forbidden");
    client.get(&acme.path("/certificates/export/csv")).await.problem(403, "outside-scope");
}

async fn an_environment_is_kept_by_those_within_it(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let standing = admin.get(&acme.path("/profiles/tls-server")).await.ok(200)["profile"].clone();
    let labelled = |name: &str, environment: Option<&str>| {
        let mut profile = standing.clone();
        profile["name"] = name.into();
        environment.into_iter().for_each(|label| profile["environment"] = label.into());
        profile
    };
    admin.post(&acme.path("/profiles"), labelled("live", Some("production"))).await.ok(201);
    admin.post(&acme.path("/profiles"), labelled("trial", Some("staging"))).await.ok(201);
    let (account, token) = nobody(server).await;
    let own = role(server, "staging-admin", &["profile:read", "profile:write", "certificate:issue", "certificate:read"]).await;
    bind(server, &acme.admin, &account, &own, json!({"environments": ["staging"]})).await;
    let client = server.as_(&token);
    let change = async |profile: Value| {
        let path = acme.path(&format!("/profiles/{}", text(&profile["name"])));
        server.as_(&token).with("if-match", "\"1\"").with("content-type", "application/json").send("PUT", &path, profile.to_string()).await
    };
    change(labelled("live", Some("staging"))).await.problem(403, "outside-scope");
    change(labelled("trial", Some("production"))).await.problem(403, "outside-scope");
    change(labelled("trial", None)).await.problem(403, "outside-scope");
    client.post(&acme.path("/profiles"), labelled("more", Some("production"))).await.problem(403, "outside-scope");
    client.post(&acme.path("/profiles"), labelled("more", Some("staging"))).await.ok(201);
    let listed = client.get(&acme.path("/profiles")).await.ok(200);
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| text(&item["profile"]["name"])).collect();
    assert_eq!(names, ["more", "trial"]);
    let issue =
        async |profile: &str| client.post(&acme.path("/certificates"), json!({"profile": profile, "names": [acme.host("a")]})).await;
    let made = issue("trial").await.ok(201);
    issue("live").await.problem(403, "outside-scope");
    // What came of a profile goes where its profile goes.
    let moved = labelled("trial", Some("production"));
    let put = admin.with("if-match", "\"1\"").with("content-type", "application/json");
    put.send("PUT", &acme.path("/profiles/trial"), moved.to_string()).await.ok(200);
    client.get(&acme.path(&format!("/certificates/{}", text(&made["id"])))).await.problem(403, "outside-scope");
}

async fn signers_are_told_apart(server: &TestServer) {
    let acme = &server.acme;
    let ids = objects(server, acme).await;
    let (account, token) = nobody(server).await;
    bind(server, &acme.admin, &account, "signer", json!({"signers": [ids["signer"]]})).await;
    let client = server.as_(&token);
    let sign = json!({"format": "raw", "documents": [{"digest": format!("sha-256:{}", "7f".repeat(32))}]});
    let made = client.post(&acme.path(&format!("/signers/{}/signatures", ids["signer"])), sign.clone()).await.ok(201);
    client.post(&acme.path(&format!("/signers/{}/signatures", ids["stamper"])), sign).await.problem(403, "outside-scope");
    let listed = client.get(&acme.path("/signers")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect::<Vec<_>>(), [ids["signer"].clone()]);
    client.get(&acme.path(&format!("/signatures/{}", text(&made["id"])))).await.ok(200);
    let listed = client.get(&acme.path("/signatures")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "both are that signer's");
}

async fn a_binding_ends_on_the_millisecond_or_when_it_is_taken_back(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let (account, token) = nobody(server).await;
    let profiles = || async { server.as_(&token).get(&acme.path("/profiles/tls-server")).await };
    profiles().await.problem(403, "forbidden");
    let end = server.clock.now().after(Duration::from_secs(2));
    let body = json!({"account": account, "role": "viewer", "expires_at": end.to_string()});
    let made = admin.post(&acme.path("/bindings"), body).await.ok(201);
    profiles().await.ok(200);
    // Within the lease, with no word from the store.
    server.clock.advance_to(end);
    profiles().await.problem(403, "forbidden");
    assert_eq!(made["expires_at"], json!(end.to_string()));
    let past = json!({"account": account, "role": "viewer", "expires_at": end.to_string()});
    admin.post(&acme.path("/bindings"), past).await.problem(422, "invalid");

    let lasting = bind(server, &acme.admin, &account, "viewer", json!({})).await;
    profiles().await.ok(200);
    let take_back = acme.path(&format!("/bindings/{}/end", text(&lasting["id"])));
    admin.post(&take_back, json!({})).await.ok(200);
    profiles().await.problem(403, "forbidden");
    admin.post(&take_back, json!({})).await.problem(409, "conflict");
    let acts: Vec<_> = server.events(acme).await.iter().map(|entry| text(&entry["event"]["act"])).collect();
    assert_eq!(acts.iter().filter(|act| *act == "role.bind").count(), 2);
    assert_eq!(acts.iter().filter(|act| *act == "role.unbind").count(), 1);
}

/// Who grants within what they hold, and nothing more, whichever way it is tried.
async fn nobody_gives_wider_or_longer_than_they_hold(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let grants = role(server, "grants", &["role:read", "role:write", "account:read", "account:write"]).await;
    let (lead, token) = nobody(server).await;
    bind(server, &acme.admin, &lead, &grants, json!({})).await;
    let end = server.clock.now().after(Duration::from_secs(86_400));
    let held = json!({"account": lead, "role": "issuer", "scope": {"profiles": ["tls-server"]}, "expires_at": end.to_string()});
    admin.post(&acme.path("/bindings"), held).await.ok(201);
    let client = server.as_(&token);
    let (other, _) = nobody(server).await;
    let give = async |role: &str, scope: Value, until: Option<&str>| {
        let body = json!({"account": other, "role": role, "scope": scope, "expires_at": until});
        client.post(&acme.path("/bindings"), body).await
    };
    let (within, narrow) = (json!({"profiles": ["tls-server"]}), json!({"profiles": ["tls-server"], "names": ["dns:*.a.example"]}));
    let (end, later) = (end.to_string(), end.after(Duration::from_millis(1)).to_string());
    give("issuer", within.clone(), Some(&end)).await.ok(201);
    give("issuer", narrow, Some(&end)).await.ok(201);
    give("issuer", within.clone(), Some(&later)).await.problem(403, "escalation");
    give("issuer", within.clone(), None).await.problem(403, "escalation");
    give("issuer", json!({}), Some(&end)).await.problem(403, "escalation");
    give("issuer", json!({"profiles": ["tls-server", "tls-client"]}), Some(&end)).await.problem(403, "escalation");
    give("issuer", json!({"names": ["dns:*.a.example"]}), Some(&end)).await.problem(403, "escalation");
    give("auditor", within.clone(), Some(&end)).await.problem(403, "escalation");

    // Nor as the role of an account, by a token of one that has more, or by changing a role that somebody holds.
    client.post(&acme.path("/accounts"), json!({"name": "x", "roles": ["issuer"]})).await.problem(403, "escalation");
    client.post(&acme.path(&format!("/accounts/{other}/roles")), json!({"roles": ["issuer"]})).await.problem(403, "escalation");
    let (wide, _) = nobody(server).await;
    bind(server, &acme.admin, &wide, "issuer", json!({})).await;
    client.post(&acme.path(&format!("/accounts/{wide}/tokens")), json!({})).await.problem(403, "escalation");
    client.post(&acme.path(&format!("/accounts/{other}/tokens")), json!({})).await.ok(201);
    let own = text(&client.post(&acme.path("/roles"), json!({"name": "mine", "actions": ["role:read"]})).await.ok(201)["id"]);
    give(&own, json!({}), None).await.ok(201);
    let change = async |read: &str, actions: Value| {
        let client = server.as_(&token).with("if-match", read).with("content-type", "application/json");
        client.send("PUT", &acme.path(&format!("/roles/{own}")), json!({"name": "mine", "actions": actions}).to_string()).await
    };
    change("\"1\"", json!(["role:read", "certificate:issue"])).await.problem(403, "escalation");
    change("\"1\"", json!(["role:read", "account:read"])).await.ok(200);
    change("\"1\"", json!(["role:read"])).await.problem(412, "changed");
    change("\"2\"", json!(["account:read"])).await.ok(200);
    // When their own binding has ended they give nothing of it.
    server.clock.advance(Duration::from_secs(86_400));
    give("issuer", within, Some(&later)).await.problem(422, "invalid");
    let soon = server.clock.now().after(Duration::from_secs(1)).to_string();
    give("issuer", json!({"profiles": ["tls-server"]}), Some(&soon)).await.problem(403, "escalation");
}

async fn a_role_is_made_changed_and_removed(server: &TestServer) {
    let (acme, admin) = (&server.acme, server.as_(&server.acme.admin));
    let own = role(server, "web", &["certificate:read", "tenant:read"]).await;
    for (name, actions) in [("web", json!(["tenant:read"]))] {
        admin.post(&acme.path("/roles"), json!({"name": name, "actions": actions})).await.problem(409, "conflict");
    }
    for (name, actions) in [
        ("issuer", json!(["tenant:read"])),
        ("x", json!(["tenant:read"])),
        ("fine", json!([])),
        ("fine", json!(["no:such"])),
        ("fine", json!(["registry:write"])),
    ] {
        admin.post(&acme.path("/roles"), json!({"name": name, "actions": actions})).await.problem(422, "invalid");
    }
    let (account, token) = nobody(server).await;
    let bound = bind(server, &acme.admin, &account, &own, json!({})).await;
    assert_eq!(bound["role_name"], "web");
    server.as_(&token).get(&acme.path("/certificates")).await.ok(200);
    server.as_(&token).get(&acme.path("/profiles")).await.problem(403, "forbidden");
    let access = admin.get(&acme.path("/access")).await.ok(200);
    let row = access["items"].as_array().unwrap().iter().find(|item| item["account"] == account.as_str()).unwrap().clone();
    assert_eq!((&row["actions"], &row["bindings"]), (&json!(["tenant:read", "certificate:read"]), &json!(1)));

    let remove = acme.path(&format!("/roles/{own}/remove"));
    admin.post(&remove, json!({})).await.problem(409, "conflict");
    admin.post(&acme.path(&format!("/bindings/{}/end", text(&bound["id"]))), json!({})).await.ok(200);
    admin.post(&remove, json!({})).await.ok(200);
    admin.get(&acme.path(&format!("/roles/{own}"))).await.problem(404, "not-found");
    // Its name is free, and what is left of the binding is its id.
    role(server, "web", &["tenant:read"]).await;
    let left = admin.get(&acme.path(&format!("/bindings/{}", text(&bound["id"])))).await.ok(200);
    assert_eq!((left["role"].as_str(), left["role_name"].as_str()), (Some(own.as_str()), None));
    // Who may not act any more is bound to nothing.
    admin.post(&acme.path(&format!("/accounts/{account}/disable")), json!({})).await.ok(200);
    let body = json!({"account": account, "role": "viewer"});
    assert_eq!(admin.post(&acme.path("/bindings"), body).await.problem(422, "invalid")["field"], "account");
    for number in 1..200 {
        role(server, &format!("number-{number}"), &["tenant:read"]).await;
    }
    admin.post(&acme.path("/roles"), json!({"name": "one-more", "actions": ["tenant:read"]})).await.problem(403, "quota");
    // Another tenant may have a role of this name, too, and sees none of these.
    let theirs = server.in_brava();
    let brava = server.as_(&theirs.admin);
    brava.post(&theirs.path("/roles"), json!({"name": "web", "actions": ["tenant:read"]})).await.ok(201);
    assert_eq!(brava.get(&theirs.path("/roles")).await.ok(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(brava.get(&theirs.path("/bindings")).await.ok(200)["items"], json!([]));
}

on_both_engines!(
    what_holds_nowhere_permits_nothing,
    a_binding_holds_within_its_scope,
    an_environment_is_kept_by_those_within_it,
    signers_are_told_apart,
    a_binding_ends_on_the_millisecond_or_when_it_is_taken_back,
    nobody_gives_wider_or_longer_than_they_hold,
    a_role_is_made_changed_and_removed,
);
