//! Hostile input: every operation that takes a body or a query answers with the caller's fault, never with ours.

use crate::operations::{Called, objects, operations, sample};
use chancery_testkit::{Answer, TestServer, on_both_engines};
use serde_json::{Value, json};

fn blames_the_caller(answer: &Answer, what: &str) {
    assert!((200..500).contains(&answer.status.as_u16()), "{what}: {} {}", answer.status, answer.text());
    if answer.status.as_u16() >= 400 {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    }
}

async fn no_field_breaks_the_server(server: &TestServer) {
    let ids = objects(server, &server.acme).await;
    let values = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("\u{0}"),
        json!("🚀\u{202e}".repeat(2000)),
        json!("' OR 1=1; DROP TABLE certificate; --"),
        json!("../../etc/passwd"),
        json!("{{7*7}}${jndi:ldap://x}"),
        json!([]),
        json!([[]]),
        json!(["", "\u{0}", "*", "*.", "dns:", "ip:999.1.1.1", "uri::", "email:@", "a".repeat(300)]),
        json!({"a": {"b": {}}}),
    ];
    for operation in operations(server).await.into_iter().filter(|operation| operation.body.is_some()) {
        let good = sample(operation.body.as_deref().unwrap(), &ids);
        let fields: Vec<_> = ["name", "roles", "csr", "names", "custody", "issuer", "validity_seconds", "expires_in_seconds"]
            .into_iter()
            .map(str::to_owned)
            .chain(good.as_object().unwrap().keys().cloned())
            .collect();
        let token = if operation.path.starts_with("/v1/platform") { &server.operator } else { &server.acme.admin };
        let client = server.as_(token).with("content-type", "application/json").with("if-match", "\"1\"");
        for (field, value) in fields.iter().flat_map(|field| values.iter().map(move |value| (field, value))) {
            let mut body = good.clone();
            body[field.as_str()] = value.clone();
            let answer = client.send(&operation.method, &operation.address(&ids), body.to_string()).await;
            blames_the_caller(&answer, &format!("{} with {field} {value}", operation.name()));
        }
        let mut body = good.clone();
        body["colour"] = json!("red");
        client.send(&operation.method, &operation.address(&ids), body.to_string()).await.problem(400, "malformed");
    }
}

async fn no_body_breaks_the_server(server: &TestServer) {
    let ids = objects(server, &server.acme).await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(60_000), close.repeat(60_000)).into_bytes();
    let bodies: [(&str, Vec<u8>, u16); 14] = [
        ("an array", b"[]".to_vec(), 400),
        ("null", b"null".to_vec(), 400),
        ("half", b"{\"name\": \"x".to_vec(), 400),
        ("two", b"{}{}".to_vec(), 400),
        ("not UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec(), 400),
        ("half a surrogate", br#"{"name": "\ud800"}"#.to_vec(), 400),
        ("nested arrays", deep("[", "]"), 400),
        ("nested objects", deep(r#"{"a":"#, "}").into_iter().take(200_000).collect(), 400),
        ("a huge number", br#"{"validity_seconds": 1e999}"#.to_vec(), 400),
        ("a long number", format!("{{\"validity_seconds\": {}}}", "9".repeat(100_000)).into_bytes(), 400),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec(), 400),
        ("blanks", vec![b' '; 256 * 1024], 400),
        ("one byte too many", vec![b' '; 256 * 1024 + 1], 413),
        ("far too much", vec![b'{'; 2 * 1024 * 1024], 413),
    ];
    for operation in operations(server).await.into_iter().filter(|operation| operation.body.is_some()) {
        let token = if operation.path.starts_with("/v1/platform") { &server.operator } else { &server.acme.admin };
        let client = server.as_(token).with("if-match", "\"1\"");
        for (what, body, status) in &bodies {
            let typed = client.clone().with("content-type", "application/json");
            let answer = typed.send(&operation.method, &operation.address(&ids), body.clone()).await;
            let kind = if *status == 413 { "too-large" } else { "malformed" };
            assert_eq!(answer.problem(*status, kind)["status"], *status, "{}: {what}", operation.name());
        }
        for typed in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", ""] {
            let answer = client.clone().with("content-type", typed).send(&operation.method, &operation.address(&ids), "{}").await;
            answer.problem(400, "malformed");
        }
        client.send(&operation.method, &operation.address(&ids), "{}").await.problem(400, "malformed");
    }
    // The same, said twice: readers would see different things.
    let twice = br#"{"name": "a", "name": "b", "roles": ["viewer"]}"#.to_vec();
    let typed = server.as_(&server.acme.admin).with("content-type", "application/json; charset=utf-8");
    let problem = typed.send("POST", &server.acme.path("/accounts"), twice).await.problem(400, "malformed");
    assert!(problem["detail"].as_str().unwrap().contains("duplicate field"), "{problem}");
}

async fn no_header_breaks_the_server(server: &TestServer) {
    let path = server.acme.path("/accounts");
    let body = json!({"name": "Max", "roles": ["viewer"]});
    for key in ["", &"k".repeat(256), "schlüssel", "tab\tinside"] {
        let answer = server.as_(&server.acme.admin).once(key).post(&path, body.clone()).await;
        if key.contains('\t') { blames_the_caller(&answer, key) } else { drop(answer.problem(400, "malformed")) }
    }
    server.as_(&server.acme.admin).once(&"k".repeat(255)).post(&path, body.clone()).await.ok(201);
    for value in ["Bearer", "Bearer ", "bearer  x", "Basic YTpi", "Bearer Bearer", "Negotiate", "", "Bearer \u{e9}"] {
        server.anonymous().with("authorization", value).get(&path).await.problem(401, "unauthenticated");
    }
    // A proxy's headers give nobody rights.
    let spoofed = server.anonymous().with("x-forwarded-user", "admin").with("x-tenant", &server.acme.id).with("x-request-id", "mine");
    let answer = spoofed.get(&path).await;
    assert_ne!(answer.header("x-request-id"), "mine");
    answer.problem(401, "unauthenticated");
    for tag in ["", "*", "W/\"1\"", "\"-1\"", "\"99999999999\"", "\"1\", \"2\"", "1e0"] {
        let profile = server.as_(&server.acme.admin).get(&server.acme.path("/profiles/mtls")).await.ok(200)["profile"].clone();
        let client = server.as_(&server.acme.admin).with("if-match", tag);
        client.put(&server.acme.path("/profiles/mtls"), profile).await.problem(428, "precondition-required");
    }
}

async fn no_query_breaks_the_server(server: &TestServer) {
    for list in ["accounts", "certificates", "orders", "events"] {
        for query in [
            "limit=-1",
            "limit=0",
            "limit=201",
            "limit=99999999999",
            "limit=x",
            "limit=",
            "limit=1&limit=2",
            "cursor=",
            "cursor=..",
            "cursor=%00",
            "cursor=%ff",
            "colour=red",
            "%ff=%ff",
            "=",
        ] {
            let answer = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/{list}?{query}"))).await;
            blames_the_caller(&answer, &format!("{list}?{query}"));
            assert!(answer.status.is_client_error(), "{list}?{query}: {}", answer.text());
        }
    }
    for query in ["name=%00", "name=%ff", "name=", "serial=", "serial=zz", "serial=1", "status=", "name=ip:999.9.9.9", "name=email:"] {
        let answer = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/certificates?{query}"))).await;
        assert!(answer.status.is_client_error(), "{query}: {}", answer.text());
    }
    let long = format!("/certificates?name={}", "a".repeat(60_000));
    blames_the_caller(&server.as_(&server.acme.admin).get(&server.acme.path(&long)).await, "a long query");
}

on_both_engines!(no_field_breaks_the_server, no_body_breaks_the_server, no_header_breaks_the_server, no_query_breaks_the_server);
