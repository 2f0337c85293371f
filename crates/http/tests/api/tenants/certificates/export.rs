//! `GET …/certificates/export/…`: the inventory, whole.

use super::text;
use axum::body::to_bytes;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn both_forms_hold_what_is_listed_and_leave_an_event(server: &TestServer) {
    server.certificate(server.in_brava(), "www").await;
    let mut made = Vec::new();
    for label in ["a", "b", "c"] {
        made.push(server.certificate(&server.acme, label).await);
    }
    let admin = server.as_(&server.acme.admin);
    admin.post(&server.acme.path(&format!("/certificates/{}/revoke", text(&made[0]["id"]))), json!({})).await.ok(200);
    let lines = admin.get(&server.acme.path("/certificates/export/jsonl")).await;
    assert_eq!(lines.header("content-type"), "application/jsonl");
    let exported: Vec<Value> = lines.ok_text(200).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let listed = admin.get(&server.acme.path("/certificates")).await.ok(200);
    assert_eq!(Value::from(exported), listed["items"]);

    let csv = admin.get(&server.acme.path(&format!("/certificates/export/csv?status=issued&name={}", server.acme.host("*")))).await;
    let content = csv.ok_text(200);
    let rows: Vec<_> = content.split_terminator("\r\n").collect();
    assert!(rows[0].starts_with("id,status,profile,issuer,serial,names,"));
    assert_eq!(rows.len(), 3);
    for (row, certificate) in rows[1..].iter().zip(listed["items"].as_array().unwrap()) {
        assert!(row.starts_with(&format!("\"{}\",\"issued\",\"tls-server\",", text(&certificate["id"]))), "{row}");
        assert!(row.contains(text(&certificate["sha256"])) && row.contains(text(&certificate["names"][0])), "{row}");
    }
    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == csv.header("chancery-event")).unwrap();
    assert_eq!(event["event"]["act"], "certificate.export");
    assert_eq!((&event["event"]["detail"]["form"], &event["event"]["detail"]["status"]), (&json!("csv"), &json!("issued")));
    admin.get(&server.acme.path("/certificates/export/csv?limit=1")).await.problem(400, "malformed");
    admin.get(&server.acme.path("/certificates/export/csv?name=a..b")).await.problem(422, "invalid");
}

// I11: who reads slowly holds a place, of which a tenant has a few, and none of those in which its other requests are worked on.
async fn a_tenant_has_some_exports_at_once_and_others_have_their_own(server: &TestServer) {
    server.certificate(&server.acme, "www").await;
    server.certificate(server.in_brava(), "www").await;
    let admin = server.as_(&server.acme.admin);
    let path = server.acme.path("/certificates/export/jsonl");
    let mut unread = Vec::new();
    while unread.len() < 100 {
        let (status, body) = admin.begin(&path).await;
        if status != 200 {
            break;
        }
        unread.push(body);
    }
    assert_eq!(unread.len(), 8);
    let refused = admin.get(&path).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(429, "crowded");
    admin.get(&server.acme.path("/certificates")).await.ok(200);
    let theirs = server.as_(&server.in_brava().admin).get(&server.in_brava().path("/certificates/export/jsonl")).await.ok_text(200);
    assert_eq!(theirs.lines().count(), 1);
    // Nothing left that is in no log, and what was refused left nothing.
    let log = server.events(&server.acme).await;
    assert_eq!(log.iter().filter(|entry| entry["event"]["act"] == "certificate.export").count(), 8);

    // One is read to its end, and another one's reader goes: their places are free again.
    let read = to_bytes(unread.pop().unwrap(), 1 << 20).await.unwrap();
    assert_eq!(read.split(|byte| *byte == b'\n').count(), 2);
    drop(unread.pop());
    for _ in 0..2 {
        let (status, body) = admin.begin(&path).await;
        assert_eq!(status, 200);
        unread.push(body);
    }
    admin.get(&path).await.problem(429, "crowded");
}

on_both_engines!(both_forms_hold_what_is_listed_and_leave_an_event, a_tenant_has_some_exports_at_once_and_others_have_their_own);
