//! Retention and legal holds: nothing is removed before its time or while a hold is on it, and what is removed is told of.

use super::signing::{digest, events, raw, sign, text};
use chancery_testkit::{Client, TestServer, TestTenant, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// A signer whose signatures are removed after a week.
async fn weekly(server: &TestServer, tenant: &TestTenant) -> String {
    server.signer(tenant, "office", json!({ "retention": { "days": 7, "dispose": true } })).await
}

async fn shown(client: &Client, tenant: &TestTenant, signature: &Value) -> Value {
    client.get(&tenant.path(&format!("/signatures/{}", text(&signature["id"])))).await.ok(200)
}

fn is_there(signature: &Value) -> bool {
    let there = signature["documents"][0].get("signature").is_some();
    assert_eq!(signature.get("removed_at").is_none(), there, "{signature}");
    there
}

async fn hold(client: &Client, tenant: &TestTenant, on: &str) -> Value {
    client.post(&tenant.path(&format!("{on}/holds")), json!({ "name": "Acme v. Brava", "reason": "the court asks" })).await.ok(201)
}

async fn release(client: &Client, tenant: &TestTenant, hold: &Value) -> Value {
    client.post(&tenant.path(&format!("/holds/{}/release", text(&hold["id"]))), json!({ "reason": "the case is closed" })).await.ok(200)
}

async fn what_is_past_its_retention_is_removed_and_told_of(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let kept = server.signer(&server.acme, "archive", json!({ "retention": { "days": 7, "dispose": false } })).await;
    let (office, ever) = (weekly(server, &server.acme).await, server.signer(&server.acme, "ever", json!({})).await);
    let signed = [&office, &kept, &ever].map(|name| (name.clone(), raw(&digest(1))));
    let mut made = Vec::new();
    for (name, body) in signed {
        made.push(sign(&admin, server, &name, body).await.ok(201));
    }
    assert_eq!(made.iter().map(|made| made.get("kept_until").is_some()).collect::<Vec<_>>(), [true, true, false]);
    // A shorter retention is for what is signed from now on; the time of what was signed stands.
    let path = server.acme.path(&format!("/signers/{kept}/signing-profile"));
    let mut profile = admin.get(&server.acme.path(&format!("/signers/{kept}"))).await.ok(200)["signing_profile"].clone();
    for bad in [0, 6, 36_501] {
        profile["retention"] = json!({ "days": bad, "dispose": true });
        admin.clone().with("if-match", "\"1\"").put(&path, profile.clone()).await.problem(422, "invalid");
    }
    server.pass(DAY * 7 - Duration::from_secs(60)).await;
    for made in &made {
        assert!(is_there(&shown(&admin, &server.acme, made).await), "not before its time");
    }
    // Within the day after.
    server.pass(DAY + Duration::from_secs(120)).await;
    let there: Vec<_> =
        [shown(&admin, &server.acme, &made[0]).await, shown(&admin, &server.acme, &made[1]).await].iter().map(is_there).collect();
    assert_eq!(there, [false, true]);
    let removed = shown(&admin, &server.acme, &made[0]).await;
    assert_eq!(removed["documents"][0]["digest"], digest(1), "of what it was is told");
    let listed = admin.get(&server.acme.path("/signatures")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().iter().filter(|item| is_there(item)).count(), 2);
    // Its event stands in the log as before; there is no evidence of it any more, which says why.
    let told = events(server, "signature.dispose").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["event"]["actor"]["kind"], &told[0]["event"]["detail"]["signatures"][0]["signature"]),
        (&json!("system"), &made[0]["id"])
    );
    server.run_jobs().await;
    let evidence = async |made: &Value| admin.get(&server.acme.path(&format!("/events/{}/evidence", text(&made["event"]["id"])))).await;
    let gone = evidence(&made[0]).await.problem(410, "gone");
    assert!(text(&gone["detail"]).contains(text(&removed["removed_at"])) && text(&gone["detail"]).contains(text(&told[0]["id"])), "{gone}");
    evidence(&made[1]).await.ok(200);
    let retain = server.acme.path(&format!("/signatures/{}/retain", text(&made[0]["id"])));
    admin.post(&retain, json!({ "kept_until": "2060-01-01T00:00:00Z" })).await.problem(409, "conflict");
}

async fn retention_is_lengthened_and_never_shortened(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let office = weekly(server, &server.acme).await;
    let made = sign(&admin, server, &office, raw(&digest(1))).await.ok(201);
    let path = server.acme.path(&format!("/signatures/{}/retain", text(&made["id"])));
    let retain = async |until: &str| admin.post(&path, json!({ "kept_until": until })).await;
    for (bad, status, code) in
        [("soon", 422, "invalid"), ("2400-01-01T00:00:00Z", 422, "invalid"), ("2027-01-20T00:00:00Z", 409, "conflict")]
    {
        retain(bad).await.problem(status, code);
    }
    retain(text(&made["kept_until"])).await.problem(409, "conflict");
    let kept = retain("2027-02-15T00:00:00Z").await.ok(200);
    assert_eq!(kept["kept_until"], "2027-02-15T00:00:00Z");
    assert_eq!(events(server, "signature.retain").await[0]["event"]["detail"]["before"], made["kept_until"]);
    server.pass(DAY * 20).await;
    assert!(is_there(&shown(&admin, &server.acme, &made).await));
    server.pass(DAY * 13).await;
    assert!(!is_there(&shown(&admin, &server.acme, &made).await));
}

async fn a_hold_keeps_what_it_is_on_until_it_is_released(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let office = weekly(server, &server.acme).await;
    let certificate = admin.get(&server.acme.path("/signers/office")).await.ok(200)["versions"][0]["certificate"].clone();
    let mut made = Vec::new();
    for number in 0..2 {
        let mut body = raw(&digest(number));
        body["version_of"] = json!({ "name": format!("contract-{number}") });
        made.push(sign(&admin, server, &office, body).await.ok(201));
    }
    let ons = [
        format!("/signatures/{}", text(&made[0]["id"])),
        format!("/documents/{}", text(&made[0]["version_of"]["document"])),
        format!("/certificates/{}", text(&certificate)),
        String::new(),
    ];
    let mut holds = Vec::new();
    for on in &ons {
        holds.push(hold(&admin, &server.acme, on).await);
    }
    let kinds: Vec<_> = holds.iter().map(|hold| text(&hold["on"])).collect();
    assert_eq!(kinds, ["signature", "document", "certificate", "tenant"]);
    // One after the other is released, the widest first: what no hold is on any more is removed.
    let there = async || [is_there(&shown(&admin, &server.acme, &made[0]).await), is_there(&shown(&admin, &server.acme, &made[1]).await)];
    server.pass(DAY * 9).await;
    for (hold, expected) in holds.iter().rev().zip([[true, true], [true, false], [true, false], [false, false]]) {
        let released = release(&admin, &server.acme, hold).await;
        assert_eq!(released["released_by"], released["event"]["id"]);
        server.pass(DAY * 2).await;
        assert_eq!(there().await, expected, "{hold}");
    }
    let path = server.acme.path(&format!("/holds/{}/release", text(&holds[0]["id"])));
    admin.post(&path, json!({ "reason": "again" })).await.problem(409, "conflict");
    let shown = admin.get(&server.acme.path("/holds?limit=1")).await.ok(200);
    assert_eq!((&shown["items"][0]["name"], shown["items"][0].get("released_at").is_some()), (&json!("Acme v. Brava"), true));
    let told = events(server, "hold.place").await;
    assert_eq!((told.len(), &told[3]["event"]["detail"]["signature"]), (4, &made[0]["id"]));
    assert_eq!(events(server, "hold.release").await.len(), 4);
    for bad in [
        json!({ "name": "", "reason": "x" }),
        json!({ "name": "x", "reason": "\u{1b}" }),
        json!({ "name": "x".repeat(101), "reason": "x" }),
    ] {
        admin.post(&server.acme.path("/holds"), bad).await.problem(422, "invalid");
    }
}

async fn nothing_is_removed_from_the_inventory_under_a_hold(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let ids = crate::operations::objects(server, &server.acme).await;
    let taken = format!("/certificates/{}", ids["taken"]);
    let remove = async |thing: String| admin.post(&server.acme.path(&format!("{thing}/remove")), json!({})).await;
    let on_it = hold(&admin, &server.acme, &taken).await;
    let refused = remove(taken.clone()).await.problem(409, "conflict");
    assert!(text(&refused["detail"]).contains(text(&on_it["id"])), "{refused}");
    release(&admin, &server.acme, &on_it).await;
    let on_all = hold(&admin, &server.acme, "").await;
    remove(taken.clone()).await.problem(409, "conflict");
    remove(format!("/issuers/{}", ids["theirs"])).await.problem(409, "conflict");
    release(&admin, &server.acme, &on_all).await;
    remove(taken).await.ok(200);
    remove(format!("/issuers/{}", ids["theirs"])).await.ok(200);
}

async fn another_tenants_holds_and_retention_are_its_own(server: &TestServer) {
    let (acme, brava) = (server.as_(&server.acme.admin), server.as_(&server.brava.admin));
    let ours = weekly(server, &server.acme).await;
    let theirs = weekly(server, server.in_brava()).await;
    let ours = sign(&acme, server, &ours, raw(&digest(1))).await.ok(201);
    let theirs = brava.post(&server.brava.path(&format!("/signers/{theirs}/signatures")), raw(&digest(1))).await.ok(201);
    let on_all = hold(&brava, &server.brava, "").await;
    acme.get(&server.acme.path(&format!("/holds/{}", text(&on_all["id"])))).await.problem(404, "not-found");
    assert_eq!(acme.get(&server.acme.path("/holds")).await.ok(200)["items"], json!([]));
    let body = json!({ "name": "x", "reason": "x" });
    acme.post(&server.acme.path(&format!("/signatures/{}/holds", text(&theirs["id"]))), body).await.problem(404, "not-found");
    server.pass(DAY * 9).await;
    assert!(!is_there(&shown(&acme, &server.acme, &ours).await));
    assert!(is_there(&shown(&brava, &server.brava, &theirs).await));
}

async fn a_clock_that_jumps_removes_nothing(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let office = weekly(server, &server.acme).await;
    let made = sign(&admin, server, &office, raw(&digest(1))).await.ok(201);
    server.clock.jump(8 * 86_400_000);
    assert!(server.node().service.work_until_idle().await.is_ok());
    assert!(is_there(&shown(&admin, &server.acme, &made).await));
    server.clock.jump(-8 * 86_400_000);
    server.pass(DAY * 9).await;
    assert!(!is_there(&shown(&admin, &server.acme, &made).await));
}

on_both_engines!(
    what_is_past_its_retention_is_removed_and_told_of,
    retention_is_lengthened_and_never_shortened,
    a_hold_keeps_what_it_is_on_until_it_is_released,
    nothing_is_removed_from_the_inventory_under_a_hold,
    another_tenants_holds_and_retention_are_its_own,
    a_clock_that_jumps_removes_nothing,
);
