//! What openssl and pkilint, judges from outside, say of everything that is issued.

use chancery_testkit::openssl::Openssl;
use chancery_testkit::pkilint::{self, Kind};
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};

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

    let mut judged = vec![("root".to_owned(), root["certificate"].clone()), ("issuing".to_owned(), issuing["certificate"].clone())];
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
    ] {
        let body = json!({"profile": profile, "names": names, "common_name": common_name});
        let leaf = admin.post(&server.acme.path("/certificates"), body).await.ok(201);
        judge.file("leaf.pem", text(&leaf["certificate"]));
        for purpose in purposes {
            let verify = "verify -attime 1800000010 -x509_strict -policy_check -CAfile root.pem -untrusted issuing.pem";
            judge.must(&format!("{verify} -purpose {purpose} leaf.pem"), b"");
        }
        judged.push((format!("{profile} {names}"), leaf["certificate"].clone()));
        let revoke = server.acme.path(&format!("/certificates/{}/revoke", text(&leaf["id"])));
        admin.post(&revoke, json!({"reason": "superseded"})).await.ok(200);
    }
    server.run_jobs().await;
    for (what, certificate) in &judged {
        assert_eq!(pkilint::errors(Kind::Certificate, text(certificate).as_bytes()), "", "{what}");
    }
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
    assert!(pkilint::errors(Kind::Certificate, wrong.as_bytes()).contains("ERROR"));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

on_both_engines!(both_judges_accept_what_is_issued);
