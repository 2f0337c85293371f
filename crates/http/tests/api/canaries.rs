//! I6, I9: what tenants keep is in no database, keyring or log, in any form; nor is any secret.

use crate::operations::{Called, objects, operations};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chancery_testkit::canary::{self, Canary};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::signing_profile;
use chancery_testkit::{TestServer, log, on_both_engines};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a test hides, to be looked for.
#[derive(Default)]
struct Hidden {
    /// What is sealed: whoever may see it finds it in answers, and nobody in what is stored.
    names: Vec<Canary>,
    /// What leaves once, in one answer, if ever.
    secrets: Vec<Canary>,
}

impl Hidden {
    fn text(&mut self, text: &str) -> String {
        self.names.push(Canary::new(text, text.as_bytes()));
        text.to_owned()
    }

    /// A token: its text, and the secret in it.
    fn token(&mut self, token: &Value) -> String {
        let token = token.as_str().unwrap();
        self.secrets.push(Canary::new(&format!("token {}", &token[..5]), token.as_bytes()));
        // The last 32 of 64 bytes stand before the checksum: base64url digits 44 to 84 lie within them.
        self.secrets.push(Canary::new("a token's secret", &token.as_bytes()[5 + 44..5 + 84]));
        token.to_owned()
    }

    fn found(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        [canary::found(&self.names, place, bytes), canary::found(&self.secrets, place, bytes)].concat()
    }

    fn found_below(&self, folder: &Path) -> Vec<String> {
        let began = SystemTime::UNIX_EPOCH;
        [canary::found_below(&self.names, folder, began), canary::found_below(&self.secrets, folder, began)].concat()
    }

    /// A private key: its PEM body, and any part of the number itself.
    fn key(&mut self, pem: &str) {
        let judge = Openssl::new();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        self.secrets.push(Canary::new("a private key's PEM", body.as_bytes()));
        let text = judge.must("pkey -noout -text", pem.as_bytes());
        let (_, number) = text.split_once("priv:").unwrap();
        let digits: String = number.split("pub:").next().unwrap().chars().filter(char::is_ascii_hexdigit).collect();
        let number: Vec<u8> = (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()).collect();
        self.secrets.push(Canary::fragments("a private key", &number[number.len() - 32..]));
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
    let (release, document) = (hidden.text(&format!("canary-release-{unique}")), hidden.text(&format!("canary document {unique}.pdf")));
    let kept = csr(&[&acme.host(&release)], true);
    hidden.key(&kept.key);
    let chain = admin.post(&acme.path("/certificates"), json!({"profile": "code-signing", "csr": kept.pem})).await.ok(201);
    let imported = json!({"private_key": kept.key, "chain": chain["certificate"]});
    let body = json!({"name": "release", "signing_profile": signing_profile(), "imported": imported});
    admin.post(&acme.path("/signers"), body).await.ok(201);
    let body = json!({"format": "raw", "documents": [{"name": document, "content": STANDARD.encode(document.as_bytes())}]});
    admin.post(&acme.path("/signers/release/signatures"), body).await.ok(201);
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
    let mut hidden = Hidden::default();
    live(server, &mut hidden).await;
    // While it runs, WAL and all; and once more when everything is written back.
    let mut places = hidden.found_below(server.directory());
    let folders = folders(server).await;
    server
        .below(async |raw| {
            for folder in &folders {
                places.extend(hidden.found_below(folder));
            }
            places.extend(hidden.found("the dump", &raw.dump().await));
        })
        .await;
    places.extend(hidden.found("the log", &log::logged()));
    // A refusal may name what its caller named; no secret.
    places.extend(canary::found(&hidden.secrets, "an error's answer", &log::refusals()));
    assert_eq!(places, [""; 0]);

    // The search finds what does lie there: the slug in the register, and requests in the log.
    let slug = [Canary::new("slug", server.acme.slug.as_bytes())];
    assert!(folders.iter().any(|folder| !canary::found_below(&slug, folder, SystemTime::UNIX_EPOCH).is_empty()));
    let tenant = [Canary::new("tenant", server.acme.id.as_bytes())];
    assert_eq!(canary::found(&tenant, "the log", &log::logged()), ["tenant in the log"]);
}

/// The forms in which a secret may leak, with the name of each.
fn leaks(secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut leaks =
        vec![("raw".to_owned(), secret.to_vec()), ("HEX".to_owned(), hex.to_uppercase().into()), ("hex".to_owned(), hex.into())];
    for before in 0..3 {
        let shifted = [&vec![b'x'; before], secret].concat();
        for (name, engine) in [("base64", &STANDARD), ("base64url", &URL_SAFE_NO_PAD)] {
            leaks.push((format!("{name} after {before}"), engine.encode(&shifted).into()));
        }
        let lines: Vec<_> = STANDARD.encode([vec![0x30; 36 + before], secret.to_vec(), vec![1; 40]].concat()).into_bytes();
        leaks.push((format!("PEM after {before}"), lines.chunks(64).collect::<Vec<_>>().join(&b"\n"[..])));
    }
    leaks
}

// The search is worth as much as what it finds: each form in each place.
async fn what_is_planted_is_found_in_every_form_and_place(server: &TestServer) {
    let postgres = server.engine == chancery_testkit::Engine::Postgres;
    let platform = chancery_domain::TenantId::PLATFORM.to_string();
    let forms = leaks(&[7; 32]).len();
    for form in 0..forms {
        // A secret of its own for each form, so that none is found in another's stead.
        let secret: Vec<u8> = (0..32).map(|at: u8| at.wrapping_mul(73).wrapping_add(form as u8 * 8 + u8::from(postgres) * 4)).collect();
        let planted = [Canary::fragments("planted", &secret)];
        let (name, leak) = leaks(&secret).swap_remove(form);
        let is_in = |place: &str, bytes: &[u8]| assert_eq!(canary::found(&planted, place, bytes).len(), 1, "{name} in {place}");
        let text = String::from_utf8_lossy(&leak).into_owned();
        if name != "raw" {
            tracing::trace!(planted = text, "an event");
            let span = tracing::trace_span!("a span", planted = tracing::field::Empty);
            is_in("the log", &log::logged());
            let before = log::logged().len();
            span.record("planted", &text);
            drop(span);
            is_in("a trace", &log::logged()[before..]);
            if !text.contains('\n') {
                // The request's own id is not repeated, what the caller names is: `names` of a request that policy refuses.
                let body = json!({"profile": "tls-server", "names": [format!("uri:urn:{text}")]});
                let refused = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await;
                is_in("an error's answer", &refused.body);
                is_in("all errors' answers", &log::refusals());
            }
        }
        let folders = folders(server).await;
        server
            .below(async |raw| {
                // As bytes, and what is a text as a text, too.
                let as_text = match (name.as_str(), postgres) {
                    ("raw", _) => "'planted'",
                    (_, true) => "convert_from(?1, 'UTF8')",
                    (_, false) => "CAST(?1 AS TEXT)",
                };
                let sql = format!("INSERT INTO setting (name, value) VALUES ({as_text}, ?1)");
                assert_eq!(raw.change(&platform, &sql, &[&leak]).await, 1);
                raw.written_out().await;
                if postgres {
                    is_in("the dump", &raw.dump().await);
                }
                let places: Vec<_> =
                    folders.iter().flat_map(|folder| canary::found_below(&planted, folder, SystemTime::UNIX_EPOCH)).collect();
                let expected: &[&str] = if postgres { &["/base/", "/pg_wal/"] } else { &["platform.db"] };
                for place in expected {
                    assert!(places.iter().any(|found| found.contains(place)), "{name} in {place}: {places:?}");
                }
            })
            .await;
    }
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
            "imported",
            "certify",
            "signing_profile",
            "documents",
        ];
        let wrong = fields.iter().map(|field| json!({*field: {"value": secret}}).to_string());
        // A text where none belongs: what reads the body would quote it.
        let no_texts = ["roles", "permitted_names", "names", "validity_seconds", "expires_in_seconds", "key_algorithms"];
        let texts = no_texts.iter().map(|field| json!({*field: secret}).to_string());
        for body in wrong.chain(texts).chain([format!("\"{secret}\""), format!("{{\"name\": {secret}"), secret.clone()]) {
            if operation.writes() {
                let answer = client.send(&operation.method, &operation.address(&ids), body.clone()).await;
                assert!(!hushed[0].is_in(&answer.body), "{} {body}: {}", operation.name(), answer.text());
            }
        }
    }
    assert_eq!(canary::found(&hushed, "the log", &log::logged()), [""; 0]);
}

on_both_engines!(
    nothing_that_was_sealed_lies_open_anywhere,
    what_is_planted_is_found_in_every_form_and_place,
    a_secret_in_any_field_or_header_is_not_repeated
);
