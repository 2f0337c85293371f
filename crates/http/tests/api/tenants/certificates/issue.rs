//! `POST …/certificates`: what is issued, and why not.

use super::{at, event_of, judged, text};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{Answer, TestServer, on_both_engines};
use serde_json::{Value, json};

async fn issue(server: &TestServer, body: Value) -> Answer {
    server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await
}

async fn a_request_in_any_form_becomes_a_certificate(server: &TestServer) {
    let (judge, host) = (Openssl::new(), server.acme.host("www"));
    let made = csr(&[&host, &server.acme.host("api")], true);
    judge.must("ecparam -name prime256v1 -genkey -noout -out key.pem", b"");
    let by_openssl = judge.must(&format!("req -new -key key.pem -subj /CN={host} -addext subjectAltName=DNS:{host}"), b"");
    judge.file("csr.der", &made.der);
    let base64 = judge.must("base64 -in csr.der", b"");
    for (request, names, public) in [
        (made.pem.clone(), 2, made.public.clone()),
        (base64.clone(), 2, made.public.clone()),
        (base64.replace('\n', ""), 2, made.public.clone()),
        (by_openssl, 1, judge.must("pkey -in key.pem -pubout", b"")),
    ] {
        let issued = issue(server, json!({"profile": "tls-server", "csr": request})).await.ok(201);
        assert_eq!((&issued["status"], &issued["custody"]), (&json!("issued"), &json!("client")));
        assert_eq!(issued["names"].as_array().unwrap().len(), names);
        assert_eq!(issued["subject"], format!("CN={host}"));
        let said = judged(server, &issued, &judge, &format!("-purpose sslserver -verify_hostname {host}")).await;
        assert!(said.ok, "{}", said.text);
        assert_eq!(judge.must("x509 -noout -pubkey -in leaf.pem", b"").replace("\r\n", "\n"), public.replace("\r\n", "\n"));

        let event = event_of(server, &issued).await;
        assert_eq!((&event["act"], &event["detail"]["serial"]), (&json!("certificate.issue"), &issued["serial"]));
        assert_eq!(event["detail"]["moves"], json!(["requested", "approved", "issuing", "issued"]));
        let order = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/orders/{}", text(&issued["order"])))).await.ok(200);
        assert_eq!((&order["state"], &order["certificate"]), (&json!("issued"), &issued["id"]));
        assert_eq!((&order["requester"], &order["policy_version"]), (&json!(server.acme.account), &json!(1)));
    }
}

async fn a_key_made_here_goes_with_the_names_asked_for(server: &TestServer) {
    let body = json!({"profile": "mtls", "names": [server.acme.host("b"), server.acme.host("a")], "validity_seconds": 3600});
    let issued = issue(server, body).await.ok(201);
    assert_eq!(issued["names"], json!(["dns:a.acme-bank.example", "dns:b.acme-bank.example"]));
    assert_eq!((&issued["custody"], &issued["subject"]), (&json!("software-release-once"), &json!("")));
    let judge = Openssl::new();
    for purpose in ["sslserver", "sslclient"] {
        let said = judged(server, &issued, &judge, &format!("-purpose {purpose}")).await;
        assert!(said.ok, "{}", said.text);
    }
    // Another tenant's root does not vouch for it.
    let root = server.as_(&server.brava.admin).get(&server.brava.path(&format!("/issuers/{}", server.brava.root))).await.ok(200);
    judge.file("brava.pem", text(&root["certificate"]));
    assert!(!judge.run("verify -attime 1800000010 -CAfile brava.pem -untrusted chain.pem leaf.pem", b"").ok);
    let shown = server.as_(&server.acme.admin).get(&at(server, &issued, "")).await.ok(200);
    assert_eq!(shown["certificate"], issued["certificate"]);
}

/// A request with a key on P-384.
fn p384(host: &str) -> String {
    let judge = Openssl::new();
    judge.must("ecparam -name secp384r1 -genkey -noout -out key.pem", b"");
    judge.must(&format!("req -new -sha384 -key key.pem -subj /CN={host} -addext subjectAltName=DNS:{host}"), b"")
}

/// Puts a profile of its own in force, made of a preset.
async fn profile(server: &TestServer, changes: Value) {
    let path = server.acme.path("/profiles/tls-server");
    let read = server.as_(&server.acme.admin).get(&path).await;
    let (tag, mut profile) = (read.header("etag").to_owned(), read.ok(200)["profile"].clone());
    for (field, value) in changes.as_object().unwrap() {
        profile[field] = value.clone();
    }
    server.as_(&server.acme.admin).with("if-match", &tag).put(&path, profile).await.ok(200);
}

async fn every_reason_against_reaches_the_caller_and_the_log(server: &TestServer) {
    let host = server.acme.host("www");
    let ok = json!({"profile": "tls-server", "names": [host]});
    let with = |field: &str, value: Value| {
        let mut body = ok.clone();
        body[field] = value;
        body
    };
    let mut told = Vec::new();
    for (body, reasons) in [
        (with("custody", json!("software-never-released")), vec!["custody"]),
        (with("key_algorithm", json!("ml-dsa-65")), vec!["key-algorithm"]),
        (with("names", json!([])), vec!["no-names"]),
        (json!({"profile": "tls-server"}), vec!["no-names"]),
        (with("names", json!((0..101).map(|n| server.acme.host(&format!("h{n}"))).collect::<Vec<_>>())), vec!["too-many-names"]),
        (with("names", json!(["uri:spiffe://acme.example/web"])), vec!["name-not-in-profile", "name-not-in-issuer"]),
        (with("names", json!([server.brava.host("www")])), vec!["name-not-in-issuer"]),
        (with("names", json!(["acme-bank.example"])), vec!["name-not-in-issuer"]),
        (with("names", json!([server.acme.host("*")])), vec!["wildcard"]),
        (with("common_name", json!("evil.example")), vec!["common-name"]),
        (with("validity_seconds", json!(91 * 86_400)), vec!["validity"]),
        (with("validity_seconds", json!(299)), vec!["validity"]),
        (json!({"profile": "tls-server", "csr": csr(&["www.evil.example"], true).pem}), vec!["name-not-in-issuer"]),
        // All of them, not the first.
        (
            json!({"profile": "tls-server", "names": ["*.evil.example"], "common_name": "x", "validity_seconds": 1, "custody": "software-never-released"}),
            vec!["custody", "name-not-in-issuer", "wildcard", "common-name", "validity"],
        ),
    ] {
        let problem = issue(server, body).await.problem(422, "refused");
        let codes: Vec<_> = problem["reasons"].as_array().unwrap().iter().map(|reason| text(&reason["code"]).to_owned()).collect();
        assert_eq!(codes, reasons, "{problem}");
        told.push(problem["reasons"].clone());
    }
    profile(server, json!({"common_name": "never", "key_algorithms": ["ec-p256"]})).await;
    let other_key = issue(server, json!({"profile": "tls-server", "csr": p384(&host)})).await.problem(422, "refused");
    assert_eq!(other_key["reasons"][0]["code"], "key-algorithm");
    told.push(other_key["reasons"].clone());
    told.push(issue(server, with("common_name", json!(host))).await.problem(422, "refused")["reasons"].clone());
    profile(server, json!({"max_validity_seconds": 5_000 * 86_400})).await;
    let outliving = issue(server, with("validity_seconds", json!(4_000 * 86_400))).await.problem(422, "refused");
    assert_eq!(outliving["reasons"][0]["code"], "issuer-expires");
    told.push(outliving["reasons"].clone());

    let log = server.events(&server.acme).await;
    let denials: Vec<_> =
        log.iter().rev().filter(|entry| entry["event"]["act"] == "denied").map(|entry| &entry["event"]["detail"]).collect();
    assert_eq!(denials.iter().map(|detail| detail["reasons"].clone()).collect::<Vec<_>>(), told);
    assert_eq!(denials[0]["policy_version"], 1);
    // Nothing was made or counted.
    let tenant = server.as_(&server.acme.admin).get(&server.acme.path("")).await.ok(200);
    assert_eq!((&tenant["certificates_issued"], &tenant["certificates_live"]), (&json!(0), &json!(0)));
    let orders = server.as_(&server.acme.admin).get(&server.acme.path("/orders")).await.ok(200);
    assert_eq!(orders["items"], json!([]));
}

async fn fields_that_say_nothing_sensible_are_named(server: &TestServer) {
    let host = server.acme.host("www");
    let request = csr(&[&host], false).pem;
    let mut flipped = request.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    for (field, body) in [
        ("profile", json!({"profile": "no-such", "names": [host]})),
        ("profile", json!({"profile": "../tls", "names": [host]})),
        ("csr", json!({"profile": "tls-server", "csr": "nonsense"})),
        ("csr", json!({"profile": "tls-server", "csr": ""})),
        ("csr", json!({"profile": "tls-server", "csr": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"})),
        ("csr", json!({"profile": "tls-server", "csr": String::from_utf8(flipped).unwrap()})),
        ("custody", json!({"profile": "tls-server", "csr": request, "custody": "software-release-once"})),
        ("custody", json!({"profile": "tls-server", "names": [host], "custody": "client"})),
        ("custody", json!({"profile": "tls-server", "names": [host], "custody": "nobody"})),
        ("key_algorithm", json!({"profile": "tls-server", "csr": request, "key_algorithm": "ec-p256"})),
        ("key_algorithm", json!({"profile": "tls-server", "names": [host], "key_algorithm": "rsa-1024"})),
        ("names", json!({"profile": "tls-server", "names": ["not a name"]})),
        ("names", json!({"profile": "tls-server", "names": ["a..b"]})),
        ("issuer", json!({"profile": "tls-server", "names": [host], "issuer": "x"})),
        ("issuer", json!({"profile": "tls-server", "names": [host], "issuer": server.acme.root})),
    ] {
        let problem = issue(server, body.clone()).await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
}

async fn a_tenant_without_issuer_is_told_to_make_one(server: &TestServer) {
    let created = server.as_(&server.operator).post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await.ok(201);
    let (id, _, admin) = server.enrol(text(&created["enrolment_token"]), "Carol").await;
    let body = json!({"profile": "tls-server", "names": ["www.carol.example"]});
    server.as_(&admin).post(&format!("/v1/tenants/{id}/certificates"), body).await.problem(409, "conflict");
}

async fn the_newest_issuer_serves_unless_another_is_named(server: &TestServer) {
    let body = json!({"name": "Second", "permitted_names": [format!("dns:*.{}.example", server.acme.slug)]});
    let second = server.as_(&server.acme.admin).post(&server.acme.path("/issuers"), body).await.ok(201);
    let by_default = server.certificate(&server.acme, "www").await;
    assert_eq!(by_default["issuer"], second["id"]);
    let named = json!({"profile": "tls-server", "names": [server.acme.host("www")], "issuer": server.acme.issuer});
    assert_eq!(issue(server, named).await.ok(201)["issuer"], server.acme.issuer);
}

on_both_engines!(
    a_request_in_any_form_becomes_a_certificate,
    a_key_made_here_goes_with_the_names_asked_for,
    every_reason_against_reaches_the_caller_and_the_log,
    fields_that_say_nothing_sensible_are_named,
    a_tenant_without_issuer_is_told_to_make_one,
    the_newest_issuer_serves_unless_another_is_named,
);
