//! Signing one document or many, once; and what was signed, read again.

use super::{digest, events, laid_out, raw, shown, sign, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn many_are_signed_by_one_act_or_none(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let name = server.signer(&server.acme, "release", json!({"max_signatures": 150})).await;
    let documents: Vec<_> = (0..100).map(|number| format!("document {number}").into_bytes()).collect();
    let many = |count: usize| {
        let documents: Vec<_> = documents[..count].iter().map(|document| json!({"content": STANDARD.encode(document)})).collect();
        json!({"format": "raw", "documents": documents})
    };
    let signed = sign(&admin, server, &name, many(100)).await.ok(201);
    let signatures = signed["documents"].as_array().unwrap();
    assert_eq!(signatures.len(), 100);
    let chain = shown(server, &name).await["versions"][0]["chain"].clone();
    for at in [0, 41, 99] {
        laid_out(&judge, &chain, &documents[at], &signatures[at]["signature"]);
        judge.must("dgst -sha256 -verify public.pem -signature signature document", b"");
    }
    // 50 are left: of 51 none is made, of 50 all.
    let refused = sign(&admin, server, &name, many(51)).await.problem(403, "quota");
    assert!(text(&refused["detail"]).contains("signatures of this signer"), "{refused}");
    assert_eq!(shown(server, &name).await["signatures"], 100);
    sign(&admin, server, &name, many(50)).await.ok(201);
    sign(&admin, server, &name, raw(&digest(1))).await.problem(403, "quota");
    let told = events(server, "signature.create").await;
    let counts: Vec<_> = told.iter().map(|entry| entry["event"]["detail"]["documents"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [50, 100], "newest first");
    // One that is not sound spoils all.
    let mut mixed = many(2);
    mixed["documents"][1] = json!({"digest": "sha-256:00"});
    sign(&admin, server, &name, mixed).await.problem(422, "invalid");
    for bad in
        [json!({}), json!({"digest": digest(1), "content": "AA=="}), json!({"content": "?"}), json!({"digest": digest(1), "name": ""})]
    {
        sign(&admin, server, &name, json!({"format": "raw", "documents": [bad]})).await.problem(422, "invalid");
    }
    assert_eq!(shown(server, &name).await["signatures"], 150);
}

async fn a_hundred_at_once_with_one_key_are_one(server: &TestServer) {
    // Over two nodes, as a client's retries reach any of them.
    let name = server.signer(&server.acme, "release", json!({})).await;
    let nodes = [server.node(), server.second_node().await];
    let path = server.acme.path(&format!("/signers/{name}/signatures"));
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let (client, path) = (nodes[number % 2].as_(&server.acme.admin).once("sign it"), path.clone());
            tokio::spawn(async move { client.post(&path, raw(&digest(7))).await.ok(201) })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    // ECDSA draws a number for each signature: the same one is the one that was stored.
    assert!(answers.iter().all(|answer| *answer == answers[0]), "all hear the same");
    assert_eq!(shown(server, &name).await["signatures"], 1);
    assert_eq!(events(server, "signature.create").await.len(), 1);
    let admin = server.as_(&server.acme.admin).once("sign it");
    sign(&admin, server, &name, raw(&digest(8))).await.problem(422, "idempotency-key-reused");
    let other = server.as_(&server.acme.admin).once("another");
    assert_ne!(sign(&other, server, &name, raw(&digest(7))).await.ok(201)["id"], answers[0]["id"]);
}

async fn signatures_are_read_again_by_page_and_one_by_one(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let name = server.signer(&server.acme, "release", json!({})).await;
    let mut made = Vec::new();
    for number in 0..5 {
        let signed = sign(&admin, server, &name, raw(&digest(number))).await.ok(201);
        made.insert(0, without_event(signed));
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&server.acme.path(&format!("/signatures?limit=2{cursor}"))).await.ok(200);
        found.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, made);
    let path = server.acme.path(&format!("/signatures/{}", text(&made[3]["id"])));
    assert_eq!(admin.get(&path).await.ok(200), made[3]);
    // The other tenant has none of them.
    let theirs = server.as_(&server.brava.admin).get(&server.brava.path("/signatures")).await.ok(200);
    assert_eq!(theirs["items"], json!([]));
}

fn without_event(mut signed: Value) -> Value {
    assert!(signed["event"]["leaf"].is_string());
    signed.as_object_mut().unwrap().remove("event");
    signed
}

async fn two_tenants_signers_of_one_name_are_two(server: &TestServer) {
    let ours = server.signer(&server.acme, "release", json!({})).await;
    let theirs = server.signer(server.in_brava(), "release", json!({})).await;
    let (ours, theirs) = (server.signature(&server.acme, &ours).await, server.signature(server.in_brava(), &theirs).await);
    assert_ne!(ours["certificate_sha256"], theirs["certificate_sha256"]);
    let path = |id: &Value| server.acme.path(&format!("/signatures/{}", text(id)));
    server.as_(&server.acme.admin).get(&path(&theirs["id"])).await.problem(404, "not-found");
    server.as_(&server.acme.admin).get(&path(&ours["id"])).await.ok(200);
    let elsewhere = server.brava.path("/signers/release/signatures");
    server.as_(&server.acme.admin).post(&elsewhere, raw(&digest(1))).await.problem(404, "not-found");
}

on_both_engines!(
    many_are_signed_by_one_act_or_none,
    a_hundred_at_once_with_one_key_are_one,
    signatures_are_read_again_by_page_and_one_by_one,
    two_tenants_signers_of_one_name_are_two,
);
