//! `POST …/timestamps`: RFC 3161 before openssl, and what is not stamped.

use super::{codes, digest, events, raw, shown, sign, text};
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::{TIMESTAMP_POLICY, signing_profile, timestamping_profile, with};
use chancery_testkit::stranger::{ExtendedKeyUsagePurpose, Stranger, Wanted};
use chancery_testkit::{Answer, Client, TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

const DOCUMENT: &[u8] = b"a document, byte for byte";
/// A little later than the test begins.
const VERIFY: &str = "ts -verify -CAfile root.pem -untrusted chain.pem -attime 1800000100";

/// What openssl asks for; the document lies beside it.
fn query(judge: &Openssl, options: &str) -> Vec<u8> {
    judge.file("document", DOCUMENT);
    judge.must(&format!("ts -query -data document {options} -out query"), b"");
    judge.read("query")
}

async fn stamp(client: &Client, server: &TestServer, signer: &str, query: Vec<u8>) -> Answer {
    client.query(&server.acme.path(&format!("/signers/{signer}/timestamps")), query).await
}

/// The reply, where openssl finds it, and what openssl reads in it.
fn told(judge: &Openssl, answer: &Answer) -> String {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/timestamp-reply"), "{}", answer.text());
    judge.file("reply", &answer.body);
    judge.must("ts -reply -in reply -text", b"")
}

/// The line of what openssl reads.
fn line<'a>(told: &'a str, name: &str) -> &'a str {
    told.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {told}")).trim()
}

/// Root and chain, where openssl finds them.
async fn laid(server: &TestServer, judge: &Openssl, signer: &str) {
    let root = server.as_(&server.acme.admin).get(&server.acme.path(&format!("/issuers/{}", server.acme.root))).await.ok(200);
    judge.file("root.pem", text(&root["certificate"]));
    judge.file("chain.pem", text(&shown(server, signer).await["versions"][0]["chain"]));
}

async fn openssl_accepts_each_answer_to_its_queries_and_no_other(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    for (key, options) in
        [("ec-p256", "-sha256 -cert"), ("ec-p384", "-sha384 -cert"), ("rsa-2048", "-sha512 -cert"), ("rsa-2048", "-sha256")]
    {
        let name = server.timestamper(&server.acme, &format!("of-{key}-{}", options.len()), key, json!({})).await;
        laid(server, &judge, &name).await;
        let asked = query(&judge, options);
        let said = told(&judge, &stamp(&admin, server, &name, asked.clone()).await);
        assert_eq!(
            (line(&said, "Status:"), line(&said, "Policy OID:"), line(&said, "Accuracy:")),
            ("Granted.", TIMESTAMP_POLICY, "0x02 seconds, unspecified millis, unspecified micros")
        );
        assert_eq!(line(&said, "Time stamp:"), "Jan 15 08:00:00 2027 GMT");
        assert_eq!(line(&said, "Nonce:"), line(&judge.must("ts -query -in query -text", b""), "Nonce:"));
        judge.must(&format!("{VERIFY} -queryfile query -in reply"), b"");
        judge.must(&format!("{VERIFY} -data document -in reply"), b"");
        // With its certificates only if asked for.
        let alone = judge.run(&format!("{} -queryfile query -in reply", VERIFY.replace("-untrusted chain.pem", "")), b"");
        assert_eq!(alone.ok, options.contains("-cert"), "{options}: {}", alone.text);
        // Each has another number, and answers its own query alone.
        let again = told(&judge, &stamp(&admin, server, &name, asked.clone()).await);
        assert_ne!(line(&said, "Serial number:"), line(&again, "Serial number:"));
        query(&judge, options);
        assert!(!judge.run(&format!("{VERIFY} -queryfile query -in reply"), b"").ok, "another nonce");
        judge.file("document", [DOCUMENT, b"."].concat());
        assert!(!judge.run(&format!("{VERIFY} -data document -in reply"), b"").ok, "another document");
        judge.file("document", DOCUMENT);
        let mut changed = judge.read("reply");
        *changed.last_mut().unwrap() ^= 1;
        judge.file("reply", changed);
        assert!(!judge.run(&format!("{VERIFY} -data document -in reply"), b"").ok, "another signature");
    }
}

async fn what_is_not_answered_is_rejected_with_its_reason(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let name = server.timestamper(&server.acme, "time", "ec-p256", json!({"digests": ["sha-256"]})).await;
    for (query, reason) in [
        (query(&judge, "-sha1"), "unrecognized or unsupported algorithm identifier"),
        // Believed here, and not by this profile.
        (query(&judge, "-sha512"), "unrecognized or unsupported algorithm identifier"),
        (query(&judge, "-sha256 -tspolicy 1.2.3"), "the requested TSA policy is not supported by the TSA"),
        (Vec::new(), "the data submitted has the wrong format"),
        (b"a query".to_vec(), "the data submitted has the wrong format"),
        (vec![0x30; 4097], "transaction not permitted or supported"),
    ] {
        let said = told(&judge, &stamp(&admin, server, &name, query).await);
        assert_eq!((line(&said, "Status:"), line(&said, "Failure info:")), ("Rejected.", reason));
        assert!(said.contains("TST info:\nNot included."), "{said}");
    }
    let policy = query(&judge, &format!("-sha256 -tspolicy {TIMESTAMP_POLICY}"));
    assert_eq!(line(&told(&judge, &stamp(&admin, server, &name, policy).await), "Status:"), "Granted.");
    assert_eq!(shown(server, &name).await["signatures"], 1);
}

async fn timestamps_are_given_by_signers_for_them_to_whom_may_have_signatures(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let time = server.timestamper(&server.acme, "time", "ec-p256", json!({})).await;
    let release = server.signer(&server.acme, "release", json!({})).await;
    let asked = query(&judge, "-sha256");
    let (_, viewer) = server.account(&server.acme, "viewer").await;
    stamp(&server.as_(&viewer), server, &time, asked.clone()).await.problem(403, "forbidden");
    stamp(&server.as_(&server.in_brava().admin), server, &time, asked.clone()).await.problem(404, "not-found");
    stamp(&admin, server, "nobody", asked.clone()).await.problem(404, "not-found");
    let path = server.acme.path("/signers/time/timestamps");
    admin.clone().with("content-type", "application/octet-stream").send("POST", &path, asked.clone()).await.problem(400, "malformed");
    // Who signs documents gives no time, and who gives the time signs nothing else.
    assert_eq!(codes(&stamp(&admin, server, &release, asked.clone()).await), ["format", "certificate-purpose"]);
    assert_eq!(codes(&sign(&admin, server, &time, raw(&digest(1))).await), ["format", "certificate-purpose"]);
    let put = |name: &str, profile: Value| (server.acme.path(&format!("/signers/{name}/signing-profile")), profile);
    for ((path, profile), field) in [
        (put(&release, timestamping_profile()), "formats"),
        (put(&time, signing_profile()), "formats"),
        (put(&time, with(timestamping_profile(), json!({"formats": ["timestamp", "raw"]}))), "formats"),
        (put(&time, with(timestamping_profile(), json!({"timestamp": {"policy": "1.2.x", "accuracy_seconds": 2}}))), "timestamp"),
        (put(&time, with(timestamping_profile(), json!({"timestamp": {"policy": "1.2.3", "accuracy_seconds": 1}}))), "timestamp"),
    ] {
        assert_eq!(admin.clone().with("if-match", "\"1\"").put(&path, profile).await.problem(422, "invalid")["field"], field);
    }
    // Nor is it made with a certificate for something else.
    let make = async |certify: Value, profile: Value| {
        let body = json!({"name": "another", "signing_profile": profile, "certify": certify});
        admin.post(&server.acme.path("/signers"), body).await.problem(422, "invalid")["field"].clone()
    };
    let of = |profile: &str| json!({"profile": profile, "names": [server.acme.host("time")]});
    assert_eq!(make(of("code-signing"), timestamping_profile()).await, "certify");
    assert_eq!(make(of("tsa-signer"), signing_profile()).await, "certify");
    // A disabled one stamps nothing.
    admin.post(&server.acme.path("/signers/time/disable"), json!({})).await.ok(200);
    assert_eq!(codes(&stamp(&admin, server, &time, asked).await), ["signer-disabled"]);
    assert_eq!(shown(server, &time).await["signatures"], 0);
}

async fn a_key_from_elsewhere_stamps_with_a_certificate_for_that_alone(server: &TestServer) {
    let (judge, admin, stranger) = (Openssl::new(), server.as_(&server.acme.admin), Stranger::called("Elsewhere"));
    let key = chancery_testkit::csr::csr(&["time.partner.example"], false).key;
    let make = async |purpose: Option<ExtendedKeyUsagePurpose>| {
        let chain = stranger.certificate(&server.clock, &Wanted { key: Some(&key), purpose, ..Wanted::default() });
        let body = json!({"name": "time", "signing_profile": timestamping_profile(), "imported": {"private_key": key, "chain": chain}});
        admin.post(&server.acme.path("/signers"), body).await
    };
    for purpose in [None, Some(ExtendedKeyUsagePurpose::CodeSigning), Some(ExtendedKeyUsagePurpose::Any)] {
        assert_eq!(make(purpose).await.problem(422, "invalid")["field"], "chain");
    }
    let made = make(Some(ExtendedKeyUsagePurpose::TimeStamping)).await.ok(201);
    judge.file("root.pem", stranger.pem());
    judge.file("chain.pem", text(&made["versions"][0]["chain"]));
    told(&judge, &stamp(&admin, server, "time", query(&judge, "-sha256")).await);
    judge.must(&format!("{VERIFY} -queryfile query -in reply"), b"");
}

async fn each_timestamp_is_recorded_once(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let name = server.timestamper(&server.acme, "time", "ec-p256", json!({"max_signatures": 1})).await;
    let asked = query(&judge, "-sha256 -cert");
    let answer = stamp(&admin.clone().once("one"), server, &name, asked.clone()).await;
    let said = told(&judge, &answer);
    // The same bytes under the same key are the very same token; others are none.
    assert_eq!(stamp(&admin.clone().once("one"), server, &name, asked.clone()).await.body, answer.body);
    stamp(&admin.clone().once("one"), server, &name, query(&judge, "-sha256")).await.problem(422, "idempotency-key-reused");
    stamp(&admin, server, &name, asked).await.problem(403, "quota");
    let events = events(server, "signature.create").await;
    let [event] = &*events else { panic!("one event: {events:?}") };
    let detail = &event["event"]["detail"];
    assert_eq!((&detail["format"], &detail["signer"]), (&json!("timestamp"), &json!("time")));
    let document = &detail["documents"][0];
    let sha = judge.must("dgst -sha256 -r document", b"");
    assert_eq!(document["digest"], format!("sha-256:{}", sha.split_whitespace().next().unwrap()));
    assert_eq!(document["time"], "2027-01-15T08:00:00Z");
    let serial = line(&said, "Serial number:").trim_start_matches("0x").trim_start_matches('0').to_lowercase();
    assert_eq!(text(&document["serial"]).trim_start_matches('0'), serial);
    assert!(serial.len() > 25, "random bits: {serial}");
    // What is stored is what went out.
    let kept = admin.get(&server.acme.path(&format!("/signatures/{}", text(&detail["signature"])))).await.ok(200);
    judge.file(
        "token",
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text(&kept["documents"][0]["signature"])).unwrap(),
    );
    laid(server, &judge, &name).await;
    judge.must(&format!("{VERIFY} -data document -token_in -in token"), b"");
    assert!(answer.body.ends_with(&judge.read("token")));
}

async fn a_clock_that_jumped_gives_no_time(server: &TestServer) {
    let (judge, admin) = (Openssl::new(), server.as_(&server.acme.admin));
    let name = server.timestamper(&server.acme, "time", "ec-p256", json!({})).await;
    let status = async |client: &Client| {
        let said = told(&judge, &stamp(client, server, &name, query(&judge, "-sha256")).await);
        match line(&said, "Status:") {
            "Granted." => "granted".to_owned(),
            _ => line(&said, "Failure info:").to_owned(),
        }
    };
    let refused = "the TSA's time source is not available";
    server.pass(Duration::from_secs(7200)).await;
    assert_eq!(status(&admin).await, "granted");
    for jump in [3_600_000, -3_600_000, 1_100, -1_100] {
        server.clock.jump(jump);
        assert_eq!(status(&admin).await, refused, "{jump}");
        let body = with(raw(&digest(1)), json!({"format": "timestamp"}));
        sign(&admin, server, &name, body).await.problem(503, "time-not-available");
        server.clock.jump(-jump);
        assert_eq!(status(&admin).await, "granted", "{jump}");
    }
    // A little drift is how clocks are.
    server.clock.jump(700);
    assert_eq!(status(&admin).await, "granted");
    server.clock.jump(-700);
    assert_eq!(status(&admin).await, "granted");
    // A process that starts with a clock behind what was signed knows it by that alone.
    server.clock.jump(-3_600_000);
    let node = server.second_node().await;
    assert_eq!(status(&node.as_(&server.acme.admin)).await, refused);
    server.clock.jump(3_600_000);
}

on_both_engines!(
    openssl_accepts_each_answer_to_its_queries_and_no_other,
    what_is_not_answered_is_rejected_with_its_reason,
    timestamps_are_given_by_signers_for_them_to_whom_may_have_signatures,
    a_key_from_elsewhere_stamps_with_a_certificate_for_that_alone,
    each_timestamp_is_recorded_once,
    a_clock_that_jumped_gives_no_time,
);
