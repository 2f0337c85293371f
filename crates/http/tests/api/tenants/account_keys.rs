//! `/v1/tenants/{tenant}/accounts/{account}/keys…`: registered with a proof, and ended.

use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Clock;
use chancery_testkit::account_key::{AccountKeyPair, registration};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, TestTenant, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

fn keys(tenant: &TestTenant, account: &str) -> String {
    tenant.path(&format!("/accounts/{account}/keys"))
}

async fn a_key_is_registered_listed_and_ended(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "issuer").await;
    let (admin, path) = (server.as_(&server.acme.admin), keys(&server.acme, &account));
    let mut made = Vec::new();
    for algorithm in [KeyAlgorithm::Ed25519, KeyAlgorithm::EcP256, KeyAlgorithm::EcP384] {
        let pair = AccountKeyPair::generate(algorithm);
        let mut body = pair.registration(&server.acme.id, &account, "request", &server.clock.now().to_string());
        body["label"] = "build machine".into();
        let key = admin.clone().once(algorithm.as_str()).post(&path, body.clone()).await.ok(201);
        let again = admin.clone().once(algorithm.as_str()).post(&path, body.clone()).await.ok(201);
        assert_eq!((&key["id"], &key["event"]), (&again["id"], &again["event"]));
        assert_eq!((&key["algorithm"], &key["thumbprint"]), (&json!(algorithm.as_str()), &json!(pair.thumbprint())));
        assert_eq!((&key["label"], &key["purpose"]), (&json!("build machine"), &json!("request")));
        // A key is one account's, once: neither again nor for another purpose or account.
        admin.post(&path, body).await.problem(409, "conflict");
        let other = server.account(&server.acme, "issuer").await.0;
        let body = pair.registration(&server.acme.id, &other, "request", &server.clock.now().to_string());
        admin.post(&keys(&server.acme, &other), body).await.problem(409, "conflict");
        made.push(key);
    }
    let listed = admin.get(&path).await.ok(200);
    let ids = |list: &[Value]| list.iter().map(|key| key["id"].clone()).collect::<Vec<_>>();
    made.reverse();
    assert_eq!(ids(listed["items"].as_array().unwrap()), ids(&made));

    let end = format!("{path}/{}/end", made[0]["id"].as_str().unwrap());
    let ended = admin.clone().once("end").post(&end, json!({})).await.ok(200);
    assert_eq!(admin.clone().once("end").post(&end, json!({})).await.ok(200)["event"], ended["event"]);
    assert!(ended["ended_at"].is_string());
    admin.post(&end, json!({})).await.problem(409, "conflict");
    // Under another account's address it is not there.
    let elsewhere = format!("{}/{}/end", keys(&server.acme, &server.acme.account), made[1]["id"].as_str().unwrap());
    admin.post(&elsewhere, json!({})).await.problem(404, "not-found");

    let log = server.events(&server.acme).await;
    let acts: Vec<_> =
        log.iter().map(|entry| entry["event"]["act"].as_str().unwrap()).filter(|act| act.starts_with("account-key")).collect();
    assert_eq!(acts, ["account-key.end", "account-key.register", "account-key.register", "account-key.register"]);
    let told = &log.iter().find(|entry| entry["event"]["act"] == "account-key.register").unwrap()["event"]["detail"];
    assert_eq!((&told["account"], &told["key"]), (&json!(account), &made[0]["id"]));
    assert_eq!(told["thumbprint"], made[0]["thumbprint"]);
}

async fn openssl_makes_a_key_and_its_proof(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "issuer").await;
    let admin = server.as_(&server.acme.admin);
    for (make, sign) in [
        ("genpkey -algorithm ed25519 -out key.pem", "pkeyutl -sign -rawin -inkey key.pem -in statement -out proof"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem", "dgst -sha256 -sign key.pem -out proof statement"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem", "dgst -sha384 -sign key.pem -out proof statement"),
    ] {
        let openssl = Openssl::new();
        openssl.must(make, b"");
        let public = openssl.must("pkey -in key.pem -pubout", b"");
        openssl.must("pkey -in key.pem -pubout -outform DER -out public.der", b"");
        let thumbprint = openssl.must("dgst -sha256 -r public.der", b"");
        let (thumbprint, now) = (thumbprint.split(' ').next().unwrap(), server.clock.now());
        let (tenant, first) = (&server.acme.id, "chancery account key statement v1");
        let statement =
            format!("{first}\ntenant {tenant}\naccount {account}\npurpose request\nkey sha-256:{thumbprint}\nstated-at {now}\n");
        openssl.file("statement", &statement);
        openssl.must(sign, b"");
        let proof = openssl.must("base64 -A -in proof", b"");
        let body = json!({"purpose": "request", "public_key": public, "stated_at": now.to_string(), "proof": proof});
        let key = admin.post(&keys(&server.acme, &account), body).await.ok(201);
        assert_eq!((&key["thumbprint"], &key["public_key"]), (&json!(thumbprint), &json!(public)));
    }
}

async fn what_is_not_proved_is_refused(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "issuer").await;
    let (admin, path) = (server.as_(&server.acme.admin), keys(&server.acme, &account));
    let (acme, now) = (server.acme.id.clone(), server.clock.now());
    let pair = AccountKeyPair::generate(KeyAlgorithm::Ed25519);
    let said = |tenant: &str, account: &str, purpose: &str, at| pair.registration(tenant, account, purpose, &format!("{at}"));
    let good = said(&acme, &account, "request", now);
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let day = Duration::from_secs(86_400);
    let mut other_purpose = said(&acme, &account, "approve", now);
    other_purpose["purpose"] = "request".into();
    let rsa = AccountKeyPair::generate(KeyAlgorithm::Rsa2048).registration(&acme, &account, "request", &now.to_string());
    let ml_dsa = AccountKeyPair::generate(KeyAlgorithm::MlDsa65).registration(&acme, &account, "request", &now.to_string());
    // The point of order 1, whose "signatures" hold for everything (THREATS 23).
    let small = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00\x01".as_slice(), &[0; 31]].concat();
    let small = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, small);
    let foreign = registration(server, &acme, &account, "request").body;
    for (field, body) in [
        ("proof", said(&server.brava.id, &account, "request", now)),
        ("proof", said(&acme, &server.acme.account, "request", now)),
        ("proof", other_purpose),
        ("proof", with("stated_at", now.after(Duration::from_secs(1)).to_string().into())),
        ("proof", with("proof", foreign["proof"].clone())),
        ("proof", with("proof", "".into())),
        ("proof", with("public_key", foreign["public_key"].clone())),
        ("stated_at", said(&acme, &account, "request", now.before(day).before(Duration::from_secs(1)))),
        ("stated_at", said(&acme, &account, "request", now.after(Duration::from_secs(301)))),
        ("stated_at", with("stated_at", "yesterday".into())),
        ("public_key", rsa),
        ("public_key", ml_dsa),
        ("public_key", with("public_key", small.into())),
        ("public_key", with("public_key", csr(&["a.example"], false).key.into())),
        ("label", with("label", "two\nlines".into())),
        ("label", with("label", "x".repeat(101).into())),
        ("expires_in_seconds", with("expires_in_seconds", 0.into())),
        ("expires_in_seconds", with("expires_in_seconds", (732 * 86_400 + 1).into())),
    ] {
        let problem = admin.post(&path, body.clone()).await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    assert_eq!(admin.get(&path).await.ok(200)["items"], json!([]));
    admin.post(&path, good).await.ok(201);
    admin.post(&format!("{}/disable", path.replace("/keys", "")), json!({})).await.ok(200);
    admin.post(&path, foreign).await.problem(409, "conflict");
}

async fn nobody_registers_a_key_with_more_rights_than_theirs(server: &TestServer) {
    let (_, lead) = server.account(&server.acme, "security-lead").await;
    let (account, _) = server.account(&server.acme, "issuer").await;
    let body = registration(server, &server.acme.id, &account, "request").body;
    server.as_(&lead).post(&keys(&server.acme, &account), body).await.problem(403, "escalation");
}

async fn an_approver_key_is_registered_by_its_own_account_alone(server: &TestServer) {
    let (account, token) = server.account(&server.acme, "issuer").await;
    let (own, admin, path) = (server.as_(&token), server.as_(&server.acme.admin), keys(&server.acme, &account));
    let body = |purpose: &str| registration(server, &server.acme.id, &account, purpose).body;
    // Not by an admin, who could have made the key, and the proof with it.
    admin.post(&path, body("approve")).await.problem(403, "not-own");
    let key = own.post(&path, body("approve")).await.ok(201);
    assert_eq!(own.get(&path).await.ok(200)["items"][0]["id"], key["id"]);
    // A credential is given by who may give one, also to oneself; other people's keys are theirs.
    own.post(&path, body("request")).await.problem(403, "forbidden");
    own.get(&keys(&server.acme, &server.acme.account)).await.problem(403, "forbidden");
    let end = format!("{path}/{}/end", key["id"].as_str().unwrap());
    let (viewer, viewers) = server.account(&server.acme, "viewer").await;
    let viewer_path = keys(&server.acme, &viewer);
    server.as_(&viewers).post(&end, json!({})).await.problem(403, "forbidden");
    let statement = registration(server, &server.acme.id, &viewer, "approve").body;
    server.as_(&viewers).post(&viewer_path, statement).await.problem(403, "forbidden");
    own.post(&end, json!({})).await.ok(200);
    let second = own.post(&path, body("approve")).await.ok(201);
    admin.post(&format!("{path}/{}/end", second["id"].as_str().unwrap()), json!({})).await.ok(200);
    let log = server.events(&server.acme).await;
    let denied: Vec<_> =
        log.iter().filter(|entry| entry["event"]["act"] == "denied").map(|entry| &entry["event"]["detail"]["action"]).collect();
    assert_eq!(denied, ["own-key:write", "account:write", "account:read", "account:write", "own-key:write"]);
}

async fn a_compromised_key_speaks_for_nobody(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "issuer").await;
    let admin = server.as_(&server.acme.admin);
    let pair = AccountKeyPair::generate(KeyAlgorithm::EcP256);
    let (openssl, host) = (Openssl::new(), server.acme.host("www"));
    openssl.file("key.der", &*pair.pkcs8);
    let csr = openssl.must(&format!("req -new -key key.der -keyform DER -subj /CN={host} -addext subjectAltName=DNS:{host}"), b"");
    let issued = admin.post(&server.acme.path("/certificates"), json!({"profile": "tls-server", "csr": csr})).await.ok(201);
    let revoke = server.acme.path(&format!("/certificates/{}/revoke", issued["id"].as_str().unwrap()));
    admin.post(&revoke, json!({"reason": "key-compromise"})).await.ok(200);
    let body = pair.registration(&server.acme.id, &account, "request", &server.clock.now().to_string());
    let problem = admin.post(&keys(&server.acme, &account), body).await.problem(422, "refused");
    assert_eq!(problem["reasons"][0]["code"], "key-compromised");
    server.run_jobs().await;
}

async fn each_tenant_has_its_own_keys(server: &TestServer) {
    server.in_brava();
    let pair = AccountKeyPair::generate(KeyAlgorithm::Ed25519);
    let register = async |tenant: &TestTenant| {
        let body = pair.registration(&tenant.id, &tenant.account, "request", &server.clock.now().to_string());
        server.as_(&tenant.admin).post(&keys(tenant, &tenant.account), body).await.ok(201)
    };
    let (one, other) = (register(&server.acme).await, register(&server.brava).await);
    assert_eq!(one["id"], other["id"], "it follows from the key");
    let end = |tenant: &TestTenant| format!("{}/{}/end", keys(tenant, &tenant.account), one["id"].as_str().unwrap());
    server.as_(&server.acme.admin).post(&end(&server.acme), json!({})).await.ok(200);
    let theirs = server.as_(&server.brava.admin).get(&keys(&server.brava, &server.brava.account)).await.ok(200);
    assert_eq!(theirs["items"][0]["ended_at"], Value::Null);
}

on_both_engines!(
    a_key_is_registered_listed_and_ended,
    openssl_makes_a_key_and_its_proof,
    what_is_not_proved_is_refused,
    nobody_registers_a_key_with_more_rights_than_theirs,
    an_approver_key_is_registered_by_its_own_account_alone,
    a_compromised_key_speaks_for_nobody,
    each_tenant_has_its_own_keys,
);
