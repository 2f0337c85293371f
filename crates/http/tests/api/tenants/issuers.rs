//! `/v1/tenants/{tenant}/issuers…` and the public addresses `/pki/…`.

use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

async fn a_root_and_its_constrained_intermediate_are_made(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let permitted = ["dns:*.acme.example", "dns:acme.example", "ip:10.0.0.0/8", "email:*@acme.example", "uri:spiffe://acme.example/*"];
    let body = json!({"name": "Zweite", "organization": "Acme Bank ÄG", "permitted_names": permitted, "root_days": 30, "issuing_days": 7});
    let made = admin.post(&server.acme.path("/issuers"), body).await.ok(201);
    assert_eq!((&made["kind"], &made["permitted_names"]), (&json!("issuing"), &json!(permitted)));
    let root = admin.get(&server.acme.path(&format!("/issuers/{}", text(&made["root"])))).await.ok(200);
    assert_eq!((&root["kind"], &root["root"]), (&json!("root"), &Value::Null));
    let listed = admin.get(&server.acme.path("/issuers")).await.ok(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);

    let judge = Openssl::new();
    judge.file("root.pem", text(&root["certificate"]));
    judge.file("issuing.pem", text(&made["certificate"]));
    judge.must("verify -attime 1800000010 -x509_strict -CAfile root.pem issuing.pem", b"");
    let said = judge.must("x509 -noout -text -in issuing.pem", b"");
    for expected in [
        "CA:TRUE, pathlen:0",
        "DNS:acme.example",
        "IP:10.0.0.0/255.0.0.0",
        "email:acme.example",
        "URI:acme.example",
        "X509v3 Name Constraints: critical",
        "Organization",
    ] {
        let found = said.contains(expected) || expected == "Organization" && said.contains("O = Acme Bank");
        assert!(found, "{expected} in {said}");
    }
    assert!(judge.must("x509 -noout -text -in root.pem", b"").contains("CA:TRUE, pathlen:1"));

    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == made["event"]["id"]).unwrap();
    assert_eq!((&event["leaf"], &event["event"]["act"]), (&made["event"]["leaf"], &json!("issuer.create")));
    assert_eq!(event["event"]["detail"]["permitted"], json!(permitted));
}

async fn bad_issuers_are_refused_by_their_field(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let good = json!({"name": "Good", "permitted_names": ["dns:*.acme.example"]});
    for (field, value) in [
        ("permitted_names", json!([])),
        ("permitted_names", json!(["*"])),
        ("permitted_names", json!(["dns:*.*"])),
        ("permitted_names", json!(["dns:"])),
        ("permitted_names", json!(["ip:10.0.0.1/8"])),
        ("permitted_names", json!(["uri:spiffe://acme*"])),
        ("permitted_names", json!(["dns:*.acme.example", "nonsense"])),
        ("name", json!("")),
        ("name", json!("x".repeat(49))),
        ("organization", json!("x".repeat(65))),
        ("organization", json!("")),
        ("key_algorithm", json!("rsa-2048")),
        ("key_algorithm", json!("ec-p521")),
        ("key_algorithm", json!("")),
        ("root_days", json!(29)),
        ("root_days", json!(9126)),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let problem = admin.post(&server.acme.path("/issuers"), body).await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{value}: {problem}");
    }
    let longer = json!({"name": "Good", "permitted_names": ["dns:*.acme.example"], "root_days": 30, "issuing_days": 31});
    admin.post(&server.acme.path("/issuers"), longer).await.problem(422, "invalid");
    assert_eq!(admin.get(&server.acme.path("/issuers")).await.ok(200)["items"].as_array().unwrap().len(), 2);
}

async fn what_certificates_point_to_is_there_for_everybody(server: &TestServer) {
    let certificate = server.certificate(&server.acme, "www").await;
    server.run_jobs().await;
    let judge = Openssl::new();
    judge.file("leaf.pem", text(&certificate["certificate"]));
    let said = judge.must("x509 -noout -text -in leaf.pem", b"");
    let addresses: Vec<_> = said.split_whitespace().filter_map(|word| word.split("URI:").nth(1)).collect();
    assert_eq!(addresses.len(), 2, "{said}");
    assert!(!said.contains(&format!("pki/{}", server.acme.slug)), "an address says whose it is");
    for address in addresses {
        let path = address.strip_prefix("http://pki.chancery.example").expect("under the public address");
        let answer = server.anonymous().get(path).await;
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(answer.header("cache-control"), "public, max-age=30");
        if path.ends_with(".crl") {
            assert_eq!(answer.header("content-type"), "application/pkix-crl");
            let own = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}/crl/0", server.acme.issuer))).await;
            assert_eq!(own.body, answer.body);
        } else {
            assert_eq!(answer.header("content-type"), "application/pkix-cert");
            judge.file("issuing.der", &answer.body);
            judge.must("verify -attime 1800000010 -partial_chain -trusted issuing.der leaf.pem", b"");
        }
    }
}

async fn an_intermediate_of_as_many_days_ends_with_its_root(server: &TestServer) {
    let (admin, stop) = (server.as_(&server.acme.admin), Arc::new(AtomicBool::new(false)));
    // Seconds go by between one key and the other.
    let (clock, ended) = (Arc::clone(&server.clock), Arc::clone(&stop));
    let passing = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            clock.advance(Duration::from_millis(10));
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    let body = json!({"name": "Even", "permitted_names": ["dns:*.acme.example"], "key_algorithm": "rsa-3072", "root_days": 30, "issuing_days": 30});
    let made = admin.post(&server.acme.path("/issuers"), body).await;
    stop.store(true, Ordering::Relaxed);
    passing.join().unwrap();
    let made = made.ok(201);
    let root = admin.get(&server.acme.path(&format!("/issuers/{}", text(&made["root"])))).await.ok(200);
    assert_eq!(made["not_after"], root["not_after"]);
}

async fn the_bundle_has_the_roots_of_its_tenant(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let body = json!({"name": "Second", "permitted_names": ["dns:*.acme.example"], "root_days": 30, "issuing_days": 7});
    let short = admin.post(&server.acme.path("/issuers"), body).await.ok(201);
    server.run_jobs().await;
    let issuer = async |id: &str| admin.clone().get(&server.acme.path(&format!("/issuers/{id}"))).await.ok(200);
    let (first, first_root) = (issuer(&server.acme.issuer).await, issuer(&server.acme.root).await);
    let short_root = issuer(text(&short["root"])).await;
    let pem = |root: &Value| text(&root["certificate"]).to_owned();
    // The same at the address of each of its authorities.
    for authority in [&first, &first_root, &short] {
        let answer = server.anonymous().get(&format!("/pki/{}/bundle.pem", text(&authority["public_id"]))).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/x-pem-file"));
        assert_eq!(answer.text(), pem(&short_root) + &pem(&first_root));
    }
    let judge = Openssl::new();
    judge.file("bundle.pem", pem(&short_root) + &pem(&first_root));
    for (name, certificate) in [("first.pem", &first), ("short.pem", &short)] {
        judge.file(name, pem(certificate));
        judge.must(&format!("verify -attime 1800000010 -CAfile bundle.pem {name}"), b"");
    }
    server.anonymous().get("/pki/00000000000000000000000000000000/bundle.pem").await.problem(404, "not-found");
}

async fn addresses_that_are_not_are_missing(server: &TestServer) {
    let issuer = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}", server.acme.issuer))).await.ok(200);
    let public = text(&issuer["public_id"]);
    for path in [
        format!("/pki/{public}/1.crl"),
        format!("/pki/{public}/00.crl"),
        format!("/pki/{public}/+0.crl"),
        format!("/pki/{public}/4294967296.crl"),
        format!("/pki/{public}/0"),
        format!("/pki/{public}/.crl"),
        format!("/pki/{public}/ca.cer.bak"),
        format!("/pki/{public}/bundle.pem.bak"),
        format!("/pki/{}/bundle.pem", server.acme.id),
        format!("/pki/{}/0.crl", server.acme.issuer),
        format!("/pki/{}/ca.cer", server.acme.id),
        format!("/pki/{}/0.crl", server.acme.slug),
        format!("/pki/{public}"),
        "/pki".to_owned(),
        "/pki/%ff/0.crl".to_owned(),
    ] {
        server.anonymous().get(&path).await.problem(404, "not-found");
    }
    let crl = server.acme.path(&format!("/issuers/{}/crl", server.acme.issuer));
    for shard in ["1", "-1", "x", "4294967296"] {
        server.as_(&server.acme.admin).get(&format!("{crl}/{shard}")).await.problem(404, "not-found");
    }
}

// I11: the keys of one tenant's authorities wait behind each other, and not before those of others.
async fn a_flood_of_rsa_authorities_is_told_so_and_holds_up_nobody_else(server: &TestServer) {
    let (tenant, cores) = (server.in_brava(), std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1)));
    let body = json!({"name": "Slow", "external": true, "permitted_names": ["dns:*.acme.example"], "key_algorithm": "rsa-3072"});
    let flood: Vec<_> = (0..cores * 9 + 15)
        .map(|_| {
            let (client, path, body) = (server.as_(&server.acme.admin), server.acme.path("/issuers"), body.clone());
            tokio::spawn(async move { client.post(&path, body).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    server.as_(&tenant.admin).post(&tenant.path("/issuers"), body).await.ok(201);
    let waiting = flood.iter().filter(|task| !task.is_finished()).count();
    assert!(waiting > 0, "the other tenant waited for all of the flood");
    let (mut made, mut told) = (0, 0);
    for answer in flood {
        let answer = answer.await.unwrap();
        made += usize::from(answer.status == 201);
        if answer.status == 429 {
            answer.problem(429, "crowded");
            told += 1;
        }
    }
    assert!(told >= 5 && made >= 1, "{told} told, {made} made");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

on_both_engines!(
    a_root_and_its_constrained_intermediate_are_made,
    bad_issuers_are_refused_by_their_field,
    what_certificates_point_to_is_there_for_everybody,
    an_intermediate_of_as_many_days_ends_with_its_root,
    the_bundle_has_the_roots_of_its_tenant,
    a_flood_of_rsa_authorities_is_told_so_and_holds_up_nobody_else,
    addresses_that_are_not_are_missing,
);
