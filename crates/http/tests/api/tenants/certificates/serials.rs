//! Serial numbers: each used once, whatever runs side by side (I5; THREATS 12).

use super::text;
use chancery_testkit::{CERTIFICATE_LIMIT, TestServer, on_both_engines};
use serde_json::json;
use std::collections::HashSet;

async fn two_nodes_side_by_side_use_each_serial_once(server: &TestServer) {
    let nodes = [server.node(), server.second_node().await];
    let tasks: Vec<_> = (0..CERTIFICATE_LIMIT)
        .map(|number| {
            let client = nodes[(number % 2) as usize].as_(&server.acme.admin);
            let (path, host) = (server.acme.path("/certificates"), server.acme.host(&format!("h{number}")));
            tokio::spawn(async move { client.post(&path, json!({"profile": "tls-server", "names": [host]})).await.ok(201) })
        })
        .collect();
    let mut answered = HashSet::new();
    for task in tasks {
        answered.insert(text(&task.await.unwrap()["serial"]).to_owned());
    }
    assert_eq!(answered.len(), CERTIFICATE_LIMIT as usize, "each answer has a serial of its own");
    let stored = server.as_(&server.acme.admin).get(&server.acme.path("/certificates?limit=200")).await.ok(200);
    let stored: HashSet<_> = stored["items"].as_array().unwrap().iter().map(|item| text(&item["serial"]).to_owned()).collect();
    assert_eq!(stored, answered, "what was answered is what is kept");
    let log = server.events(&server.acme).await;
    let logged = log.iter().filter(|entry| entry["event"]["act"] == "certificate.issue");
    assert_eq!(logged.map(|entry| text(&entry["event"]["detail"]["serial"]).to_owned()).collect::<HashSet<_>>(), answered);
}

on_both_engines!(two_nodes_side_by_side_use_each_serial_once);
