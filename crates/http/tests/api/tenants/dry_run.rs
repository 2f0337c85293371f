//! `POST …/profiles/{profile}/dry-run`: what would come out, and the validity that changes by date.

use chancery_domain::Timestamp;
use chancery_domain::port::Clock;
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{Client, TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

async fn profile(server: &TestServer, name: &str) -> Value {
    server.as_(&server.acme.admin).get(&server.acme.path(&format!("/profiles/{name}"))).await.ok(200)["profile"].clone()
}

/// The extensions of a certificate in openssl's words, each with whether it is critical.
fn extensions(judge: &Openssl, certificate: &str) -> Vec<(String, bool)> {
    let said = judge.must("x509 -noout -text", certificate.as_bytes());
    let section = said.split("X509v3 extensions:").nth(1).unwrap().lines().skip(1);
    let section = section.take_while(|line| !line.contains("Signature Algorithm"));
    let titled = section.filter(|line| line.starts_with("            ") && !line.starts_with("             "));
    titled.map(|line| (line.trim().split(':').next().unwrap().to_owned(), line.contains("critical"))).collect()
}

/// openssl's words for what the registry calls this.
fn in_openssls_words(name: &str) -> &str {
    match name {
        "id-ce-authorityKeyIdentifier" => "X509v3 Authority Key Identifier",
        "id-ce-subjectKeyIdentifier" => "X509v3 Subject Key Identifier",
        "id-ce-keyUsage" => "X509v3 Key Usage",
        "id-ce-extKeyUsage" => "X509v3 Extended Key Usage",
        "id-ce-subjectAltName" => "X509v3 Subject Alternative Name",
        "id-ce-cRLDistributionPoints" => "X509v3 CRL Distribution Points",
        "id-pe-authorityInfoAccess" => "Authority Information Access",
        "id-pkix-ocsp-nocheck" => "OCSP No Check",
        other => panic!("what does openssl call {other}?"),
    }
}

async fn a_dry_run_says_what_issuance_then_does(server: &TestServer) {
    let (admin, host, judge) = (server.as_(&server.acme.admin), server.acme.host("www"), Openssl::new());
    let kept = "software-never-released";
    for (body, subject, usage) in [
        (
            json!({"profile": "tls-server", "csr": csr(&[&host], true).pem, "validity_seconds": 3600}),
            format!("CN={host}"),
            "Digital Signature",
        ),
        (
            json!({"profile": "tls-server", "names": [host], "key_algorithm": "ed25519", "issuer": server.acme.issuer}),
            String::new(),
            "Digital Signature",
        ),
        (json!({"profile": "document-signing", "names": [host]}), String::new(), "Digital Signature, Non Repudiation"),
        (json!({"profile": "ocsp-signer", "names": [host], "custody": kept}), String::new(), "Digital Signature"),
        (json!({"profile": "tsa-signer", "names": [host], "custody": kept}), String::new(), "Digital Signature"),
    ] {
        let before = server.events(&server.acme).await.len();
        let path = server.acme.path(&format!("/profiles/{}/dry-run", text(&body["profile"])));
        let run = admin.post(&path, json!({"request": body})).await.ok(200);
        assert_eq!(server.events(&server.acme).await.len(), before, "it leaves no trace");
        assert_eq!((&run["allowed"], &run["policy_version"], &run["reasons"]), (&json!(true), &json!(1), &json!([])));
        assert!(text(&run["note"]).contains("no promise"));

        let foreseen = &run["certificate"];
        let issued = admin.post(&server.acme.path("/certificates"), body).await.ok(201);
        let asked = admin.get(&server.acme.path(&format!("/orders/{}", text(&issued["order"])))).await.ok(200);
        assert_eq!(foreseen["key_algorithm"], asked["request"]["key_algorithm"]);
        for field in ["issuer", "names", "custody", "subject"] {
            assert_eq!(foreseen[field], issued[field], "{field}");
        }
        assert_eq!(foreseen["subject"], subject);
        let lifetime = |found: &Value| {
            let at = |field: &str| Timestamp::parse(text(&found[field])).unwrap().seconds();
            (at("not_after") - at("not_before"), at("not_after") - at("renew_at"))
        };
        assert_eq!(lifetime(foreseen), lifetime(&issued));
        // What openssl finds in the certificate is what was foreseen.
        let listed = foreseen["extensions"].as_array().unwrap().iter();
        let listed: Vec<_> = listed.map(|e| (in_openssls_words(text(&e["name"])).to_owned(), e["critical"] == true)).collect();
        assert_eq!(listed, extensions(&judge, text(&issued["certificate"])));
        let said = judge.must("x509 -noout -ext keyUsage", text(&issued["certificate"]).as_bytes());
        assert_eq!(said.lines().last().unwrap().trim(), usage);
        assert_eq!(foreseen["key_usage"].as_array().unwrap().len(), usage.split(", ").count());
    }
    let tenant = admin.get(&server.acme.path("")).await.ok(200);
    assert_eq!((&tenant["certificates_issued"], &tenant["certificates_live"]), (&json!(5), &json!(5)));
}

async fn a_dry_run_gives_every_reason_against(server: &TestServer) {
    let (admin, host) = (server.as_(&server.acme.admin), server.acme.host("www"));
    let path = server.acme.path("/profiles/tls-server/dry-run");
    let before = server.events(&server.acme).await.len();
    for (request, reasons) in [
        (
            json!({"profile": "tls-server", "names": ["*.evil.example"], "validity_seconds": 1, "key_algorithm": "ml-dsa-65"}),
            vec![
                ("key-algorithm", "key_algorithm"),
                ("name-not-in-issuer", "names"),
                ("wildcard", "names"),
                ("validity", "validity_seconds"),
            ],
        ),
        (json!({"profile": "tls-server", "csr": "-----BEGIN NONSENSE"}), vec![("invalid", "csr")]),
        (json!({"profile": "tls-server", "names": [host], "issuer": server.acme.root}), vec![("invalid", "issuer")]),
        (json!({"profile": "tls-server", "names": [host], "issuer": server.brava.issuer}), vec![("invalid", "issuer")]),
    ] {
        let run = admin.post(&path, json!({"request": request})).await.ok(200);
        assert_eq!((&run["allowed"], &run["certificate"]), (&json!(false), &Value::Null));
        let told: Vec<_> =
            run["reasons"].as_array().unwrap().iter().map(|reason| (text(&reason["code"]), text(&reason["field"]))).collect();
        assert_eq!(told, reasons);
    }
    assert_eq!(server.events(&server.acme).await.len(), before, "a reason is no denial: nothing was asked for");

    // What is missing is said before anything in the body is compared (I7).
    let other = json!({"request": {"profile": "mtls", "names": [host]}});
    assert_eq!(admin.post(&path, other.clone()).await.problem(422, "invalid")["field"], "request.profile");
    admin.post(&server.acme.path("/profiles/no-such/dry-run"), other).await.problem(404, "not-found");
}

async fn a_draft_is_tried_in_the_place_of_what_is_in_force(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let path = server.acme.path("/profiles/tls-server/dry-run");
    let request = json!({"profile": "tls-server", "names": [server.acme.host("*")]});
    let mut draft = profile(server, "tls-server").await;
    assert_eq!(admin.post(&path, json!({"request": request, "draft": draft})).await.ok(200)["reasons"][0]["code"], "wildcard");
    (draft["name"], draft["wildcards"]) = ("of-another-name".into(), true.into());
    let run = admin.post(&path, json!({"request": request, "draft": draft})).await.ok(200);
    assert_eq!((&run["allowed"], &run["policy_version"]), (&json!(true), &Value::Null));
    draft["max_names"] = 0.into();
    assert_eq!(admin.post(&path, json!({"request": request, "draft": draft})).await.problem(422, "invalid")["field"], "max_names");
    // Trying changes nothing.
    let refused = admin.post(&server.acme.path("/certificates"), request).await.problem(422, "refused");
    assert_eq!(refused["reasons"][0]["code"], "wildcard");
}

/// A client whose token is still good at that moment, which comes. Tokens live for at most a year.
async fn at(server: &TestServer, mut client: Client, moment: &str) -> Client {
    let moment = Timestamp::parse(moment).unwrap();
    let path = server.acme.path(&format!("/accounts/{}/tokens", server.acme.account));
    loop {
        let minted = client.post(&path, json!({"expires_in_seconds": 366 * 86_400})).await.ok(201);
        client = server.as_(text(&minted["token"]));
        let year = server.clock.now().after(Duration::from_secs(365 * 86_400));
        server.clock.advance_to(moment.min(year));
        if moment <= year {
            return client;
        }
    }
}

// CA/Browser Forum ballot SC-081v3: both sides of each border, and both ends of each validity.
async fn the_public_validity_follows_the_date(server: &TestServer) {
    let dry_run = server.acme.path("/profiles/tls-server-public/dry-run");
    let body = |seconds: u32| json!({"profile": "tls-server-public", "names": [server.acme.host("www")], "validity_seconds": seconds});
    // Years later the other tenant's token has ended, too: nobody looks into its log at the end.
    server.in_brava();
    let mut client = server.as_(&server.acme.admin);
    for (moment, days) in
        [("2027-03-14T23:59:59Z", 200), ("2027-03-15T00:00:00Z", 100), ("2029-03-14T23:59:59Z", 100), ("2029-03-15T00:00:00Z", 47)]
    {
        client = at(server, client, moment).await;
        let longest = days * 86_400;
        for (seconds, allowed) in [(longest, true), (longest + 1, false)] {
            let run = client.post(&dry_run, json!({"request": body(seconds)})).await.ok(200);
            assert_eq!(run["allowed"], allowed, "{seconds} s at {moment}");
        }
        let issued = client.post(&server.acme.path("/certificates"), body(longest)).await.ok(201);
        let seconds = |field: &str| Timestamp::parse(text(&issued[field])).unwrap().seconds();
        // Both the first and the last second are in it (RFC 5280 section 4.1.2.5).
        assert_eq!(seconds("not_after") - seconds("not_before") + 1, i64::from(longest), "at {moment}");
        let refused = client.post(&server.acme.path("/certificates"), body(longest + 1)).await.problem(422, "refused");
        assert_eq!(refused["reasons"][0]["field"], "validity_seconds");
    }
}

on_both_engines!(
    a_dry_run_says_what_issuance_then_does,
    a_dry_run_gives_every_reason_against,
    a_draft_is_tried_in_the_place_of_what_is_in_force,
    the_public_validity_follows_the_date,
);
