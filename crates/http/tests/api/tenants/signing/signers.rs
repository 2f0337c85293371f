//! Signers: made, changed, rolled over.

use super::{digest, events, laid_out, raw, shown, sign, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::TenantId;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::signing_profile;
use chancery_testkit::{Answer, TestServer, on_both_engines};
use serde_json::{Value, json};

async fn create(server: &TestServer, name: &str, certify: Value) -> Answer {
    let body = json!({"name": name, "signing_profile": signing_profile(), "certify": certify});
    server.as_(&server.acme.admin).post(&server.acme.path("/signers"), body).await
}

fn code(server: &TestServer) -> Value {
    json!({"profile": "code-signing", "names": [server.acme.host("release")]})
}

async fn a_signer_is_certified_like_everybody(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let made = create(server, "release", code(server)).await.ok(201);
    assert_eq!((&made["state"], &made["profile_version"], &made["signatures"]), (&json!("active"), &json!(1), &json!(0)));
    let version = &made["versions"][0];
    let path = server.acme.path(&format!("/certificates/{}", text(&version["certificate"])));
    let certificate = admin.get(&path).await.ok(200);
    assert_eq!((&certificate["status"], &certificate["custody"]), (&json!("issued"), &json!("software-never-released")));
    assert_eq!(admin.get(&server.acme.path(&format!("/orders/{}", text(&certificate["order"])))).await.ok(200)["state"], "issued");
    let root = admin.get(&server.acme.path(&format!("/issuers/{}", server.acme.root))).await.ok(200);
    judge.file("root.pem", text(&root["certificate"]));
    judge.file("chain.pem", text(&version["chain"]));
    judge.must("verify -attime 1800000010 -x509_strict -CAfile root.pem -untrusted chain.pem -purpose any chain.pem", b"");
    assert!(judge.must("x509 -in chain.pem -noout -ext extendedKeyUsage", b"").contains("Code Signing"));
    // Its key never leaves.
    admin.post(&format!("{path}/private-key/fetch"), json!({})).await.problem(409, "conflict");
    let told = events(server, "signer.create").await;
    let [event] = &*told else { panic!("one event: {told:?}") };
    let detail = &event["event"]["detail"];
    assert_eq!((&detail["signer"], &detail["version"], &detail["content"]), (&json!("release"), &json!(1), &signing_profile_told()));
    assert_eq!((&detail["certificate"], &detail["chain"][0]), (&version["certificate"], &version["sha256"]));
    assert_eq!(detail["moves"], json!(["requested", "approved", "issuing", "issued"]));

    create(server, "release", code(server)).await.problem(409, "conflict");
    let list = admin.get(&server.acme.path("/signers")).await.ok(200);
    assert_eq!(list["items"], json!([shown(server, "release").await]));
    admin.get(&server.acme.path("/signers/No_Name")).await.problem(404, "not-found");
}

fn signing_profile_told() -> Value {
    let mut told = signing_profile();
    told["timestamp_required"] = json!(false);
    told["min_validity_seconds"] = json!(0);
    told
}

async fn what_is_for_something_else_is_no_signers(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    // The profiles for hosts do not let keys stay here; and when they do, their purpose is another.
    create(server, "hosts", json!({"profile": "tls-server", "names": [server.acme.host("www")]})).await.problem(422, "refused");
    for (profile, refused) in [("ocsp-signer", true), ("tsa-signer", true), ("document-signing", false), ("smime", false)] {
        let names = if profile == "smime" { "email:release@acme.example".to_owned() } else { server.acme.host("release") };
        let answer = create(server, &format!("of-{profile}"), json!({"profile": profile, "names": [names]})).await;
        match profile {
            "smime" => drop(answer.problem(422, "refused")),
            _ if refused => assert_eq!(answer.problem(422, "invalid")["field"], "certify"),
            _ => drop(answer.ok(201)),
        }
    }
    let foreign = json!({"profile": "code-signing", "names": [server.brava.host("release")]});
    create(server, "foreign", foreign).await.problem(422, "refused");
    for bad in ["", "A", "a", "under_score", &"x".repeat(41)] {
        assert_eq!(create(server, bad, code(server)).await.problem(422, "invalid")["field"], "name");
    }
    let both = json!({"name": "both", "signing_profile": signing_profile(), "certify": code(server),
        "imported": {"private_key": "", "chain": ""}});
    admin.post(&server.acme.path("/signers"), both).await.problem(422, "invalid");
    let none = json!({"name": "none", "signing_profile": signing_profile()});
    admin.post(&server.acme.path("/signers"), none).await.problem(422, "invalid");
    // What was refused left no certificate.
    let live = admin.get(&server.acme.path("")).await.ok(200)["certificates_live"].clone();
    assert_eq!(live, admin.get(&server.acme.path("/signers")).await.ok(200)["items"].as_array().unwrap().len());
}

async fn a_rolled_signers_old_signatures_verify_and_its_old_key_is_gone(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    create(server, "release", code(server)).await.ok(201);
    let document = |bytes: &[u8]| json!({"format": "raw", "documents": [{"content": STANDARD.encode(bytes)}]});
    let first = sign(&admin, server, "release", document(b"first")).await.ok(201);
    let path = server.acme.path("/signers/release/roll");
    let once = admin.clone().once("roll");
    let rolled = once.post(&path, json!({"key_algorithm": "ec-p384"})).await.ok(200);
    assert_eq!(once.post(&path, json!({"key_algorithm": "ec-p384"})).await.ok(200), rolled);
    let second = sign(&admin, server, "release", document(b"second")).await.ok(201);
    assert_eq!((&first["signer_version"], &second["signer_version"]), (&json!(1), &json!(2)));
    let versions = rolled["versions"].as_array().unwrap();
    assert_eq!((versions.len(), &versions[0]["key_algorithm"], &versions[1]["key_algorithm"]), (2, &json!("ec-p384"), &json!("ec-p256")));
    assert!(versions[0].get("retired_at").is_none() && versions[1]["retired_at"].is_string());
    for (signed, version, bytes, kind) in
        [(&first, &versions[1], b"first".as_slice(), "sha256"), (&second, &versions[0], b"second", "sha384")]
    {
        assert_eq!(signed["certificate_sha256"], version["sha256"]);
        laid_out(&judge, &version["chain"], bytes, &signed["documents"][0]["signature"]);
        judge.must(&format!("dgst -{kind} -verify public.pem -signature signature document"), b"");
    }
    // The old certificate is replaced, not revoked, and its key is erased.
    let old = admin.get(&server.acme.path(&format!("/certificates/{}", text(&versions[1]["certificate"])))).await.ok(200);
    assert_eq!(old["status"], "renewed");
    let told = events(server, "signer.roll").await;
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["event"]["detail"]["version"], &told[0]["event"]["detail"]["renews"]), (&json!(2), &versions[1]["certificate"]));
    admin.post(&path, json!({"key_algorithm": "ec-p256", "certify": code(server)})).await.problem(422, "invalid");
    let elsewhere = json!({"certify": {"profile": "document-signing", "names": [server.acme.host("papers")]}});
    assert_eq!(admin.post(&path, elsewhere).await.ok(200)["versions"][0]["version"], 3);
    sign(&admin, server, "release", raw(&digest(1))).await.ok(201);
    // Whoever looks from below finds nobody at the server.
    drop((admin, once));
    let tenant: TenantId = server.acme.id.parse().unwrap();
    let kept = server
        .below(async |raw| {
            let sql = "SELECT key FROM signer_version WHERE tenant_id = ?1 AND key IS NOT NULL";
            raw.rows(&server.acme.id, sql, &[tenant.as_bytes()]).await.len()
        })
        .await;
    assert_eq!(kept, 1, "of three versions the last one has its key");
}

async fn of_rolls_at_once_each_gives_a_version(server: &TestServer) {
    create(server, "release", code(server)).await.ok(201);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (client, path) = (server.as_(&server.acme.admin), server.acme.path("/signers/release/roll"));
            tokio::spawn(async move { client.post(&path, json!({})).await.status.as_u16() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    let versions = shown(server, "release").await["versions"].clone();
    let numbers: Vec<_> = versions.as_array().unwrap().iter().map(|version| version["version"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    assert_eq!(versions.as_array().unwrap().iter().filter(|version| version.get("retired_at").is_none()).count(), 1);
}

// Its successor would have a key that nobody has.
async fn a_signers_certificate_is_renewed_by_rolling_the_signer(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let made = create(server, "release", code(server)).await.ok(201);
    let path = server.acme.path(&format!("/certificates/{}", text(&made["versions"][0]["certificate"])));
    let problem = admin.post(&format!("{path}/renew"), json!({})).await.problem(409, "conflict");
    assert!(text(&problem["detail"]).contains("it is a signer's: roll the signer release"), "{problem}");
    let many = json!({"certificates": [made["versions"][0]["certificate"]]});
    let each = admin.post(&server.acme.path("/certificates/bulk-renew"), many).await.ok(200);
    assert_eq!(each["items"][0]["problem"]["status"], 409, "{each}");
    assert_eq!(admin.get(&path).await.ok(200)["status"], "issued");
    assert_eq!(events(server, "certificate.renew").await.len(), 0);
    admin.post(&server.acme.path("/signers/release/roll"), json!({})).await.ok(200);
    assert_eq!(admin.get(&path).await.ok(200)["status"], "renewed");
    // One whose key the client has is renewed: its successor is brought to the signer.
    let request = chancery_testkit::csr::csr(&[&server.acme.host("papers")], true);
    let issued = admin.post(&server.acme.path("/certificates"), json!({"profile": "code-signing", "csr": request.pem})).await.ok(201);
    let import = |certificate: &Value| json!({"imported": {"private_key": request.key, "chain": certificate}});
    let body = json!({"name": "papers", "signing_profile": signing_profile(), "imported": import(&issued["certificate"])["imported"]});
    admin.post(&server.acme.path("/signers"), body).await.ok(201);
    let renew = server.acme.path(&format!("/certificates/{}/renew", text(&issued["id"])));
    let renewed = admin.post(&renew, json!({})).await.ok(201);
    let rolled = admin.post(&server.acme.path("/signers/papers/roll"), import(&renewed["certificate"])).await.ok(200);
    assert_eq!(rolled["versions"][0]["certificate"], renewed["id"]);
}

on_both_engines!(
    a_signers_certificate_is_renewed_by_rolling_the_signer,
    a_signer_is_certified_like_everybody,
    what_is_for_something_else_is_no_signers,
    a_rolled_signers_old_signatures_verify_and_its_old_key_is_gone,
    of_rolls_at_once_each_gives_a_version,
);
