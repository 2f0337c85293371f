//! Pages and exports of many certificates while others write: what was there before is told once each, in order.

use super::text;
use chancery_testkit::stranger::{Stranger, Wanted};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// More than two pages of an export, which are of 200.
const MANY: u16 = 430;

/// Takes in many certificates; their ids, newest first.
async fn many(server: &TestServer) -> Vec<String> {
    let raise = "UPDATE counter SET ceiling = 10000";
    server.below(async |raw| raw.execute(&server.acme.id, raise).await).await;
    let (stranger, mut ids) = (Stranger::called("Partner CA"), Vec::new());
    for first in (0..MANY).step_by(100) {
        let bundle: String = (first..MANY.min(first + 100))
            .map(|number| {
                stranger.certificate(&server.clock, &Wanted { serial: &[&[1], &number.to_be_bytes()[..]].concat(), ..Wanted::default() })
            })
            .collect();
        let path = server.acme.path("/certificates/import");
        let taken = server.as_(&server.acme.admin).post(&path, json!({"bundle": bundle})).await.ok(200);
        ids.extend(taken["items"].as_array().unwrap().iter().map(|item| text(&item["result"]["id"]).to_owned()));
    }
    // Those of one request are made in the same simulated millisecond.
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids
}

/// Issues and revokes until told to stop; how often.
fn writing(server: &TestServer) -> (tokio::sync::watch::Sender<bool>, tokio::task::JoinHandle<usize>) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let client = server.as_(&server.acme.admin);
    let (path, host) = (server.acme.path("/certificates"), server.acme.host("busy"));
    let task = tokio::spawn(async move {
        let mut written = 0;
        while !*stopped.borrow() {
            let made = client.post(&path, json!({"profile": "tls-server", "names": [host]})).await.ok(201);
            client.post(&format!("{path}/{}/revoke", text(&made["id"])), json!({})).await.ok(200);
            written += 1;
        }
        written
    });
    (stop, task)
}

/// Those among the ids that were there before, after looking that none stands twice and all are in order.
fn those_before<'a>(told: &'a [String], before: &[String]) -> Vec<&'a str> {
    assert!(told.is_sorted_by(|newer, older| newer > older), "newest first, none twice");
    among(told, before)
}

fn among<'a>(told: &'a [String], before: &[String]) -> Vec<&'a str> {
    let before: BTreeSet<_> = before.iter().collect();
    told.iter().filter(|id| before.contains(id)).map(String::as_str).collect()
}

async fn exports_and_pages_are_whole_while_others_write(server: &TestServer) {
    let before = many(server).await;
    let (stop, task) = writing(server);
    let admin = server.as_(&server.acme.admin);
    let lines = admin.get(&server.acme.path("/certificates/export/jsonl")).await.ok_text(200);
    let told: Vec<_> = lines.lines().map(|line| text(&serde_json::from_str::<Value>(line).unwrap()["id"]).to_owned()).collect();
    assert!(those_before(&told, &before) == before, "an export is whole");
    let csv = admin.get(&server.acme.path("/certificates/export/csv")).await.ok_text(200);
    let told: Vec<_> = csv.split_terminator("\r\n").skip(1).map(|row| row.split('"').nth(1).unwrap().to_owned()).collect();
    assert!(those_before(&told, &before) == before, "an export is whole");
    // The head stands there once, not once a page.
    assert_eq!(csv.matches("id,status,profile").count(), 1);

    // A filter whose rows change meanwhile tells each that goes on to fit it once.
    for query in ["limit=37", "limit=37&status=issued", "limit=37&name=*.partner.example", "limit=37&expires_before=2050-01-01T00:00:00Z"] {
        let (mut told, mut cursor) = (Vec::<(String, String)>::new(), String::new());
        // Those that end last are first where the end is asked for.
        let by = |item: &Value| if query.contains("expires_before") { text(&item["not_after"]).to_owned() } else { String::new() };
        loop {
            let page = admin.get(&server.acme.path(&format!("/certificates?{query}{cursor}"))).await.ok(200);
            told.extend(page["items"].as_array().unwrap().iter().map(|item| (by(item), text(&item["id"]).to_owned())));
            let Value::String(next) = &page["next"] else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(told.is_sorted_by(|one, other| one > other), "{query}: in order, none twice");
        let told: Vec<_> = told.into_iter().map(|(_, id)| id).collect();
        assert!(among(&told, &before) == before, "{query}");
    }
    stop.send(true).unwrap();
    assert!(task.await.unwrap() > 10, "somebody wrote meanwhile");
    server.run_jobs().await;
}

on_both_engines!(exports_and_pages_are_whole_while_others_write);
