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

async fn by_suffix_at_any_depth(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let issue = async |tenant: &chancery_testkit::TestTenant, names: Vec<String>| {
        let body = json!({"profile": "tls-server", "names": names});
        text(&server.as_(&tenant.admin).post(&tenant.path("/certificates"), body).await.ok(201)["id"]).to_owned()
    };
    let host = |label: &str| server.acme.host(label);
    // Two names under one suffix are one certificate.
    let flat = issue(&server.acme, vec![host("www"), host("api")]).await;
    issue(server.in_brava(), vec![server.brava.host("a.eu")]).await;
    let below = issue(&server.acme, vec![host("a.eu")]).await;
    let deep = issue(&server.acme, vec![host("a.b.c.d.e.f.eu")]).await;
    assert_eq!(found(server, &format!("name={}", host("*"))).await, [deep.as_str(), &below, &flat]);
    assert_eq!(found(server, &format!("name={}", host("*.eu"))).await, [deep.as_str(), &below]);
    assert_eq!(found(server, &format!("name={}", host("*.f.eu"))).await, [deep.as_str()]);
    assert_eq!(found(server, &format!("name={}", host("*.www"))).await, [""; 0], "nothing is below a host itself");
    assert_eq!(found(server, &format!("name={}", host("*.e"))).await, [""; 0], "a label is whole");
    assert_eq!(found(server, &format!("name={}&limit=1", host("*"))).await, [deep.as_str()]);
    let long = admin.get(&server.acme.path(&format!("/certificates?name={}", host("*.c.d.e.f.eu")))).await;
    assert_eq!(long.problem(422, "invalid")["field"], "name");
}

async fn by_profile_issuer_end_and_renewal(server: &TestServer) {
    let server_one = server.certificate(&server.acme, "www").await;
    let body = json!({"profile": "mtls", "names": [server.acme.host("peer")], "validity_seconds": 86_400});
    let short = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await.ok(201);
    let (long, short_id) = (text(&server_one["id"]), text(&short["id"]));
    assert_eq!(found(server, "profile=mtls").await, [short_id]);
    assert_eq!(found(server, &format!("issuer={}", server.acme.issuer)).await, [short_id, long]);
    assert_eq!(found(server, &format!("expires_before={}", text(&server_one["not_after"]))).await, [short_id]);
    let both = format!("name={}&profile=mtls&expires_before=2050-01-01T00:00:00Z", server.acme.host("*"));
    assert_eq!(found(server, &both).await, [short_id]);
    assert_eq!(found(server, &format!("serial={}&profile=tls-server", text(&short["serial"]))).await, [""; 0]);
    assert_eq!(found(server, "renewal_due=true").await, [""; 0]);
    server.clock.advance(std::time::Duration::from_secs(80_000));
    assert_eq!(found(server, "renewal_due=true").await, [short_id]);
    server.as_(&server.acme.admin).post(&at(server, &short, "/revoke"), json!({})).await.ok(200);
    assert_eq!(found(server, "renewal_due=true").await, [""; 0]);
    for (bad, field) in [
        ("renewal_due=true&status=revoked", "renewal_due"),
        ("expires_before=soon", "expires_before"),
        ("issuer=0190a000-0000-7000-8000-000000000001", "issuer"),
        ("profile=none-such", "profile"),
    ] {
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

on_both_engines!(
    by_suffix_at_any_depth,
    by_profile_issuer_end_and_renewal,
    by_name_serial_and_status,
    pages_stay_while_new_ones_are_added,
    downloads_are_what_openssl_reads
);
