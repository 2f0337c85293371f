//! `/v1/tenants/{tenant}/profiles…`: read and changed by version.

use chancery_testkit::{Answer, SimClock, TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

async fn change(server: &TestServer, tag: &str, profile: &Value) -> Answer {
    server.as_(&server.acme.admin).with("if-match", tag).put(&server.acme.path("/profiles/tls-server"), profile.clone()).await
}

async fn read(server: &TestServer) -> (String, Value) {
    let answer = server.as_(&server.acme.admin).get(&server.acme.path("/profiles/tls-server")).await;
    (answer.header("etag").to_owned(), answer.ok(200)["profile"].clone())
}

async fn a_version_follows_the_one_that_was_read(server: &TestServer) {
    let (tag, mut profile) = read(server).await;
    assert_eq!(tag, "\"1\"");
    profile["description"] = "shorter".into();
    profile["default_validity_seconds"] = 3600.into();
    let path = server.acme.path("/profiles/tls-server");
    server.as_(&server.acme.admin).put(&path, profile.clone()).await.problem(428, "precondition-required");
    for stale in ["\"2\"", "\"0\""] {
        change(server, stale, &profile).await.problem(412, "changed");
    }
    let changed = change(server, &tag, &profile).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    let changed = changed.ok(200);
    assert_eq!((&changed["version"], &changed["profile"]), (&json!(2), &profile));
    change(server, &tag, &profile).await.problem(412, "changed");
    assert_eq!(read(server).await, ("\"2\"".to_owned(), profile.clone()));

    let log = server.events(&server.acme).await;
    let events: Vec<_> = log.iter().filter(|entry| entry["event"]["act"] == "profile.change").collect();
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["id"], &events[0]["leaf"]), (&changed["event"]["id"], &changed["event"]["leaf"]));
    assert_eq!(events[0]["event"]["detail"]["content"], profile);
}

async fn of_changes_at_once_one_stands(server: &TestServer) {
    let (tag, profile) = read(server).await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let client = server.as_(&server.acme.admin).with("if-match", &tag);
            let (path, mut profile) = (server.acme.path("/profiles/tls-server"), profile.clone());
            profile["description"] = format!("number {number}").into();
            tokio::spawn(async move { client.put(&path, profile).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[15]), (200, 412, 412), "{statuses:?}");
    assert_eq!(read(server).await.0, "\"2\"");
}

async fn bad_profiles_are_refused(server: &TestServer) {
    let (tag, good) = read(server).await;
    for (field, value) in [
        ("key_algorithms", json!([])),
        ("extended_key_usage", json!([])),
        ("custody", json!([])),
        ("max_names", json!(0)),
        ("max_validity_seconds", json!(299)),
        ("default_validity_seconds", json!(91 * 86_400)),
        ("validity_schedule", json!([{"from": "2030-01-01T00:00:00Z", "max_validity_seconds": 1}])),
        ("renewal_window_percent", json!(91)),
        ("description", json!("x".repeat(501))),
        ("name", json!("mtls")),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert_eq!(change(server, &tag, &bad).await.problem(422, "invalid")["field"], field);
    }
    for (field, value) in
        [("names", json!(["dns:*.*"])), ("custody", json!(["everybody"])), ("colour", json!("red")), ("name", json!("No"))]
    {
        let mut bad = good.clone();
        bad[field] = value;
        change(server, &tag, &bad).await.problem(400, "malformed");
    }
    assert_eq!(read(server).await, (tag, good));
}

// THREATS 19: renewal is decided under the policy in force now.
async fn a_change_takes_effect_on_issuance_and_renewal(server: &TestServer) {
    let second = server.second_node().await;
    let certificate = server.certificate(&server.acme, "www").await;
    let renew = server.acme.path(&format!("/certificates/{}/renew", certificate["id"].as_str().unwrap()));
    second.as_(&server.acme.admin).get(&server.acme.path("/profiles")).await.ok(200);

    let (tag, mut profile) = read(server).await;
    profile["names"] = json!([format!("dns:*.api.{}.example", server.acme.slug)]);
    change(server, &tag, &profile).await.ok(200);
    let reasons = json!([{
        "code": "name-not-in-profile", "field": "names",
        "message": format!("dns:{} matches no name pattern of this profile", server.acme.host("www")),
    }]);
    // On the node that has the old one cached, too: what is written is decided anew.
    for node in [server.node(), second.clone()] {
        let problem = node.as_(&server.acme.admin).post(&renew, json!({})).await.problem(422, "refused");
        assert_eq!(problem["reasons"], reasons);
    }
    let (tag, mut profile) = read(server).await;
    profile["names"] = json!(["dns:*"]);
    profile["default_validity_seconds"] = 7200.into();
    change(server, &tag, &profile).await.ok(200);
    // The other node may refuse as it did for as long as its lease.
    server.clock.advance_to(SimClock::START.after(Duration::from_secs(100)));
    let renewed = second.as_(&server.acme.admin).post(&renew, json!({})).await.ok(201);
    assert_eq!(renewed["not_after"], "2027-01-15T10:00:39Z");
    let order = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/orders/{}", renewed["order"].as_str().unwrap()))).await;
    assert_eq!(order.ok(200)["policy_version"], 3);

    let log = server.events(&server.acme).await;
    let refused: Vec<_> = log.iter().filter(|entry| entry["event"]["detail"]["cause"] == "policy").collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|entry| entry["event"]["detail"]["reasons"] == reasons && entry["event"]["detail"]["policy_version"] == 2));
}

async fn a_profile_of_ones_own_serves_its_tenant_alone(server: &TestServer) {
    let (admin, path) = (server.as_(&server.acme.admin), server.acme.path("/profiles"));
    let mut own = admin.get(&server.acme.path("/profiles/device")).await.ok(200)["profile"].clone();
    admin.post(&path, own.clone()).await.problem(409, "conflict");
    own["name"] = "printers".into();
    own["names"] = json!([format!("dns:{}", server.acme.host("*"))]);
    let once = server.as_(&server.acme.admin).with("idempotency-key", "printers");
    let made = once.clone().post(&path, own.clone()).await;
    assert_eq!(made.header("etag"), "\"1\"");
    let made = made.ok(201);
    assert_eq!((&made["version"], &made["profile"]), (&json!(1), &own));
    assert_eq!(once.post(&path, own.clone()).await.ok(201)["event"], made["event"]);
    admin.post(&path, own.clone()).await.problem(409, "conflict");
    admin.post(&server.acme.path("/certificates"), json!({"profile": "printers", "names": [server.acme.host("p1")]})).await.ok(201);

    for (field, value) in [("extended_key_usage", json!(["time-stamping", "server-auth"])), ("key_algorithms", json!([]))] {
        let mut bad = own.clone();
        (bad["name"], bad[field]) = ("bad".into(), value);
        assert_eq!(admin.post(&path, bad).await.problem(422, "invalid")["field"], field);
    }
    server.as_(&server.brava.admin).get(&server.brava.path("/profiles/printers")).await.problem(404, "not-found");
    let log = server.events(&server.acme).await;
    let events: Vec<_> = log.iter().filter(|entry| entry["event"]["act"] == "profile.create").collect();
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["leaf"], &events[0]["event"]["detail"]["content"]), (&made["event"]["leaf"], &own));
}

on_both_engines!(
    a_profile_of_ones_own_serves_its_tenant_alone,
    a_version_follows_the_one_that_was_read,
    of_changes_at_once_one_stands,
    bad_profiles_are_refused,
    a_change_takes_effect_on_issuance_and_renewal,
);
