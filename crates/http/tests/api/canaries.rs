//! I6, I9: what tenants keep is in no database, keyring or log, in any form; nor is any secret.

use crate::operations::{Called, objects, operations};
use chancery_testkit::canary::{self, Canary};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, log, on_both_engines};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What a test hides, to be looked for.
#[derive(Default)]
struct Hidden(Vec<Canary>);

impl Hidden {
    fn text(&mut self, text: &str) -> String {
        self.0.push(Canary::new(text, text.as_bytes()));
        text.to_owned()
    }

    /// A token: its text, and the secret in it.
    fn token(&mut self, token: &Value) -> String {
        let token = token.as_str().unwrap();
        self.0.push(Canary::new(&format!("token {}", &token[..5]), token.as_bytes()));
        // The last 32 of 64 bytes stand before the checksum: base64url digits 44 to 84 lie within them.
        self.0.push(Canary::new("a token's secret", &token.as_bytes()[5 + 44..5 + 84]));
        token.to_owned()
    }

    /// A private key: its PEM body, and the number itself.
    fn key(&mut self, pem: &str) {
        let judge = Openssl::new();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        self.0.push(Canary::new("a private key's PEM", body.as_bytes()));
        let text = judge.must("pkey -noout -text", pem.as_bytes());
        let (_, number) = text.split_once("priv:").unwrap();
        let digits: String = number.split("pub:").next().unwrap().chars().filter(char::is_ascii_hexdigit).collect();
        let number: Vec<u8> = (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()).collect();
        self.0.push(Canary::new("a private key", &number[number.len() - 32..]));
    }
}

/// A life with a canary in every place where a tenant can put one.
async fn live(server: &TestServer, hidden: &mut Hidden) {
    let acme = &server.acme;
    let unique = format!("{:?}", server.engine).to_lowercase();
    for token in [&acme.admin, &server.brava.admin, &server.operator] {
        hidden.token(&json!(token));
    }
    let admin = server.as_(&acme.admin);
    let name = hidden.text(&format!("Canary Account {unique}"));
    let account = admin.post(&acme.path("/accounts"), json!({"name": name, "roles": ["issuer"]})).await.ok(201);
    let path = acme.path(&format!("/accounts/{}", account["id"].as_str().unwrap()));
    let minted = admin.clone().once("mint").post(&format!("{path}/tokens"), json!({})).await.ok(201);
    let token = hidden.token(&minted["token"]);
    admin.clone().once("mint").post(&format!("{path}/tokens"), json!({})).await.ok(201);
    let created =
        server.as_(&server.operator).once("tenant").post("/v1/platform/tenants", json!({"slug": format!("carol-{unique}")})).await;
    let invitation = hidden.token(&created.ok(201)["enrolment_token"]);
    let newcomer = hidden.text(&format!("Canary Newcomer {unique}"));
    let enrolled = server.as_(&invitation).post("/v1/enrol", json!({"name": newcomer})).await.ok(201);
    hidden.token(&enrolled["token"]["token"]);

    let profile_path = acme.path("/profiles/mtls");
    let mut profile = admin.get(&profile_path).await.ok(200)["profile"].clone();
    profile["description"] = json!(hidden.text(&format!("canary description {unique}")));
    admin.clone().with("if-match", "\"1\"").put(&profile_path, profile).await.ok(200);

    let client = server.as_(&token);
    let (one, two) = (hidden.text(&format!("canary-one-{unique}")), hidden.text(&format!("canary-two-{unique}")));
    let body = json!({"profile": "tls-server", "names": [acme.host(&one)], "common_name": acme.host(&one)});
    let made = client.clone().once("issue").post(&acme.path("/certificates"), body).await.ok(201);
    let at = acme.path(&format!("/certificates/{}", made["id"].as_str().unwrap()));
    let key = client.clone().once("fetch").post(&format!("{at}/private-key/fetch"), json!({})).await.ok(200);
    hidden.key(key["private_key"].as_str().unwrap());
    let request = csr(&[&acme.host(&two)], true);
    hidden.key(&request.key);
    client.post(&acme.path("/certificates"), json!({"profile": "tls-server", "csr": request.pem})).await.ok(201);
    client.get(&acme.path(&format!("/certificates?name={}", acme.host(&one)))).await.ok(200);
    client.post(&format!("{at}/renew"), json!({})).await.ok(201);
    client.post(&format!("{at}/revoke"), json!({})).await.ok(200);
    let refused = hidden.text(&format!("canary-refused-{unique}"));
    let body = json!({"profile": "tls-server", "names": [format!("{refused}.evil.example")]});
    client.post(&acme.path("/certificates"), body).await.problem(422, "refused");
    server.pass(Duration::from_secs(60)).await;
}

/// Where the database's own files lie, and this test's part of them.
async fn folders(server: &TestServer) -> Vec<PathBuf> {
    let mut folders = vec![server.directory().to_owned()];
    if server.database().is_some() {
        folders.extend(server.below(async |raw| raw.written_out().await).await);
    }
    folders
}

async fn nothing_that_was_sealed_lies_open_anywhere(server: &TestServer) {
    let began = SystemTime::UNIX_EPOCH;
    let mut hidden = Hidden::default();
    live(server, &mut hidden).await;
    // While it runs, WAL and all; and once more when everything is written back.
    let mut places = canary::found_below(&hidden.0, server.directory(), began);
    let folders = folders(server).await;
    server
        .below(async |_| {
            for folder in &folders {
                places.extend(canary::found_below(&hidden.0, folder, began));
            }
        })
        .await;
    places.extend(canary::found(&hidden.0, "the log", &log::logged()));
    assert_eq!(places, [""; 0]);

    // The search finds what does lie there: the slug in the register, and requests in the log.
    let slug = [Canary::new("slug", server.acme.slug.as_bytes())];
    assert!(folders.iter().any(|folder| !canary::found_below(&slug, folder, began).is_empty()));
    let tenant = [Canary::new("tenant", server.acme.id.as_bytes())];
    assert_eq!(canary::found(&tenant, "the log", &log::logged()), ["tenant in the log"]);
}

// A secret in the wrong place is not repeated, whatever becomes of the request.
async fn a_secret_in_any_field_or_header_is_not_repeated(server: &TestServer) {
    let ids = objects(server, &server.acme).await;
    let secret = format!("hush-{:?}-{}", server.engine, &server.acme.admin[60..80]);
    let hushed = [Canary::new("the secret", secret.as_bytes())];
    for operation in operations(server).await {
        let token = if operation.path.starts_with("/v1/platform") { &server.operator } else { &server.acme.admin };
        for header in
            ["authorization", "idempotency-key", "if-match", "content-type", "cookie", "user-agent", "x-request-id", "accept", "referer"]
        {
            let client = if header == "authorization" { server.anonymous() } else { server.as_(token) };
            let value = if header == "authorization" { format!("Bearer {secret}") } else { secret.clone() };
            let answer = client.with(header, &value).send(&operation.method, &operation.address(&ids), "{\"").await;
            let headers = format!("{:?}", answer.headers);
            assert!(
                !hushed[0].is_in(&answer.body) && !hushed[0].is_in(headers.as_bytes()),
                "{} {header}: {}",
                operation.name(),
                answer.text()
            );
        }
        // As a value of the wrong kind in every field, the whole of the body, and a broken one.
        let client = server.as_(token).with("content-type", "application/json").with("if-match", "\"1\"");
        let fields = [
            "name",
            "roles",
            "slug",
            "permitted_names",
            "names",
            "validity_seconds",
            "expires_in_seconds",
            "custody",
            "key_algorithms",
            "request",
            "draft",
            "password",
        ];
        let wrong = fields.iter().map(|field| json!({*field: {"value": secret}}).to_string());
        for body in wrong.chain([format!("\"{secret}\""), format!("{{\"name\": {secret}"), secret.clone()]) {
            if operation.writes() {
                let answer = client.send(&operation.method, &operation.address(&ids), body.clone()).await;
                assert!(!hushed[0].is_in(&answer.body), "{} {body}: {}", operation.name(), answer.text());
            }
        }
    }
    assert_eq!(canary::found(&hushed, "the log", &log::logged()), [""; 0]);
}

on_both_engines!(nothing_that_was_sealed_lies_open_anywhere, a_secret_in_any_field_or_header_is_not_repeated);
