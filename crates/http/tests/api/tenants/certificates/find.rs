//! `GET …/certificates`: listed, searched, paged, downloaded.

use super::{at, text};
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

async fn found(server: &TestServer, query: &str) -> Vec<String> {
    let page = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/certificates?{query}"))).await.ok(200);
    page["items"].as_array().unwrap().iter().map(|item| text(&item["id"]).to_owned()).collect()
}

async fn by_name_serial_and_status(server: &TestServer) {
    // The same name in another tenant is another name: its blind index is made with another key.
    server.certificate(server.in_brava(), "www").await;
    let body = json!({"profile": "tls-server", "names": [server.acme.host("www"), server.acme.host("api")]});
    let both = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await.ok(201);
    let one = server.certificate(&server.acme, "www").await;
    server.as_(&server.acme.admin).post(&at(server, &one, "/revoke"), json!({})).await.ok(200);
    let (both_id, one_id) = (text(&both["id"]), text(&one["id"]));

    assert_eq!(found(server, "").await, [one_id, both_id]);
    assert_eq!(found(server, &format!("name={}", server.acme.host("www"))).await, [one_id, both_id]);
    assert_eq!(found(server, &format!("name={}", server.acme.host("WWW"))).await, [one_id, both_id]);
    assert_eq!(found(server, &format!("name={}", server.acme.host("api"))).await, [both_id]);
    assert_eq!(found(server, &format!("name={}", server.brava.host("www"))).await, [""; 0]);
    assert_eq!(found(server, &format!("serial={}", text(&one["serial"]))).await, [one_id]);
    assert_eq!(found(server, "serial=00000000000000000000000000000001").await, [""; 0]);
    assert_eq!(found(server, "status=revoked").await, [one_id]);
    assert_eq!(found(server, "status=issued").await, [both_id]);
    assert_eq!(found(server, &format!("status=issued&name={}", server.acme.host("www"))).await, [both_id]);
    for (bad, field) in
        [("status=lost", "status"), ("name=a..b", "name"), ("serial=xyz", "serial"), ("limit=0", "limit"), ("cursor=1", "cursor")]
    {
        let answer = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/certificates?{bad}"))).await;
        assert_eq!(answer.problem(422, "invalid")["field"], field);
    }
}

async fn pages_stay_while_new_ones_are_added(server: &TestServer) {
    let mut expected = Vec::new();
    for number in 0..7 {
        expected.push(text(&server.certificate(&server.acme, &format!("h{number}")).await["id"]).to_owned());
    }
    expected.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = server.acme.path(&format!("/certificates?limit=3{cursor}"));
        let page = server.as_(&server.acme.admin).get(&path).await.ok(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item["id"]).to_owned()));
        server.certificate(&server.acme, "later").await;
        let Value::String(next) = &page["next"] else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, expected);
}

async fn downloads_are_what_openssl_reads(server: &TestServer) {
    let certificate = server.certificate(&server.acme, "www").await;
    let judge = Openssl::new();
    let pem = server.as_(&server.acme.admin).get(&at(server, &certificate, "/pem")).await;
    assert_eq!(pem.header("content-type"), "application/pem-certificate-chain");
    assert_eq!(pem.ok_text(200), format!("{}{}", text(&certificate["certificate"]), text(&certificate["chain"])));
    let der = server.as_(&server.acme.admin).get(&at(server, &certificate, "/der")).await;
    assert_eq!(der.header("content-type"), "application/pkix-cert");
    let said = judge.must("x509 -inform DER -noout -fingerprint -sha256 -serial", &der.body).to_lowercase().replace(':', "");
    assert!(said.contains(text(&certificate["sha256"])), "{said}");
    assert!(said.contains(text(&certificate["serial"]).trim_start_matches('0')), "{said}");
}

on_both_engines!(by_name_serial_and_status, pages_stay_while_new_ones_are_added, downloads_are_what_openssl_reads);
