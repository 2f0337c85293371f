//! `POST …/pkcs12`: a private key made here with its certificate and chain, in one file under a password.

use super::{at, event_of, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, on_both_engines, python};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse ~\\\"{ battery";

/// Opens the file at argument 1 with the password at argument 2; the entry's name and certificates.
const OPENED: &str = r#"
import sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.serialization import pkcs12
found = pkcs12.load_pkcs12(open(sys.argv[1], "rb").read(), sys.argv[2].encode())
assert found.key.public_key() == found.cert.certificate.public_key()
print(found.cert.friendly_name)
for c in [found.cert, *found.additional_certs]:
    print(c.certificate.public_bytes(s.Encoding.DER).hex())
"#;

async fn certificate(server: &TestServer, algorithm: &str) -> Value {
    let body = json!({"profile": "tls-server", "names": [server.acme.host("www")], "key_algorithm": algorithm});
    server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await.ok(201)
}

async fn file(server: &TestServer, certificate: &Value, body: Value) -> Vec<u8> {
    let answer = server.as_(&server.acme.admin).post(&at(server, certificate, "/pkcs12"), body).await.ok(200);
    STANDARD.decode(text(&answer["pkcs12"])).unwrap()
}

/// The base64 between the lines of PEM.
fn blocks(pem: &str, label: &str) -> Vec<String> {
    let begin = format!("-----BEGIN {label}-----");
    let inside = pem.split(&begin).skip(1).map(|rest| rest.split("-----END").next().unwrap());
    inside.map(|block| hex::encode(STANDARD.decode(block.split_whitespace().collect::<String>()).unwrap())).collect()
}

// Files of every kind of key are judged by chancery-x509's own tests.
async fn openssl_and_python_open_the_file(server: &TestServer) {
    let judge = Openssl::new();
    judge.file("password", PASSWORD);
    judge.file("wrong", "correct horse ~\\\"{ batters");
    for algorithm in ["ec-p256", "rsa-2048"] {
        let issued = certificate(server, algorithm).await;
        let fetched = server.as_(&server.acme.admin).post(&at(server, &issued, "/private-key/fetch"), json!({})).await.ok(200);
        let path = judge.file("key.p12", file(server, &issued, json!({"password": PASSWORD, "friendly_name": "Zürich 1"})).await);

        let said = judge.must("pkcs12 -in key.p12 -passin file:password -info -nodes", b"");
        assert!(said.contains("MAC: sha256, Iteration 200000"), "{said}");
        let pbes2 = "PBES2, PBKDF2, AES-256-CBC, Iteration 200000, PRF hmacWithSHA256";
        assert_eq!(said.matches(pbes2).count(), 2, "{said}");
        assert_eq!(said.matches("friendlyName: ").count(), 2, "of the key and of its certificate");
        // The key that is given out by itself, in each one's words.
        judge.file("fetched.pem", text(&fetched["private_key"]));
        assert_eq!(blocks(&said, "PRIVATE KEY"), blocks(&judge.must("pkey -in fetched.pem", b""), "PRIVATE KEY"), "{algorithm}");
        let certificates = blocks(&format!("{}{}", text(&issued["certificate"]), text(&issued["chain"])), "CERTIFICATE");
        assert_eq!(blocks(&said, "CERTIFICATE"), certificates, "{algorithm}");
        assert!(!judge.run("pkcs12 -in key.p12 -passin file:wrong -noout", b"").ok);

        let opened = python::must(OPENED, &[path.to_str().unwrap(), PASSWORD]);
        let opened: Vec<_> = opened.lines().collect();
        assert_eq!(opened[0], r"b'Z\xc3\xbcrich 1'");
        assert_eq!(&opened[1..], certificates, "{algorithm}");
    }
}

async fn a_file_is_a_fetch_like_any_other(server: &TestServer) {
    let (issued, admin) = (server.certificate(&server.acme, "www").await, server.as_(&server.acme.admin));
    let path = at(server, &issued, "/pkcs12");
    for (field, value, told) in [
        ("password", json!("eleven char"), "12 to 128 characters"),
        ("password", json!("x".repeat(129)), "12 to 128 characters"),
        ("password", json!("pässword pässword"), "printable ASCII"),
        ("password", json!("twelve\tletters"), "printable ASCII"),
        ("friendly_name", json!(""), "1 to 64 characters"),
        ("friendly_name", json!("a\u{0}b"), "1 to 64 characters"),
        ("friendly_name", json!("\u{1f600}"), "1 to 64 characters"),
    ] {
        let mut body = json!({"password": PASSWORD});
        body[field] = value;
        let problem = admin.post(&path, body).await.problem(422, "invalid");
        assert_eq!(problem["field"], field);
        assert!(text(&problem["detail"]).contains(told), "{problem}");
    }
    admin.post(&path, json!({})).await.problem(400, "malformed");

    let first = admin.post(&path, json!({"password": PASSWORD})).await.ok(200);
    let event = event_of(server, &first).await;
    assert_eq!(
        (&event["act"], &event["detail"]["fetch"], &event["detail"]["form"]),
        (&json!("private-key.fetch"), &json!(1), &json!("pkcs12"))
    );
    // A repeated request is a fetch again, with salts of its own.
    let again = admin.clone().once("p12").post(&path, json!({"password": PASSWORD})).await.ok(200);
    let once_more = admin.clone().once("p12").post(&path, json!({"password": PASSWORD})).await.ok(200);
    assert_ne!(again["pkcs12"], once_more["pkcs12"]);
    assert_eq!(event_of(server, &once_more).await["detail"]["fetch"], 3);
    // I9: nothing is kept by which a password could be guessed, so another one under the same key is no contradiction.
    admin.clone().once("p12").post(&path, json!({"password": "another password"})).await.ok(200);
    admin.post(&at(server, &issued, "/private-key/acknowledge"), json!({})).await.ok(200);
    admin.post(&path, json!({"password": PASSWORD})).await.problem(410, "gone");

    // Whose key is not ours to give, has none.
    let (_, reader) = server.account(&server.acme, "auditor").await;
    server.as_(&reader).post(&path, json!({"password": PASSWORD})).await.problem(403, "forbidden");
    let body = json!({"profile": "tls-server", "csr": csr(&[&server.acme.host("www")], false).pem});
    let theirs = admin.post(&server.acme.path("/certificates"), body).await.ok(201);
    admin.post(&at(server, &theirs, "/pkcs12"), json!({"password": PASSWORD})).await.problem(409, "conflict");
    // The password is nowhere in the log.
    assert!(!serde_json::to_string(&server.events(&server.acme).await).unwrap().contains("battery"));
}

async fn a_kind_of_key_that_no_program_reads_there_is_refused(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let path = server.acme.path("/profiles/tls-server");
    let mut profile = admin.get(&path).await.ok(200)["profile"].clone();
    profile["key_algorithms"] = json!(["ml-dsa-65"]);
    admin.clone().with("if-match", "\"1\"").put(&path, profile).await.ok(200);
    let issued = certificate(server, "ml-dsa-65").await;
    let problem = admin.post(&at(server, &issued, "/pkcs12"), json!({"password": PASSWORD})).await.problem(409, "conflict");
    assert!(text(&problem["detail"]).contains("ml-dsa-65"), "{problem}");
    // By itself it is given out, and that was the first fetch.
    let fetched = admin.post(&at(server, &issued, "/private-key/fetch"), json!({})).await.ok(200);
    assert_eq!(event_of(server, &fetched).await["detail"]["fetch"], 1);
}

// I11, and no fetch is counted for a file that never left.
async fn a_flood_of_files_is_told_so_and_holds_up_nobody_else(server: &TestServer) {
    let (issued, tenant) = (server.certificate(&server.acme, "www").await, server.in_brava());
    let theirs = server.certificate(tenant, "www").await;
    let cores = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
    let flood: Vec<_> = (0..cores * 9 + 15)
        .map(|_| {
            let (client, path) = (server.as_(&server.acme.admin), at(server, &issued, "/pkcs12"));
            tokio::spawn(async move { client.post(&path, json!({"password": PASSWORD})).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let path = tenant.path(&format!("/certificates/{}/pkcs12", text(&theirs["id"])));
    server.as_(&tenant.admin).post(&path, json!({"password": PASSWORD})).await.ok(200);
    let (mut files, mut told) = (0, 0);
    for answer in flood {
        let answer = answer.await.unwrap();
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "1");
            answer.problem(429, "crowded");
            told += 1;
        } else {
            answer.ok(200);
            files += 1;
        }
    }
    assert!(told >= 5 && files >= cores * 9, "{told} of {files}");
    let log = server.events(&server.acme).await;
    assert_eq!(log.iter().filter(|entry| entry["event"]["act"] == "private-key.fetch").count(), files);
}

on_both_engines!(
    a_kind_of_key_that_no_program_reads_there_is_refused,
    openssl_and_python_open_the_file,
    a_file_is_a_fetch_like_any_other,
    a_flood_of_files_is_told_so_and_holds_up_nobody_else,
);
