//! `POST …/issuers/{issuer}/retire` and `…/successor`: who issues, who only answers, and what goes on to verify.

use chancery_domain::port::Clock;
use chancery_testkit::openssl::{Openssl, printed_serial};
use chancery_testkit::pkilint::{self, Kind};
use chancery_testkit::{Answer, TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

fn at(server: &TestServer, issuer: &str, rest: &str) -> String {
    server.acme.path(&format!("/issuers/{issuer}{rest}"))
}

/// This much later than now, RFC 3339.
fn after(server: &TestServer, time: Duration) -> String {
    server.clock.now().after(time).to_string()
}

async fn show(server: &TestServer, issuer: &Value) -> Value {
    server.as_(&server.acme.admin).get(&at(server, text(issuer), "")).await.ok(200)
}

async fn retire(server: &TestServer, issuer: &str) -> Answer {
    server.as_(&server.acme.admin).post(&at(server, issuer, "/retire"), json!({})).await
}

async fn roll(server: &TestServer, issuer: &str, body: Value) -> Answer {
    server.as_(&server.acme.admin).post(&at(server, issuer, "/successor"), body).await
}

async fn another(server: &TestServer) -> Value {
    let body = json!({"name": "Another", "permitted_names": [format!("dns:*.{}.example", server.acme.slug)]});
    server.as_(&server.acme.admin).post(&server.acme.path("/issuers"), body).await.ok(201)
}

async fn renew(server: &TestServer, certificate: &Value) -> Value {
    let path = server.acme.path(&format!("/certificates/{}/renew", text(&certificate["id"])));
    server.as_(&server.acme.admin).post(&path, json!({})).await.ok(201)
}

async fn acts(server: &TestServer, act: &str) -> Vec<Value> {
    let log = server.events(&server.acme).await;
    log.into_iter().map(|entry| entry["event"].clone()).filter(|event| event["act"] == act).collect()
}

/// What openssl says of a certificate with its chain and the bundle at this issuer's address.
async fn verified(server: &TestServer, certificate: &Value, bundle_of: &Value) {
    let judge = Openssl::new();
    let bundle = server.anonymous().get(&format!("/pki/{}/bundle.pem", text(&bundle_of["public_id"]))).await.ok_text(200);
    judge.file("bundle.pem", bundle);
    judge.file("chain.pem", text(&certificate["chain"]));
    judge.file("leaf.pem", text(&certificate["certificate"]));
    judge.must("verify -attime 1800000010 -x509_strict -CAfile bundle.pem -untrusted chain.pem leaf.pem", b"");
}

async fn a_retired_issuer_issues_nothing_more_and_goes_on_to_revoke(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let (old, judge) = (server.acme.issuer.clone(), Openssl::new());
    let certificate = server.certificate(&server.acme, "www").await;
    let other = another(server).await;
    let retired = retire(server, &old).await.ok(200);
    assert_eq!(retired["state"], "retired");
    let event = &acts(server, "issuer.retire").await[0];
    assert_eq!((&event["detail"]["issuer"], &event["detail"]["moves"]), (&json!(old), &json!(["active", "retired"])));

    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": old});
    let refused = admin.post(&server.acme.path("/certificates"), named).await.problem(409, "conflict");
    assert!(text(&refused["detail"]).contains("the issuer is retired and issues nothing more"), "{refused}");
    assert_eq!(server.certificate(&server.acme, "default").await["issuer"], other["id"]);
    // Nobody of its own line is left, so the tenant's other issuer renews.
    assert_eq!(renew(server, &certificate).await["issuer"], other["id"]);
    for act in ["retire", "successor"] {
        admin.post(&at(server, &old, &format!("/{act}")), json!({})).await.problem(409, "conflict");
    }

    // Its certificates are revoked, and its list is published again and again.
    admin.post(&server.acme.path(&format!("/certificates/{}/revoke", text(&certificate["id"]))), json!({})).await.ok(200);
    let mut numbers = Vec::new();
    for _ in 0..3 {
        server.pass(DAY).await;
        let crl = admin.get(&at(server, &old, "/crl/0")).await;
        let said = judge.must("crl -inform DER -noout -text", &crl.body);
        assert!(said.contains(&printed_serial(text(&certificate["serial"]))), "{said}");
        let number = said.split("X509v3 CRL Number:").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
        numbers.push(number.parse::<u32>().unwrap());
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");

    // A root goes last.
    retire(server, text(&other["root"])).await.problem(409, "conflict");
    retire(server, text(&other["id"])).await.ok(200);
    retire(server, text(&other["root"])).await.ok(200);
    let body = json!({"profile": "tls-server", "names": [server.acme.host("www")]});
    admin.post(&server.acme.path("/certificates"), body).await.problem(409, "conflict");
    // What it signed still verifies, at the addresses of old.
    verified(server, &certificate, &show(server, &json!(old)).await).await;
}

async fn a_successor_issues_and_renews_while_both_are_trusted(server: &TestServer) {
    let (admin, old) = (server.as_(&server.acme.admin), show(server, &json!(server.acme.issuer)).await);
    let before = server.certificate(&server.acme, "www").await;
    let once = admin.clone().once("roll");
    let body = json!({"key_algorithm": "ec-p384"});
    let new = once.post(&at(server, &server.acme.issuer, "/successor"), body.clone()).await.ok(201);
    assert_eq!(once.post(&at(server, &server.acme.issuer, "/successor"), body).await.ok(201), new);
    for same in ["root", "line", "permitted_names", "name", "kind", "state"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    assert_eq!((&new["key_algorithm"], text(&new["subject"])), (&json!("ec-p384"), "CN=acme-bank Issuing CA G2,O=acme-bank"));
    assert_ne!((&new["public_id"], &new["certificate"]), (&old["public_id"], &old["certificate"]));
    server.run_jobs().await;
    let after = server.certificate(&server.acme, "www").await;
    let renewed = renew(server, &before).await;
    assert_eq!((&after["issuer"], &renewed["issuer"]), (&new["id"], &new["id"]));
    assert_ne!(after["crl_url"], before["crl_url"]);
    for certificate in [&before, &after, &renewed] {
        verified(server, certificate, &old).await;
        verified(server, certificate, &new).await;
    }
    // The old one still issues for whoever names it.
    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": old["id"]});
    assert_eq!(admin.post(&server.acme.path("/certificates"), named).await.ok(201)["issuer"], old["id"]);

    // One successor each; a root is rolled with its issuing authority.
    roll(server, text(&old["id"]), json!({})).await.problem(409, "conflict");
    roll(server, text(&old["root"]), json!({})).await.problem(409, "conflict");
    let third = roll(server, text(&new["id"]), json!({})).await.ok(201);
    assert!(text(&third["subject"]).starts_with("CN=acme-bank Issuing CA G3"), "{third}");
    let event = &acts(server, "issuer.roll").await[0];
    assert_eq!((&event["detail"]["issuer"], &event["detail"]["predecessor"]), (&third["id"], &new["id"]));
}

async fn a_line_that_began_later_stays_the_default(server: &TestServer) {
    let before = server.certificate(&server.acme, "www").await;
    let later = another(server).await;
    let successor = roll(server, &server.acme.issuer, json!({})).await.ok(201);
    assert_eq!(server.certificate(&server.acme, "default").await["issuer"], later["id"]);
    assert_eq!(renew(server, &before).await["issuer"], successor["id"]);
}

async fn a_new_root_joins_the_old_one_at_its_old_address(server: &TestServer) {
    let old = show(server, &json!(server.acme.issuer)).await;
    let old_root = show(server, &old["root"]).await;
    let before = server.certificate(&server.acme, "before").await;
    let body = json!({"new_root": true, "root_key_algorithm": "ec-p384", "root_days": 4000});
    let new = roll(server, text(&old["id"]), body).await.ok(201);
    let new_root = show(server, &new["root"]).await;
    assert_eq!((&new["key_algorithm"], &new_root["key_algorithm"]), (&json!("ec-p256"), &json!("ec-p384")));
    assert_eq!((&new_root["line"], text(&new_root["subject"])), (&old_root["id"], "CN=acme-bank Root CA G2,O=acme-bank"));
    assert_eq!(pkilint::errors(Kind::Certificate, text(&new_root["certificate"]).as_bytes()), "");
    server.run_jobs().await;
    let after = server.certificate(&server.acme, "after").await;
    assert_eq!(after["issuer"], new["id"]);
    let both = async || {
        for address in [&old, &old_root, &new, &new_root] {
            verified(server, &before, address).await;
            verified(server, &after, address).await;
        }
    };
    both().await;
    retire(server, text(&old_root["id"])).await.problem(409, "conflict");
    retire(server, text(&old["id"])).await.ok(200);
    retire(server, text(&old_root["id"])).await.ok(200);
    both().await;
    assert_eq!(renew(server, &before).await["issuer"], new["id"]);
}

async fn a_new_root_is_distributed_before_anything_is_issued_below_it(server: &TestServer) {
    let old = show(server, &json!(server.acme.issuer)).await;
    let before = server.certificate(&server.acme, "before").await;
    let from = server.clock.now().after(7 * DAY).whole_second().to_string();
    let body = json!({"new_root": true, "issue_from": from, "retire_at": after(server, 9 * DAY)});
    let new = roll(server, text(&old["id"]), body).await.ok(201);
    assert_eq!((&new["state"], &new["not_before"]), (&json!("active"), &json!(from)));
    assert_eq!(acts(server, "issuer.roll").await[0]["detail"]["issue_from"], json!(from));
    server.pass(6 * DAY).await;
    let new_root = show(server, &new["root"]).await;
    let bundle = server.anonymous().get(&format!("/pki/{}/bundle.pem", text(&old["public_id"]))).await.ok_text(200);
    assert!(bundle.contains(text(&new_root["certificate"])), "{bundle}");
    assert_eq!(server.certificate(&server.acme, "early").await["issuer"], old["id"]);
    let renewed = renew(server, &before).await;
    assert_eq!(renewed["issuer"], old["id"]);
    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": new["id"]});
    let refused = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), named).await.problem(422, "refused");
    assert_eq!(refused["reasons"][0]["code"], "issuer-begins");
    server.pass(DAY).await;
    assert_eq!(server.certificate(&server.acme, "late").await["issuer"], new["id"]);
    assert_eq!(renew(server, &renewed).await["issuer"], new["id"]);
    server.pass(2 * DAY).await;
    assert_eq!(show(server, &old["id"]).await["state"], "retired");
}

async fn a_date_retires_the_predecessor_while_somebody_stands_in_its_place(server: &TestServer) {
    let later = after(server, 10 * DAY);
    let first = json!(server.acme.issuer);
    let second = roll(server, text(&first), json!({"retire_at": later})).await.ok(201);
    let shown = show(server, &first).await;
    assert_eq!((&shown["state"], &shown["retire_at"]), (&json!("active"), &json!(later)));
    server.pass(9 * DAY).await;
    assert_eq!(show(server, &first).await["state"], "active");
    server.pass(DAY).await;
    let shown = show(server, &first).await;
    assert_eq!((&shown["state"], &shown["retire_at"]), (&json!("retired"), &Value::Null));
    let event = &acts(server, "issuer.retire").await[0];
    assert_eq!((&event["actor"]["kind"], &event["detail"]["issuer"]), (&json!("system"), &first));

    // The successor is retired by hand: the date would leave nobody, and lapses.
    let third = roll(server, text(&second["id"]), json!({"retire_at": after(server, DAY)})).await.ok(201);
    retire(server, text(&third["id"])).await.ok(200);
    server.pass(2 * DAY).await;
    let shown = show(server, &second["id"]).await;
    assert_eq!((&shown["state"], &shown["retire_at"]), (&json!("active"), &Value::Null));
    assert_eq!(acts(server, "issuer.retirement-lapse").await.len(), 1);
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], second["id"]);
    // Retired by hand before its date: the date finds nothing to do.
    let fourth = roll(server, text(&second["id"]), json!({"retire_at": after(server, DAY)})).await.ok(201);
    retire(server, text(&second["id"])).await.ok(200);
    server.pass(2 * DAY).await;
    assert_eq!(acts(server, "issuer.retire").await.len(), 3);
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], fourth["id"]);
}

/// A successor is retired and another takes its place: the date that came with the first is the first's alone.
async fn a_date_goes_with_the_succession_that_it_was_given_for(server: &TestServer) {
    let first = json!(server.acme.issuer);
    for (body, days) in [(json!({"retire_at": after(server, 20 * DAY)}), 15), (json!({}), 30)] {
        let early = roll(server, text(&first), json!({"retire_at": after(server, 10 * DAY)})).await.ok(201);
        retire(server, text(&early["id"])).await.ok(200);
        let next = roll(server, text(&first), body.clone()).await.ok(201);
        let event = &acts(server, "issuer.roll").await[0];
        assert_eq!(event["detail"]["retire_at"], body["retire_at"], "{event}");
        server.pass(days * DAY).await;
        let shown = show(server, &first).await;
        assert_eq!((&shown["state"], &shown["retire_at"]), (&json!("active"), &body["retire_at"]));
        retire(server, text(&next["id"])).await.ok(200);
    }
    assert!(acts(server, "issuer.retire").await.iter().all(|event| event["detail"]["issuer"] != first));
}

/// As after a clock that went back when the job of the date was taken: the one that is left comes too early.
async fn a_job_before_the_date_leaves_one_for_the_date(server: &TestServer) {
    let first = json!(server.acme.issuer);
    let early = roll(server, text(&first), json!({"retire_at": after(server, 10 * DAY)})).await.ok(201);
    retire(server, text(&early["id"])).await.ok(200);
    roll(server, text(&first), json!({"retire_at": after(server, 20 * DAY)})).await.ok(201);
    let later = server.clock.now().after(15 * DAY).millis();
    let job = format!("DELETE FROM job WHERE kind = 'issuer.retire' AND due_at > {later}");
    assert_eq!(server.below(async |raw| raw.change(&server.acme.id, &job, &[]).await).await, 1);
    server.pass(15 * DAY).await;
    assert_eq!(show(server, &first).await["state"], "active");
    server.pass(10 * DAY).await;
    assert_eq!(show(server, &first).await["state"], "retired");
}

async fn whoever_is_past_his_time_stands_in_nobodys_place(server: &TestServer) {
    let first = server.acme.issuer.clone();
    let late = json!({"issuing_days": 1, "retire_at": after(server, 10 * DAY)});
    let problem = roll(server, &first, late).await.problem(422, "invalid");
    assert_eq!(problem["field"], "retire_at");
    assert!(text(&problem["detail"]).contains("the successor ends at"), "{problem}");
    // The date comes while no worker runs, and the successor ends meanwhile.
    roll(server, &first, json!({"issuing_days": 2, "retire_at": after(server, DAY)})).await.ok(201);
    server.clock.jump(10 * 86_400_000);
    server.run_jobs().await;
    assert_eq!(show(server, &json!(first)).await["state"], "active");
    assert_eq!(acts(server, "issuer.retirement-lapse").await.len(), 1);
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], json!(first));
}

/// A node whose clock runs a month ahead makes the second, one whose clock is right the third.
async fn succession_is_in_order_whatever_a_clock_said(server: &TestServer) {
    let before = [server.certificate(&server.acme, "one").await, server.certificate(&server.acme, "two").await];
    let month = 30 * 86_400_000;
    server.clock.jump(month);
    let second = roll(server, &server.acme.issuer, json!({})).await.ok(201);
    server.clock.jump(-month);
    let third = roll(server, text(&second["id"]), json!({"retire_at": after(server, 40 * DAY)})).await.ok(201);
    assert!(text(&third["id"]) < text(&second["id"]), "the test makes its point");
    roll(server, text(&second["id"]), json!({})).await.problem(409, "conflict");
    for certificate in &before {
        assert_eq!(server.certificate(&server.acme, "www").await["issuer"], third["id"]);
        assert_eq!(renew(server, certificate).await["issuer"], third["id"]);
        server.pass(35 * DAY).await;
    }
    assert_eq!(show(server, &second["id"]).await["state"], "retired");
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], third["id"]);
}

/// A node's clock runs a month ahead: it retires early, and nobody misses the retired one when the clock is right again.
async fn a_clock_that_lies_retires_early_and_stops_nothing(server: &TestServer) {
    let before = server.certificate(&server.acme, "www").await;
    let first = json!(server.acme.issuer);
    let second = roll(server, text(&first), json!({"retire_at": after(server, 20 * DAY)})).await.ok(201);
    let month = 30 * 86_400_000;
    server.clock.jump(month);
    server.run_jobs().await;
    // Made while the clock lies, it begins in what will be the future.
    let third = roll(server, text(&second["id"]), json!({})).await.ok(201);
    server.clock.jump(-month);
    server.pass(Duration::from_secs(5)).await;
    assert_eq!(show(server, &first).await["state"], "retired");
    assert_eq!(show(server, &third["id"]).await["state"], "active");
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], second["id"]);
    assert_eq!(renew(server, &before).await["issuer"], second["id"]);
    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": third["id"]});
    let refused = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), named).await.problem(422, "refused");
    assert_eq!(refused["reasons"][0]["code"], "issuer-begins");
    // The other way round nothing is retired before its date.
    server.clock.jump(month);
    assert_eq!(server.certificate(&server.acme, "www").await["issuer"], third["id"]);
    server.run_jobs().await;
}

async fn of_successions_at_once_one_counts(server: &TestServer) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (client, path) = (server.as_(&server.acme.admin), at(server, &server.acme.issuer, "/successor"));
            tokio::spawn(async move { client.post(&path, json!({})).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1]), (201, 409), "{statuses:?}");
}

async fn bad_successions_are_refused_by_their_field(server: &TestServer) {
    for (field, body) in [
        ("key_algorithm", json!({"key_algorithm": "rsa-2048"})),
        ("key_algorithm", json!({"key_algorithm": "dsa"})),
        ("root_key_algorithm", json!({"new_root": true, "root_key_algorithm": "rsa-2048"})),
        ("root_key_algorithm", json!({"new_root": true, "root_key_algorithm": "x"})),
        ("new_root", json!({"root_days": 3650})),
        ("new_root", json!({"new_root": false, "root_key_algorithm": "ec-p384"})),
        ("root_days", json!({"new_root": true, "root_days": 29})),
        ("root_days", json!({"new_root": true, "root_days": 9126})),
        ("root_days", json!({"issuing_days": 0, "new_root": true})),
        ("issuing_days", json!({"issuing_days": 0})),
        ("issuing_days", json!({"issuing_days": 3651})),
        ("issuing_days", json!({"issue_from": after(server, 3 * DAY), "issuing_days": 3650})),
        ("issuing_days", json!({"issue_from": after(server, 3 * DAY), "issuing_days": 3650, "new_root": true, "root_days": 3650})),
        ("issue_from", json!({"issue_from": "soon"})),
        ("issue_from", json!({"issue_from": "2027-01-14T00:00:00Z"})),
        ("retire_at", json!({"issue_from": after(server, 2 * DAY), "retire_at": after(server, 2 * DAY)})),
        ("retire_at", json!({"retire_at": "tomorrow"})),
        ("retire_at", json!({"retire_at": "2027-01-14T00:00:00Z"})),
    ] {
        let problem = roll(server, &server.acme.issuer, body.clone()).await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    let listed = server.as_(&server.acme.admin).get(&server.acme.path("/issuers")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

/// Found by the simulation: nodes differ by seconds, and a successor must not begin before its root.
async fn a_node_whose_clock_is_behind_makes_successors(server: &TestServer) {
    let root = show(server, &json!(server.acme.root)).await;
    server.clock.jump(-5000);
    let next = roll(server, &server.acme.issuer.clone(), json!({})).await.ok(201);
    assert_eq!(next["not_before"], root["not_before"]);
    server.clock.jump(5000);
}

on_both_engines!(
    a_node_whose_clock_is_behind_makes_successors,
    a_retired_issuer_issues_nothing_more_and_goes_on_to_revoke,
    a_successor_issues_and_renews_while_both_are_trusted,
    a_line_that_began_later_stays_the_default,
    a_new_root_joins_the_old_one_at_its_old_address,
    a_new_root_is_distributed_before_anything_is_issued_below_it,
    a_date_retires_the_predecessor_while_somebody_stands_in_its_place,
    a_date_goes_with_the_succession_that_it_was_given_for,
    a_job_before_the_date_leaves_one_for_the_date,
    whoever_is_past_his_time_stands_in_nobodys_place,
    succession_is_in_order_whatever_a_clock_said,
    a_clock_that_lies_retires_early_and_stops_nothing,
    of_successions_at_once_one_counts,
    bad_successions_are_refused_by_their_field,
);
