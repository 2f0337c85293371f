//! Signers whose key and chain come from elsewhere.

use super::{codes, digest, events, laid_out, raw, sign, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::{CertificateId, TenantId};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::signing_profile;
use chancery_testkit::stranger::{ExtendedKeyUsagePurpose, Stranger, Wanted};
use chancery_testkit::{Answer, TestServer, on_both_engines};
use serde_json::{Value, json};

fn body(name: &str, key: &str, chain: &str) -> Value {
    json!({"name": name, "signing_profile": signing_profile(), "imported": {"private_key": key, "chain": chain}})
}

async fn import(server: &TestServer, name: &str, key: &str, chain: &str) -> Answer {
    server.as_(&server.acme.admin).post(&server.acme.path("/signers"), body(name, key, chain)).await
}

/// A key, and its certificate by somebody else for this purpose.
fn certified(server: &TestServer, stranger: &Stranger, purpose: Option<ExtendedKeyUsagePurpose>) -> (String, String) {
    let key = csr(&["release.partner.example"], false).key;
    let leaf = stranger.certificate(&server.clock, &Wanted { key: Some(&key), purpose, ..Wanted::default() });
    (key, leaf)
}

const CODE: Option<ExtendedKeyUsagePurpose> = Some(ExtendedKeyUsagePurpose::CodeSigning);

async fn a_key_from_elsewhere_signs_with_its_own_chain(server: &TestServer) {
    let (stranger, judge, admin) = (Stranger::called("Elsewhere"), Openssl::new(), server.as_(&server.acme.admin));
    let (key, leaf) = certified(server, &stranger, CODE);
    let made = import(server, "release", &key, &format!("{leaf}{}", stranger.pem())).await.ok(201);
    assert!(made["versions"][0].get("certificate").is_none(), "it is not in the inventory");
    let document = b"a release";
    let asked = json!({"format": "raw", "documents": [{"content": STANDARD.encode(document)}]});
    let signed = sign(&admin, server, "release", asked).await.ok(201);
    laid_out(&judge, &made["versions"][0]["chain"], document, &signed["documents"][0]["signature"]);
    judge.must("dgst -sha256 -verify public.pem -signature signature document", b"");
    assert_eq!(judge.read("public.pem"), judge.must("pkey -pubout", key.as_bytes()).into_bytes());
    let told = events(server, "signer.create").await;
    assert_eq!(told[0]["event"]["detail"]["imported"], true);
    // It is rolled over to another one from elsewhere, and not by itself.
    let roll = server.acme.path("/signers/release/roll");
    admin.post(&roll, json!({})).await.problem(409, "conflict");
    let (key, leaf) = certified(server, &stranger, Some(ExtendedKeyUsagePurpose::EmailProtection));
    let rolled = admin.post(&roll, json!({"imported": {"private_key": key, "chain": leaf}})).await.ok(200);
    assert_eq!(rolled["versions"].as_array().unwrap().len(), 2);
    sign(&admin, server, "release", raw(&digest(1))).await.ok(201);
}

async fn what_does_not_belong_together_is_refused(server: &TestServer) {
    let stranger = Stranger::called("Elsewhere");
    let (key, leaf) = certified(server, &stranger, CODE);
    let (other_key, _) = certified(server, &stranger, CODE);
    let of = |purpose| certified(server, &stranger, Some(purpose));
    let (tls_key, tls) = of(ExtendedKeyUsagePurpose::ServerAuth);
    let (client_key, client) = of(ExtendedKeyUsagePurpose::ClientAuth);
    let (time_key, time) = of(ExtendedKeyUsagePurpose::TimeStamping);
    let (ocsp_key, ocsp) = of(ExtendedKeyUsagePurpose::OcspSigning);
    let (any_key, any) = of(ExtendedKeyUsagePurpose::Any);
    let (logon_key, logon) = of(ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 2]));
    let (unnamed_key, unnamed) = certified(server, &stranger, None);
    let beside = |also: &[ExtendedKeyUsagePurpose]| {
        stranger.certificate(&server.clock, &Wanted { key: Some(&key), purpose: CODE, also, ..Wanted::default() })
    };
    let server_too = beside(&[ExtendedKeyUsagePurpose::ServerAuth]);
    let unknown_too = beside(&[ExtendedKeyUsagePurpose::EmailProtection, ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 99999, 1])]);
    let authority = stranger.certificate(&server.clock, &Wanted { key: Some(&key), authority: true, ..Wanted::default() });
    let another = Stranger::called("Another").pem();
    let judge = Openssl::new();
    judge.file("key.pem", &key);
    let encrypted = judge.must("pkcs8 -topk8 -in key.pem -passout pass:secret-words", b"");
    let traditional = judge.must("pkey -in key.pem -traditional", b"");
    let short = judge.must("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024", b"");
    for (what, field, key, chain) in [
        ("no key", "private_key", "", &*leaf),
        ("a certificate", "private_key", &leaf, &leaf),
        ("two keys", "private_key", &format!("{key}{other_key}"), &leaf),
        ("encrypted", "private_key", &encrypted, &leaf),
        ("not PKCS#8", "private_key", &traditional, &leaf),
        ("too short", "private_key", &short, &leaf),
        ("another key", "chain", &other_key, &leaf),
        ("no chain", "chain", &key, ""),
        ("a key in the chain", "chain", &key, &format!("{leaf}{key}")),
        ("an authority that did not sign it", "chain", &key, &format!("{leaf}{another}")),
        ("too long", "chain", &key, &format!("{leaf}{}", stranger.pem().repeat(8))),
        ("an authority's", "chain", &key, &authority),
        ("a server's", "chain", &tls_key, &tls),
        ("a client's", "chain", &client_key, &client),
        ("a timestamper's", "chain", &time_key, &time),
        ("an OCSP responder's", "chain", &ocsp_key, &ocsp),
        ("for anything", "chain", &any_key, &any),
        ("a smart card's", "chain", &logon_key, &logon),
        ("for nothing named", "chain", &unnamed_key, &unnamed),
        ("a server's, too", "chain", &key, &server_too),
        ("for what nobody knows, too", "chain", &key, &unknown_too),
    ] {
        let problem = import(server, "release", key, chain).await.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{what}: {problem}");
        assert!(!problem.to_string().contains(key.lines().nth(1).unwrap_or("PRIVATE KEY---")), "{what}: {problem}");
    }
    import(server, "release", &key, &beside(&[ExtendedKeyUsagePurpose::EmailProtection])).await.ok(201);
}

async fn what_an_own_issuer_signed_is_known_by_the_inventory(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    // Certified here on request: its key is elsewhere until it is brought.
    let request = csr(&[&server.acme.host("release")], true);
    let issued = admin.post(&server.acme.path("/certificates"), json!({"profile": "code-signing", "csr": request.pem})).await.ok(201);
    let made = import(server, "release", &request.key, text(&issued["certificate"])).await.ok(201);
    assert_eq!(made["versions"][0]["certificate"], issued["id"]);
    sign(&admin, server, "release", raw(&digest(1))).await.ok(201);
    let revoke = server.acme.path(&format!("/certificates/{}/revoke", text(&issued["id"])));
    admin.post(&revoke, json!({})).await.ok(200);
    assert_eq!(codes(&sign(&admin, server, "release", raw(&digest(2))).await), ["certificate-revoked"]);
    // To the other tenant it is just somebody else's.
    let theirs = server.in_brava();
    let imported = body("release", &request.key, text(&issued["certificate"]));
    let made = server.as_(&theirs.admin).post(&theirs.path("/signers"), imported).await.ok(201);
    assert!(made["versions"][0].get("certificate").is_none());
}

async fn a_compromised_key_is_no_signers(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let request = csr(&[&server.acme.host("release")], true);
    let issue = json!({"profile": "code-signing", "csr": request.pem});
    let issued = admin.post(&server.acme.path("/certificates"), issue).await.ok(201);
    let revoke = server.acme.path(&format!("/certificates/{}/revoke", text(&issued["id"])));
    // Somebody else certified the same key, and the tenant's signer has it already.
    let stranger = Stranger::called("Elsewhere");
    let leaf = stranger.certificate(&server.clock, &Wanted { key: Some(&request.key), purpose: CODE, ..Wanted::default() });
    import(server, "before", &request.key, &leaf).await.ok(201);
    admin.post(&revoke, json!({"reason": "key-compromise"})).await.ok(200);
    for chain in [&*leaf, text(&issued["certificate"])] {
        let refused = import(server, "release", &request.key, chain).await;
        assert_eq!(codes(&refused), ["key-compromised"]);
        assert!(text(&refused.json()["reasons"][0]["message"]).contains(text(&issued["id"])));
    }
    let roll = json!({"imported": {"private_key": request.key, "chain": leaf}});
    assert_eq!(codes(&admin.post(&server.acme.path("/signers/before/roll"), roll).await), ["key-compromised"]);
    let denials = events(server, "denied").await;
    assert_eq!(denials.len(), 3);
    assert_eq!(denials[0]["event"]["detail"]["action"], "signer:write");
    // Another tenant knows nothing of it.
    let theirs = server.in_brava();
    server.as_(&theirs.admin).post(&theirs.path("/signers"), body("release", &request.key, &leaf)).await.ok(201);
}

/// A signer brought along stops when its key is reported through another certificate, of ours or of somebody else's, whichever came first.
async fn a_signer_stops_when_its_key_is_reported_through_another_certificate(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let stranger = Stranger::called("Elsewhere");
    for (name, external) in [("ours", false), ("theirs", true)] {
        let request = csr(&[&server.acme.host(name)], true);
        let leaf = || stranger.certificate(&server.clock, &Wanted { key: Some(&request.key), purpose: CODE, ..Wanted::default() });
        let made = import(server, name, &request.key, &leaf()).await.ok(201);
        assert!(made["versions"][0].get("certificate").is_none(), "it is not in the inventory");
        let theirs = server.in_brava();
        server.as_(&theirs.admin).post(&theirs.path("/signers"), body(name, &request.key, &leaf())).await.ok(201);
        sign(&admin, server, name, raw(&digest(1))).await.ok(201);
        // Only then does a certificate of the key come into the inventory.
        let other = match external {
            true => {
                let taken = admin.post(&server.acme.path("/certificates/import"), json!({"bundle": leaf()})).await.ok(200);
                text(&taken["items"][0]["result"]["id"]).to_owned()
            }
            false => {
                let issue = json!({"profile": "code-signing", "csr": request.pem});
                text(&admin.post(&server.acme.path("/certificates"), issue).await.ok(201)["id"]).to_owned()
            }
        };
        sign(&admin, server, name, raw(&digest(2))).await.ok(201);
        let revoke = server.acme.path(&format!("/certificates/{other}/revoke"));
        admin.post(&revoke, json!({"reason": "key-compromise"})).await.ok(200);
        assert_eq!(codes(&sign(&admin, server, name, raw(&digest(3))).await), ["key-compromised"], "{name}");
        // Another tenant knows nothing of it; and a new key signs again.
        let path = theirs.path(&format!("/signers/{name}/signatures"));
        server.as_(&theirs.admin).post(&path, raw(&digest(1))).await.ok(201);
        let (key, leaf) = certified(server, &stranger, CODE);
        let roll = json!({"imported": {"private_key": key, "chain": leaf}});
        admin.post(&server.acme.path(&format!("/signers/{name}/roll")), roll).await.ok(200);
        sign(&admin, server, name, raw(&digest(4))).await.ok(201);
    }
}

async fn a_tenant_has_two_hundred_signers_and_each_three_hundred_keys(server: &TestServer) {
    let (key, leaf) = certified(server, &Stranger::called("Elsewhere"), CODE);
    for number in 0..200 {
        import(server, &format!("release-{number}"), &key, &leaf).await.ok(201);
    }
    assert!(text(&import(server, "one-more", &key, &leaf).await.problem(403, "quota")["detail"]).contains("signers"));
    let (admin, path) = (server.as_(&server.acme.admin), server.acme.path("/signers/release-0/roll"));
    let roll = json!({"imported": {"private_key": key, "chain": leaf}});
    for _ in 1..300 {
        admin.post(&path, roll.clone()).await.ok(200);
    }
    admin.post(&path, roll).await.problem(403, "quota");
    sign(&admin, server, "release-0", raw(&digest(1))).await.ok(201);
}

// As after a restore: what would tell of its revocation is not here.
async fn what_an_own_issuer_signed_and_the_inventory_lost_is_taken_in_first(server: &TestServer) {
    let request = csr(&[&server.acme.host("release")], true);
    let body = json!({"profile": "code-signing", "csr": request.pem});
    let issued = server.as_(&server.acme.admin).post(&server.acme.path("/certificates"), body).await.ok(201);
    let (tenant, id): (TenantId, CertificateId) = (server.acme.id.parse().unwrap(), text(&issued["id"]).parse().unwrap());
    server
        .below(async |raw| {
            let sql = "DELETE FROM certificate WHERE tenant_id = ?1 AND id = ?2";
            assert_eq!(raw.change(&server.acme.id, sql, &[tenant.as_bytes(), id.as_bytes()]).await, 1);
        })
        .await;
    let problem = import(server, "release", &request.key, text(&issued["certificate"])).await.problem(409, "conflict");
    assert!(text(&problem["detail"]).contains("take it in first"), "{problem}");
}

on_both_engines!(
    a_key_from_elsewhere_signs_with_its_own_chain,
    what_does_not_belong_together_is_refused,
    what_an_own_issuer_signed_is_known_by_the_inventory,
    a_compromised_key_is_no_signers,
    a_signer_stops_when_its_key_is_reported_through_another_certificate,
    a_tenant_has_two_hundred_signers_and_each_three_hundred_keys,
    what_an_own_issuer_signed_and_the_inventory_lost_is_taken_in_first,
);
