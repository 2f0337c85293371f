//! What openssl and pkilint, judges from outside, say of everything that is issued.

use chancery_testkit::openssl::Openssl;
use chancery_testkit::pkilint::{self, Kind};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

/// What openssl reads of the usages, on P-256.
const SAID: [(&str, &[&str]); 7] = [
    ("tls-server", &["Digital Signature", "TLS Web Server Authentication"]),
    ("device", &["Digital Signature", "TLS Web Client Authentication"]),
    ("smime", &["Digital Signature, Key Agreement", "E-mail Protection"]),
    ("code-signing", &["Digital Signature", "Code Signing"]),
    ("document-signing", &["Digital Signature, Non Repudiation", "1.3.6.1.5.5.7.3.36"]),
    ("ocsp-signer", &["Digital Signature", "OCSP Signing"]),
    ("tsa-signer", &["Digital Signature", "Time Stamping"]),
];

async fn both_judges_accept_what_is_issued(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    // pkilint knows the schemes of a list, in which `spiffe` is not.
    let permitted = ["dns:*.acme.example", "ip:10.0.0.0/8", "ip:fd00::/8", "email:*@acme.example", "uri:https://acme.example/*"];
    let body = json!({"name": "Judged", "organization": "Acme Bank ÄG", "permitted_names": permitted});
    let issuing = admin.post(&server.acme.path("/issuers"), body).await.ok(201);
    let root = admin.get(&server.acme.path(&format!("/issuers/{}", text(&issuing["root"])))).await.ok(200);
    let judge = Openssl::new();
    judge.file("root.pem", text(&root["certificate"]));
    judge.file("issuing.pem", text(&issuing["certificate"]));

    let own = |name: &str, issued: &Value| (name.to_owned(), text(&issued["certificate"]).to_owned());
    let mut judged = vec![own("root", &root), own("issuing", &issuing)];
    for (profile, names, common_name, purposes) in [
        ("tls-server", json!(["www.acme.example", "ip:10.1.2.3", "ip:fd00::1"]), None, &["sslserver"] as &[_]),
        ("tls-server", json!(["www.acme.example"]), Some("www.acme.example"), &["sslserver"]),
        ("tls-client", json!(["email:a@acme.example", "uri:https://acme.example/web"]), None, &["sslclient"]),
        (
            "mtls",
            json!(["a.acme.example", "b.acme.example", "uri:https://acme.example/web"]),
            Some("a.acme.example"),
            &["sslserver", "sslclient"],
        ),
        ("tls-server-public", json!(["www.acme.example"]), None, &["sslserver"]),
        ("device", json!(["d1.acme.example"]), None, &["sslclient"]),
        ("smime", json!(["email:a@acme.example"]), Some("a@acme.example"), &["smimesign"]),
        ("code-signing", json!(["email:a@acme.example"]), None, &["any"]),
        ("document-signing", json!(["email:a@acme.example"]), None, &["any"]),
        ("ocsp-signer", json!(["ocsp.acme.example"]), None, &["ocsphelper"]),
        ("tsa-signer", json!(["tsa.acme.example"]), None, &["timestampsign"]),
    ] {
        let kept = ["ocsp-signer", "tsa-signer"].contains(&profile);
        let custody = if kept { "software-never-released" } else { "software-release-once" };
        let body = json!({"profile": profile, "names": names, "common_name": common_name, "custody": custody});
        let leaf = admin.post(&server.acme.path("/certificates"), body).await.ok(201);
        judge.file("leaf.pem", text(&leaf["certificate"]));
        for purpose in purposes {
            let verify = "verify -attime 1800000010 -x509_strict -policy_check -CAfile root.pem -untrusted issuing.pem";
            judge.must(&format!("{verify} -purpose {purpose} leaf.pem"), b"");
        }
        let said = judge.must("x509 -noout -ext keyUsage,extendedKeyUsage,noCheck -in leaf.pem", b"");
        let said: Vec<_> = said.lines().filter(|line| line.starts_with("    ")).map(str::trim).filter(|line| !line.is_empty()).collect();
        if let Some((_, expected)) = SAID.iter().find(|(name, _)| *name == profile) {
            assert_eq!(said, *expected, "{profile}");
        }
        judged.push(own(&format!("{profile}-{}", judged.len()), &leaf));
        let revoke = server.acme.path(&format!("/certificates/{}/revoke", text(&leaf["id"])));
        admin.post(&revoke, json!({"reason": "superseded"})).await.ok(200);
    }
    let successor = server.acme.path(&format!("/issuers/{}/successor", text(&issuing["id"])));
    let next = admin.post(&successor, json!({"new_root": true})).await.ok(201);
    let next_root = admin.get(&server.acme.path(&format!("/issuers/{}", text(&next["root"])))).await.ok(200);
    judged.extend([own("successor", &next), own("new-root", &next_root)]);
    // Of the default issuer mailboxes, URIs and addresses are shut; of the other one hosts and addresses.
    let body = json!({"name": "Mail", "permitted_names": ["email:*@acme.example"]});
    let mail = admin.post(&server.acme.path("/issuers"), body).await.ok(201);
    let default = admin.get(&server.acme.path(&format!("/issuers/{}", server.acme.issuer))).await.ok(200);
    judged.extend([own("default", &default), own("mail", &mail)]);
    server.run_jobs().await;
    assert_eq!(pkilint::errors_in_each(&judged), [""; 0]);
    for (kind, id) in [(Kind::Crl, &issuing["id"]), (Kind::AuthorityCrl, &root["id"])] {
        let crl = admin.get(&server.acme.path(&format!("/issuers/{}/crl/0", text(id)))).await;
        assert_eq!(pkilint::errors(kind, &crl.body), "", "{kind:?}");
        let by = if kind == Kind::Crl { "issuing.pem" } else { "root.pem" };
        judge.must(&format!("crl -inform DER -noout -verify -CAfile {by}"), &crl.body);
    }
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let judge = Openssl::new();
    judge.must("ecparam -name prime256v1 -genkey -noout -out key.pem", b"");
    let wrong = judge.must("req -x509 -new -key key.pem -subj /CN=x -addext basicConstraints=CA:FALSE,pathlen:1", b"");
    let sound = judge.must("req -x509 -new -key key.pem -subj /CN=x -addext keyUsage=critical,keyCertSign,cRLSign", b"");
    let found = pkilint::errors_in_each(&[("sound".to_owned(), sound), ("wrong".to_owned(), wrong)]);
    assert!(found.len() == 1 && found[0].contains("wrong") && found[0].contains("ERROR"), "{found:?}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

on_both_engines!(both_judges_accept_what_is_issued);
