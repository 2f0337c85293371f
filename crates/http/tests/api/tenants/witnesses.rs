//! Witnesses of the platform's log: asked for every checkpoint, believed only with what holds, and where they must cosign, nothing goes
//! out before they did (I14).

use super::platform_log::{MINUTE, evidence, trust, verified};
use chancery::HttpWitnesses;
use chancery_app::{WitnessClient, WitnessPolicy, Witnesses};
use chancery_domain::TenantId;
use chancery_evidence::{Note, VerifierKey};
use chancery_testkit::witness::{FakeWitness, FakeWitnesses, Fault};
use chancery_testkit::{TestServer, on_both_engines};
use chancery_verify::Verdict;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Witnesses that know the platform's log, and a server that asks them in this process.
async fn witnessed(server: &TestServer, names: &[&str], quorum: &str) -> Vec<Arc<FakeWitness>> {
    let witnesses: Vec<_> = names.iter().map(|name| Arc::new(FakeWitness::new(name, server.directory()))).collect();
    let log = key(server).await;
    witnesses.iter().for_each(|witness| witness.watch(log.clone()));
    let at = |witness: &Arc<FakeWitness>| (format!("http://{}", witness.key().name()), Arc::clone(witness));
    let client = FakeWitnesses(witnesses.iter().map(at).collect());
    let addresses: Vec<_> = client.0.keys().cloned().collect();
    server.witnessed_by(Witnesses { policy: policy(&witnesses, &addresses, quorum), client: Arc::new(client) }).await;
    witnesses
}

fn policy(witnesses: &[Arc<FakeWitness>], addresses: &[String], quorum: &str) -> WitnessPolicy {
    let lines = witnesses.iter().zip(addresses).map(|(witness, url)| format!("witness {} {} {url}\n", witness.key().name(), witness.key()));
    WitnessPolicy::parse(&(lines.collect::<String>() + quorum)).unwrap()
}

async fn key(server: &TestServer) -> VerifierKey {
    let log = server.as_(&server.acme.admin).get(&server.acme.path("/platform-log")).await.ok(200);
    VerifierKey::parse(log["epochs"][0]["verifier_key"].as_str().unwrap()).unwrap()
}

async fn ask(server: &TestServer) -> BTreeMap<String, String> {
    server.node().service.ask_witnesses().await.unwrap()
}

/// The size of the platform's log, and how many of these cosigned the checkpoint that is served.
async fn served(server: &TestServer, witnesses: &[Arc<FakeWitness>]) -> (u64, usize) {
    let answer = server.as_(&server.acme.admin).get(&server.acme.path("/platform-log/checkpoint")).await;
    let note = Note::parse(answer.text().as_bytes()).unwrap();
    let size = note.text().lines().nth(1).unwrap().parse().unwrap();
    (size, witnesses.iter().filter(|witness| note.is_signed_by(witness.key())).count())
}

async fn size(server: &TestServer) -> u64 {
    server.view(&TenantId::PLATFORM.to_string()).log().await.unwrap().unwrap().size
}

async fn issued(server: &TestServer, name: &str) -> Value {
    let event = server.certificate(&server.acme, name).await["event"]["id"].clone();
    server.run_jobs().await;
    server.pass(MINUTE).await;
    event
}

async fn nothing_goes_out_before_enough_cosigned(server: &TestServer) {
    let witnesses = witnessed(server, &["w1", "w2", "w3"], "group all 2 w1 w2 w3\nquorum all\n").await;
    let event = issued(server, "witnessed").await;
    let checkpoint = server.acme.path("/platform-log/checkpoint");
    witnesses[1].fail(Some(Fault::Down));
    witnesses[2].fail(Some(Fault::WrongSignature));
    let refused = ask(server).await;
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["w2", "w3"]);
    assert!(refused["w3"].contains("does not hold"), "{refused:?}");
    server.as_(&server.acme.admin).get(&checkpoint).await.problem(503, "unavailable");
    assert!(evidence(server, &server.acme, &event).await["platform"].is_null(), "one of three is not enough");

    witnesses[1].fail(None);
    assert_eq!(ask(server).await.keys().collect::<Vec<_>>(), ["w3"], "who cosigned is not asked again");
    assert_eq!(served(server, &witnesses).await, (size(server).await, 2));
    let (trusted, bundle) = (trust(server, &server.acme).await, evidence(server, &server.acme, &event).await);
    assert_eq!((trusted["platform"]["cosignatures"].as_u64(), trusted["platform"]["witnesses"].as_array().unwrap().len()), (Some(2), 3));
    let report = verified(&bundle, &trusted);
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert!(report.said.iter().any(|said| said.label == "witnesses" && said.text == "w1, w2"), "{report:#?}");
    let mut all = trusted.clone();
    all["platform"]["cosignatures"] = 3.into();
    assert_eq!(verified(&bundle, &all).faults[0].code, "witnesses");

    // While they are away, what they cosigned before is what is shown.
    witnesses.iter().for_each(|witness| witness.fail(Some(Fault::Down)));
    let later = issued(server, "later").await;
    ask(server).await;
    let before = served(server, &witnesses).await;
    assert!(before.0 < size(server).await && before.1 == 2);
    assert!(evidence(server, &server.acme, &later).await["platform"].is_null());
    assert_eq!(verified(&evidence(server, &server.acme, &event).await, &trusted).verdict, Verdict::Valid);
    witnesses.iter().for_each(|witness| witness.fail(None));
    assert_eq!(ask(server).await, BTreeMap::new());
    assert_eq!(served(server, &witnesses).await, (size(server).await, 3));
    assert_eq!(verified(&evidence(server, &server.acme, &later).await, &trusted).verdict, Verdict::Valid);
    let kept = server.view(&TenantId::PLATFORM.to_string()).cosigned(1).await.unwrap();
    assert_eq!(kept.len(), 1, "what is older than the last that enough cosigned is not kept");
}

async fn without_a_quorum_evidence_goes_out_meanwhile(server: &TestServer) {
    let witnesses = witnessed(server, &["w1"], "quorum none\n").await;
    witnesses[0].fail(Some(Fault::Status(500)));
    let event = issued(server, "open").await;
    assert_eq!(ask(server).await["w1"], "it answered 500");
    let (trusted, bundle) = (trust(server, &server.acme).await, evidence(server, &server.acme, &event).await);
    assert!(bundle["platform"].is_object());
    assert_eq!((verified(&bundle, &trusted).verdict, served(server, &witnesses).await.1), (Verdict::Valid, 0));
    witnesses[0].fail(None);
    assert_eq!(ask(server).await, BTreeMap::new());
    assert_eq!(served(server, &witnesses).await.1, 1);
}

/// The witness knows more of what it cosigned than this server: after a loss, or when another node asked.
async fn what_a_witness_cosigned_last_it_tells(server: &TestServer) {
    let witnesses = witnessed(server, &["w1"], "quorum w1\n").await;
    let origin = key(server).await.name().to_owned();
    assert_eq!(ask(server).await, BTreeMap::new());
    let first = witnesses[0].cosigned(&origin);
    assert_eq!(first, size(server).await);
    issued(server, "grows").await;
    let platform = TenantId::PLATFORM;
    let forget = async || {
        server
            .below(async |raw| raw.change(&platform.to_string(), "DELETE FROM cosigned WHERE tenant_id = ?1", &[platform.as_bytes()]).await)
            .await
    };
    assert_eq!(forget().await, 1);
    assert_eq!(ask(server).await, BTreeMap::new());
    assert_eq!((witnesses[0].cosigned(&origin), served(server, &witnesses).await.1), (size(server).await, 1));
    assert!(size(server).await > first);
    // Of the same size, too; and one that was ended and began again remembers.
    forget().await;
    assert_eq!(FakeWitness::new("w1", server.directory()).cosigned(&origin), size(server).await);
    assert_eq!(ask(server).await, BTreeMap::new());
    assert_eq!(served(server, &witnesses).await.1, 1);
}

/// What a witness says against a checkpoint is told, and its cosignature is not there.
async fn a_log_that_did_not_grow_is_not_cosigned(server: &TestServer) {
    let witnesses = witnessed(server, &["w1", "w2"], "quorum w1\n").await;
    let origin = key(server).await.name().to_owned();
    let (there, platform) = (size(server).await, TenantId::PLATFORM);
    let root = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32]);
    for (seen, why) in [(there, "another root"), (there - 1, "did not grow"), (there + 1, "rolled back")] {
        std::fs::write(server.directory().join("w1.cosigned"), format!("{seen} {root} {origin}\n")).unwrap();
        let refused = ask(server).await;
        assert!(refused.len() == 1 && refused["w1"].contains(why), "{seen}: {refused:?}");
        server.as_(&server.acme.admin).get(&server.acme.path("/platform-log/checkpoint")).await.problem(503, "unavailable");
    }
    let kept = server.view(&platform.to_string()).cosigned(1).await.unwrap();
    assert_eq!(kept.len(), 1, "the other one's cosignature is kept");
    for (status, why) in [(403, "does not believe"), (404, "does not know"), (422, "did not grow"), (429, "answered 429")] {
        witnesses[0].fail(Some(Fault::Status(status)));
        assert!(ask(server).await["w1"].contains(why));
    }
}

/// The product's own way over HTTP, to a witness that listens.
async fn a_witness_is_asked_over_http(server: &TestServer) {
    let witness = Arc::new(FakeWitness::new("w1", server.directory()));
    let address = format!("http://{}/prefix", witness.listen().await);
    let witnesses = [Arc::clone(&witness)];
    let client = Arc::new(HttpWitnesses::new().unwrap());
    server.witnessed_by(Witnesses { policy: policy(&witnesses, &[address], "quorum w1\n"), client }).await;
    let refused = ask(server).await;
    assert!(refused["w1"].contains("does not know the log"), "{refused:?}");
    witness.watch(key(server).await);
    assert_eq!(ask(server).await, BTreeMap::new());
    issued(server, "grows").await;
    assert_eq!(ask(server).await, BTreeMap::new());
    assert_eq!(served(server, &witnesses).await, (size(server).await, 1));
    let nobody = HttpWitnesses::new().unwrap().add_checkpoint("http://127.0.0.1:1", String::new()).await;
    assert!(nobody.is_err());
}

on_both_engines! {
    nothing_goes_out_before_enough_cosigned,
    without_a_quorum_evidence_goes_out_meanwhile,
    what_a_witness_cosigned_last_it_tells,
    a_log_that_did_not_grow_is_not_cosigned,
    a_witness_is_asked_over_http,
}
