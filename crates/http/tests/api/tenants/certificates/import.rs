//! `POST …/certificates/import`: existing certificates in the inventory.

use super::{at, event_of, text};
use chancery_testkit::csr::csr;
use chancery_testkit::stranger::{Stranger, Wanted};
use chancery_testkit::{CERTIFICATE_LIMIT, TestServer, TestTenant, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

async fn import(server: &TestServer, tenant: &TestTenant, bundle: &str) -> Value {
    server.as_(&tenant.admin).post(&tenant.path("/certificates/import"), json!({"bundle": bundle})).await.ok(200)
}

async fn found(server: &TestServer, query: &str) -> Vec<String> {
    let page = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/certificates?{query}"))).await.ok(200);
    page["items"].as_array().unwrap().iter().map(|item| text(&item["id"]).to_owned()).collect()
}

/// Issues a certificate and takes it out of the tables from below, as one is that was issued before a backup was restored.
async fn lost(server: &TestServer, label: &str) -> Value {
    let certificate = server.certificate(&server.acme, label).await;
    lose(server, &certificate).await;
    certificate
}

async fn lose(server: &TestServer, certificate: &Value) {
    server.run_jobs().await;
    let id = text(&certificate["id"]).replace('-', "");
    server
        .below(async |raw| {
            let id: Vec<u8> = (0..32).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect();
            for (table, column) in [
                ("certificate", "id"),
                ("certificate_name", "certificate_id"),
                ("job", "id"),
                ("private_key", "certificate_id"),
                ("subject_key", "certificate_id"),
                ("certificate_key", "certificate_id"),
            ] {
                raw.change(&server.acme.id, &format!("DELETE FROM {table} WHERE {column} = ?1"), &[&id]).await;
            }
        })
        .await;
}

async fn others_are_listed_found_exported_and_expire_but_are_not_ours_to_revoke(server: &TestServer) {
    let partner = Stranger::called("Partner CA");
    let pem = partner.certificate(&server.clock, &Wanted { names: &["www.partner.example", "a.eu.partner.example"], ..Wanted::default() });
    let answer = import(server, &server.acme, &pem).await;
    assert_eq!((&answer["imported"], &answer["present"], &answer["refused"]), (&json!(1), &json!(0), &json!(0)));
    let taken = &answer["items"][0]["result"];
    assert_eq!(answer["items"][0]["sha256"], taken["sha256"]);
    let none = &Value::Null;
    assert_eq!((&taken["origin"], &taken["issuer"], &taken["order"], &taken["profile"]), (&json!("external"), none, none, none));
    assert_eq!(
        (text(&taken["serial"]), text(&taken["status"]), text(&taken["custody"])),
        ("00000000000000000000000000000007", "issued", "client")
    );
    let id = text(&taken["id"]);

    // Found by exact name, suffix, serial, end and renewal; in another tenant by nothing.
    for query in ["name=www.partner.example", "name=*.eu.partner.example", "serial=00000000000000000000000000000007", "status=issued"] {
        assert_eq!(found(server, query).await, [id], "{query}");
    }
    assert_eq!(found(server, &format!("expires_before={}", text(&taken["not_after"]))).await, [""; 0]);
    assert_eq!(found(server, "expires_before=2050-01-01T00:00:00Z").await, [id]);
    // A third of ninety days is left, which is when renewal becomes due.
    server.clock.advance(Duration::from_secs(2));
    assert_eq!(found(server, "renewal_due=true").await, [id]);
    assert_eq!(found(server, &format!("issuer={}", server.acme.issuer)).await, [""; 0]);
    let theirs = server.as_(&server.brava.admin).get(&server.brava.path("/certificates")).await.ok(200);
    assert_eq!(theirs["items"], json!([]));
    let csv = server.as_(&server.acme.admin).get(&server.acme.path("/certificates/export/csv")).await.ok_text(200);
    assert!(csv.contains(&format!("\"{id}\",\"issued\",\"\",\"\",")) && csv.contains(",\"external\"\r\n"), "{csv}");
    let download = server.as_(&server.acme.admin).get(&at(server, taken, "/pem")).await.ok_text(200);
    assert_eq!(download, pem.replace("\r\n", "\n"));

    // It is its issuer who revokes, and a new request that renews; alone and among many.
    let admin = server.as_(&server.acme.admin);
    let problem = admin.post(&at(server, taken, "/revoke"), json!({})).await.problem(409, "conflict");
    assert!(text(&problem["detail"]).contains("ask its issuer"), "{problem}");
    let problem = admin.post(&at(server, taken, "/renew"), json!({})).await.problem(409, "conflict");
    assert!(text(&problem["detail"]).contains("ask for a new one"), "{problem}");
    admin.post(&at(server, taken, "/private-key/fetch"), json!({})).await.problem(409, "conflict");
    for (rest, body) in
        [("bulk-revoke", json!({"certificates": [id], "reason": "superseded"})), ("bulk-renew", json!({"certificates": [id]}))]
    {
        let bulk = admin.post(&server.acme.path(&format!("/certificates/{rest}")), body).await.ok(200);
        assert_eq!((&bulk["failed"], &bulk["items"][0]["problem"]["status"]), (&json!(1), &json!(409)), "{rest}");
    }

    let log = server.events(&server.acme).await;
    let event = log.iter().find(|entry| entry["id"] == taken["event"]["id"]).unwrap();
    let detail = &event["event"]["detail"];
    assert_eq!((&event["event"]["act"], &event["leaf"]), (&json!("certificate.import"), &taken["event"]["leaf"]));
    assert_eq!((&detail["origin"], &detail["issuer"], &detail["sha256"]), (&json!("external"), &json!("CN=Partner CA"), &taken["sha256"]));
    // Its end is noted like any other's, and frees its place in the quota.
    server.pass(Duration::from_secs(31 * 86_400)).await;
    assert_eq!(found(server, "status=expired").await, [id]);
    assert_eq!(admin.get(&server.acme.path("")).await.ok(200)["certificates_live"], 0);
}

async fn one_of_ours_is_known_by_its_signature_and_can_be_revoked(server: &TestServer) {
    let before = lost(server, "lost").await;
    assert_eq!(found(server, "").await, [""; 0]);
    let answer = import(server, &server.acme, &format!("{}{}", text(&before["certificate"]), text(&before["chain"]))).await;
    assert_eq!((&answer["imported"], &answer["refused"]), (&json!(1), &json!(1)), "the intermediate is an authority's");
    let taken = &answer["items"][0]["result"];
    assert_eq!((&taken["origin"], &taken["issuer"], &taken["serial"]), (&json!("imported"), &before["issuer"], &before["serial"]));
    assert_eq!((&taken["chain"], &taken["crl_url"]), (&before["chain"], &before["crl_url"]));
    assert_eq!(found(server, &format!("issuer={}", server.acme.issuer)).await, [text(&taken["id"])]);
    let admin = server.as_(&server.acme.admin);
    assert_eq!(admin.post(&at(server, taken, "/revoke"), json!({})).await.ok(200)["status"], "revoked");
    server.run_jobs().await;
    let crl = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}/crl/0", server.acme.issuer))).await;
    let listed = chancery_testkit::openssl::Openssl::new().must("crl -inform DER -noout -text", &crl.body).to_lowercase();
    assert!(listed.contains(text(&taken["serial"]).trim_start_matches('0')), "{listed}");
    // In another tenant it is somebody else's, for the name of an issuer proves nothing there.
    let theirs = import(server, server.in_brava(), text(&before["certificate"])).await;
    assert_eq!(theirs["items"][0]["result"]["origin"], "external");
    // Neither is one ours that only says so.
    let issuer = admin.get(&server.acme.path(&format!("/issuers/{}", server.acme.issuer))).await.ok(200);
    let name = text(&issuer["subject"]).split(',').find_map(|part| part.strip_prefix("CN=")).unwrap().to_owned();
    let liar = Stranger::of(Some(&server.acme.slug), &name).certificate(&server.clock, &Wanted::default());
    assert_eq!(import(server, &server.acme, &liar).await["items"][0]["result"]["origin"], "external");
    let log = server.events(&server.acme).await;
    assert_eq!(log[0]["event"]["detail"]["issuer"], issuer["subject"], "it does say so");
}

// I5: a serial number that an issuer used twice is told, and not hidden by taking in either.
async fn a_serial_number_used_twice_is_told(server: &TestServer) {
    let (other, before) = (server.certificate(&server.acme, "other").await, lost(server, "lost").await);
    let bytes = |hex: &str| (0..32).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect::<Vec<_>>();
    let (id, serial) = (bytes(&text(&other["id"]).replace('-', "")), bytes(text(&before["serial"])));
    let change = "UPDATE certificate SET serial = ?1 WHERE id = ?2";
    assert_eq!(server.below(async |raw| raw.change(&server.acme.id, change, &[&serial, &id]).await).await, 1);
    let answer = import(server, &server.acme, text(&before["certificate"])).await;
    assert_eq!(answer["items"][0]["problem"]["status"], 409);
    assert!(text(&answer["items"][0]["problem"]["detail"]).contains("another certificate with this serial number"), "{answer}");
}

async fn the_same_is_there_once_however_it_comes(server: &TestServer) {
    let partner = Stranger::called("Partner CA");
    let pem = partner.certificate(&server.clock, &Wanted::default());
    // Other certificates with the same serial are other certificates.
    let other = Stranger::called("Other CA").certificate(&server.clock, &Wanted { names: &["other.example"], ..Wanted::default() });
    let issued = server.certificate(&server.acme, "issued").await;
    let bundle = format!("{pem}{other}{pem}{}", text(&issued["certificate"]));
    let before = server.events(&server.acme).await.len();
    let once = server.as_(&server.acme.admin).once("import");
    let path = server.acme.path("/certificates/import");
    let first = once.post(&path, json!({"bundle": bundle})).await.ok(200);
    let outcomes =
        |answer: &Value| answer["items"].as_array().unwrap().iter().map(|item| text(&item["outcome"]).to_owned()).collect::<Vec<_>>();
    assert_eq!(outcomes(&first)[..2], ["imported", "imported"]);
    // What was issued here stays what it is.
    assert_eq!((&first["items"][3]["outcome"], &first["items"][3]["result"]["id"]), (&json!("present"), &issued["id"]));
    assert_eq!(first["items"][3]["result"]["origin"], "issued");
    let ids = |answer: &Value| answer["items"].as_array().unwrap().iter().map(|item| item["result"]["id"].clone()).collect::<Vec<_>>();
    let again = once.post(&path, json!({"bundle": bundle})).await.ok(200);
    assert_eq!(again["items"], first["items"]);
    let anew = import(server, &server.acme, &bundle).await;
    assert_eq!((outcomes(&anew), ids(&anew)), (vec!["present".to_owned(); 4], ids(&first)));
    assert_eq!(ids(&first)[0], ids(&first)[2]);
    assert_eq!(server.events(&server.acme).await.len(), before + 2);
    assert_eq!(found(server, "serial=00000000000000000000000000000007").await.len(), 2);
    let reused = once.post(&path, json!({"bundle": pem})).await.ok(200);
    assert_eq!(reused["items"][0]["problem"]["type"], "urn:chancery:problem:idempotency-key-reused");
    // Racing imports of the same take it in once.
    let raced = Stranger::called("Raced CA").certificate(&server.clock, &Wanted { names: &["raced.example"], ..Wanted::default() });
    let racing = (0..8).map(|_| {
        let (client, path, body) = (server.as_(&server.acme.admin), path.clone(), json!({"bundle": raced}));
        tokio::spawn(async move { client.post(&path, body).await.ok(200) })
    });
    let mut answers = Vec::new();
    for raced in racing.collect::<Vec<_>>() {
        answers.push(raced.await.unwrap());
    }
    let count = |outcome: &str| answers.iter().filter(|answer| answer[outcome] == 1).count();
    assert_eq!((count("imported"), count("present")), (1, 7), "{answers:?}");
    assert_eq!(found(server, "name=raced.example").await.len(), 1);
}

async fn the_quota_counts_what_lives(server: &TestServer) {
    let partner = Stranger::called("Partner CA");
    let admin = server.as_(&server.acme.admin);
    let usage = async || {
        let tenant = admin.get(&server.acme.path("")).await.ok(200);
        (tenant["certificates_live"].as_i64().unwrap(), tenant["certificates_issued"].as_i64().unwrap())
    };
    let mut bundle = String::new();
    for number in 0..CERTIFICATE_LIMIT {
        let serial = [1, u8::try_from(number).unwrap()];
        bundle += &partner.certificate(&server.clock, &Wanted { serial: &serial, ..Wanted::default() });
    }
    server.certificate(&server.acme, "www").await;
    let answer = import(server, &server.acme, &bundle).await;
    assert_eq!((&answer["imported"], &answer["refused"]), (&json!(CERTIFICATE_LIMIT - 1), &json!(1)));
    assert_eq!(answer["items"][usize::try_from(CERTIFICATE_LIMIT).unwrap() - 1]["problem"]["type"], "urn:chancery:problem:quota");
    assert_eq!(usage().await, (CERTIFICATE_LIMIT, 1));
}

async fn what_is_hostile_is_refused_by_itself_with_the_reason(server: &TestServer) {
    let partner = Stranger::called("Partner CA");
    let make = |wanted: Wanted<'_>| partner.certificate(&server.clock, &wanted);
    let good = make(Wanted::default());
    let hosts: Vec<String> = (0..251).map(|number| format!("h{number}.partner.example")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let armour = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let body: String = good.lines().filter(|line| !line.starts_with("-----")).collect();
    let cases = [
        ("an authority", make(Wanted { authority: true, ..Wanted::default() }), "authority"),
        ("expired", make(Wanted { days: -1, ..Wanted::default() }), "expired at"),
        ("serial zero", make(Wanted { serial: &[0], ..Wanted::default() }), "serial number"),
        ("serial too long", make(Wanted { serial: &[1; 21], ..Wanted::default() }), "serial number"),
        ("too many names", make(Wanted { names: &hosts, ..Wanted::default() }), "more than 250 names"),
        ("too long", armour("CERTIFICATE", &"A".repeat(24 * 1024)), "longer than 16384 bytes"),
        ("a private key", armour("PRIVATE KEY", "AAAA"), "no certificate: nothing of it was kept"),
        ("a request", armour("CERTIFICATE REQUEST", &body), "no certificate"),
        ("no DER", armour("CERTIFICATE", "AAAA"), "not a version 3"),
        ("cut short", armour("CERTIFICATE", &body[..400]), "not a version 3"),
        ("no base64", armour("CERTIFICATE", "%%%%"), "damaged"),
        ("no end", "-----BEGIN CERTIFICATE-----\nAAAA\n".to_owned(), "damaged"),
        ("another end", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n".to_owned(), "damaged"),
    ];
    let bundle: String = cases.iter().map(|(_, pem, _)| pem.as_str()).chain([good.as_str()]).collect();
    let answer = import(server, &server.acme, &bundle).await;
    let items = answer["items"].as_array().unwrap();
    assert_eq!((items.len(), &answer["imported"]), (cases.len() + 1, &json!(1)), "the good one is not spoilt by those before it");
    for (item, (what, _, reason)) in items.iter().zip(&cases) {
        assert_eq!((&item["outcome"], &item["problem"]["status"]), (&json!("refused"), &json!(422)), "{what}");
        // What can be read is decided, and what cannot is malformed.
        let field = if item["sha256"].is_null() { &item["problem"]["field"] } else { &item["problem"]["reasons"][0]["field"] };
        assert_eq!(field, "bundle", "{what}");
        assert!(text(&item["problem"]["detail"]).contains(reason), "{what}: {}", item["problem"]["detail"]);
    }
    // I3: what was decided is kept with its reasons and the version of the rules.
    let log = server.events(&server.acme).await;
    let denied: Vec<_> = log.iter().map(|entry| &entry["event"]).filter(|event| event["act"] == "denied").collect();
    let codes: std::collections::BTreeSet<_> = denied.iter().map(|event| text(&event["detail"]["reasons"][0]["code"])).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["authority", "expired", "serial", "too-many-names"]);
    assert!(denied.iter().all(|event| event["detail"]["policy_version"] == 1 && event["detail"]["action"] == "certificate:import"));
    let taken = log.iter().find(|entry| entry["event"]["act"] == "certificate.import").unwrap();
    assert_eq!(taken["event"]["detail"]["policy_version"], 1);
    // Another algorithm than ours is no reason; a longer serial is found again.
    let long = make(Wanted { serial: &[0xfe; 20], names: &["long.example"], ..Wanted::default() });
    assert_eq!(import(server, &server.acme, &long).await["imported"], 1);
    assert_eq!(found(server, &format!("serial={}", "fe".repeat(20))).await.len(), 1);
    // One without alternative names is found by its common name.
    let old = make(Wanted { names: &[], common_name: "old.partner.example", ..Wanted::default() });
    assert_eq!(import(server, &server.acme, &old).await["imported"], 1);
    assert_eq!(found(server, "name=*.partner.example").await.len(), 2);

    let admin = server.as_(&server.acme.admin);
    let path = server.acme.path("/certificates/import");
    for bundle in [String::new(), good.repeat(101), "neither".to_owned() + "!"] {
        assert_eq!(admin.post(&path, json!({"bundle": bundle})).await.problem(422, "invalid")["field"], "bundle");
    }
    // DER as base64.
    assert_eq!(import(server, &server.acme, &body).await["present"], 1);
    // A formula at the start of what a spreadsheet shows.
    let formula = make(Wanted { names: &["calc.partner.example"], common_name: "=HYPERLINK(\"http://x\")", ..Wanted::default() });
    assert_eq!(import(server, &server.acme, &formula).await["imported"], 1);
    let csv = admin.get(&server.acme.path("/certificates/export/csv")).await.ok_text(200);
    for field in csv.lines().flat_map(|line| line.split("\",\"")) {
        assert!(!field.trim_start_matches('"').starts_with(['=', '+', '-', '@']), "{field}");
    }
}

// What a restored backup has forgotten of a key, the certificate itself still says; and so does one of others.
async fn the_key_of_what_was_taken_in_is_known(server: &TestServer) {
    let admin = || server.as_(&server.acme.admin);
    let (key, other) = (csr(&[&server.acme.host("a")], false), csr(&[&server.acme.host("b")], false));
    let ask = async |key: &str| {
        let body = json!({"profile": "tls-server", "csr": key});
        admin().post(&server.acme.path("/certificates"), body).await
    };
    let before = ask(&key.pem).await.ok(201);
    lose(server, &before).await;
    let taken = import(server, &server.acme, text(&before["certificate"])).await["items"][0]["result"].clone();
    assert_eq!(taken["origin"], "imported");
    let reasons = ask(&key.pem).await.problem(422, "refused")["reasons"].clone();
    assert_eq!(reasons[0]["code"], "key-reuse");
    assert!(text(&reasons[0]["message"]).contains(text(&taken["id"])), "{reasons}");
    let partner = Stranger::called("Partner CA");
    let pem = partner.certificate(&server.clock, &Wanted { key: Some(&other.key), ..Wanted::default() });
    let theirs = import(server, &server.acme, &pem).await["items"][0]["result"].clone();
    let reasons = ask(&other.pem).await.problem(422, "refused")["reasons"].clone();
    assert_eq!(reasons[0]["code"], "key-reuse");
    assert!(text(&reasons[0]["message"]).contains(text(&theirs["id"])), "{reasons}");
    // Whoever takes in a certificate of others over a key of ours does not end our renewals.
    let ours = csr(&[&server.acme.host("c")], false);
    let issued = ask(&ours.pem).await.ok(201);
    let claimed = Wanted { key: Some(&ours.key), serial: &[8], ..Wanted::default() };
    assert_eq!(import(server, &server.acme, &partner.certificate(&server.clock, &claimed)).await["imported"], 1);
    admin().post(&at(server, &issued, "/renew"), json!({})).await.ok(201);
    // Once known to be compromised, it is never certified here.
    let revoked = admin().post(&at(server, &theirs, "/revoke"), json!({"reason": "key-compromise"})).await.ok(200);
    assert_eq!((&revoked["origin"], &revoked["status"]), (&json!("external"), &json!("issued")), "only its issuer revokes it");
    assert_eq!(event_of(server, &revoked).await["act"], "certificate.compromise");
    assert_eq!(ask(&other.pem).await.problem(422, "refused")["reasons"][0]["code"], "key-compromised");
    admin().post(&at(server, &theirs, "/revoke"), json!({"reason": "key-compromise"})).await.problem(409, "conflict");
    server.run_jobs().await;
}

/// How often PostgreSQL looked into the table, as the sessions that ended have reported.
async fn looks(server: &TestServer, table: &str) -> i64 {
    let sql =
        format!("SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = '{table}' AND length(?1::bytea) > 0");
    server
        .below(async |raw| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            raw.count(&server.acme.id, &sql, &[0; 16]).await
        })
        .await
}

// The authorities are read once, and not for each certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_reads_the_authorities_once() {
    chancery_testkit::run(chancery_testkit::Engine::Postgres, async |server: &TestServer| {
        let partner = Stranger::called("Partner CA");
        let one = |serial: u8| partner.certificate(&server.clock, &Wanted { serial: &[serial], ..Wanted::default() });
        let bundle: String = (1..=100).map(one).collect();
        let before = looks(server, "authority").await;
        assert_eq!(import(server, &server.acme, &bundle).await["imported"], 100);
        let read = looks(server, "authority").await - before;
        println!("{read} looks at the authorities");
        assert!((1..=10).contains(&read), "{read}");
    })
    .await;
}

// I5: what was signed here stays; what others signed leaves without a trace but the event.
async fn what_others_signed_can_be_removed(server: &TestServer) {
    let (admin, partner) = (server.as_(&server.acme.admin), Stranger::called("Partner CA"));
    let (one, two) = (csr(&[&server.acme.host("a")], false), csr(&[&server.acme.host("b")], false));
    let make =
        |key: &str, serial: u8| partner.certificate(&server.clock, &Wanted { key: Some(key), serial: &[serial], ..Wanted::default() });
    let pems = [make(&one.key, 1), make(&one.key, 2), make(&two.key, 3)];
    let taken = import(server, &server.acme, &pems.concat()).await;
    let taken: Vec<_> = (0..3).map(|at| taken["items"][at]["result"].clone()).collect();
    let issued = server.certificate(&server.acme, "www").await;
    let ask = async |key: &str| admin.post(&server.acme.path("/certificates"), json!({"profile": "tls-server", "csr": key})).await;
    let remove = async |token: &str, certificate: &Value| server.as_(token).post(&at(server, certificate, "/remove"), json!({})).await;

    for role in ["issuer", "security-lead", "viewer"] {
        let (_, token) = server.account(&server.acme, role).await;
        remove(&token, &taken[0]).await.problem(403, "forbidden");
    }
    let tenant = server.in_brava();
    let theirs = tenant.path(&format!("/certificates/{}/remove", text(&taken[0]["id"])));
    server.as_(&tenant.admin).post(&theirs, json!({})).await.problem(404, "not-found");
    let problem = remove(&server.acme.admin, &issued).await.problem(409, "conflict");
    assert!(text(&problem["detail"]).contains("revoke it instead"), "{problem}");

    let once = admin.clone().once("remove");
    let done = once.post(&at(server, &taken[0], "/remove"), json!({})).await.ok(200);
    assert_eq!(once.post(&at(server, &taken[0], "/remove"), json!({})).await.ok(200), done);
    remove(&server.acme.admin, &taken[0]).await.problem(404, "not-found");
    for rest in ["", "/pem", "/der"] {
        admin.get(&at(server, &taken[0], rest)).await.problem(404, "not-found");
    }
    let event = event_of(server, &done).await;
    assert_eq!((&event["act"], &event["detail"]["sha256"]), (&json!("certificate.remove"), &taken[0]["sha256"]));
    // Those of one bundle are of one moment: their order says nothing.
    let sorted = |mut ids: Vec<String>| {
        ids.sort_unstable();
        ids
    };
    let left = sorted([&taken[1], &taken[2]].map(|certificate| text(&certificate["id"]).to_owned()).to_vec());
    assert_eq!(sorted(found(server, "name=www.partner.example").await), left);
    assert_eq!(found(server, "").await.len(), 3);
    let csv = admin.get(&server.acme.path("/certificates/export/csv")).await.ok_text(200);
    assert!(!csv.contains(text(&taken[0]["id"])) && csv.contains(&left[0]), "{csv}");
    assert_eq!(admin.get(&server.acme.path("")).await.ok(200)["certificates_live"], 3);

    // Its key is another's, too, and known until that is removed as well; a compromised one is known for good.
    assert_eq!(ask(&one.pem).await.problem(422, "refused")["reasons"][0]["code"], "key-reuse");
    remove(&server.acme.admin, &taken[1]).await.ok(200);
    ask(&one.pem).await.ok(201);
    admin.post(&at(server, &taken[2], "/revoke"), json!({"reason": "key-compromise"})).await.ok(200);
    remove(&server.acme.admin, &taken[2]).await.ok(200);
    assert_eq!(ask(&two.pem).await.problem(422, "refused")["reasons"][0]["code"], "key-compromised");
    // It may come again; and nobody stumbles over the end of what was removed.
    assert_eq!(import(server, &server.acme, &pems[0]).await["imported"], 1);
    server.pass(Duration::from_secs(31 * 86_400)).await;
}

on_both_engines!(
    what_others_signed_can_be_removed,
    the_key_of_what_was_taken_in_is_known,
    others_are_listed_found_exported_and_expire_but_are_not_ours_to_revoke,
    one_of_ours_is_known_by_its_signature_and_can_be_revoked,
    a_serial_number_used_twice_is_told,
    the_same_is_there_once_however_it_comes,
    the_quota_counts_what_lives,
    what_is_hostile_is_refused_by_itself_with_the_reason,
);
