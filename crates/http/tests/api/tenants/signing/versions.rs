//! Versions of documents: one line without forks, whoever races, and what evidence tells of it.

use super::{codes, digest, events, raw, sign, text};
use chancery_testkit::{Answer, Client, TestServer, TestTenant, on_both_engines};
use chancery_verify::{Known, Report, Verdict, verify_bundle};
use serde_json::{Value, json};

/// What asks for a signature of this digest as a version of the document.
fn version(number: usize, name: &str, supersedes: Option<u32>) -> Value {
    let mut body = raw(&digest(number));
    body["version_of"] = json!({ "name": name });
    if let Some(supersedes) = supersedes {
        body["version_of"]["supersedes"] = supersedes.into();
    }
    body
}

async fn chain(client: &Client, tenant: &TestTenant, id: &Value) -> Answer {
    client.get(&tenant.path(&format!("/documents/{}", text(id)))).await
}

/// Version, digest and signer of each signature, newest first.
fn line(chain: &Value) -> Vec<(u64, String, String)> {
    let items = chain["items"].as_array().unwrap().iter();
    items
        .map(|item| (item["version"].as_u64().unwrap(), text(&item["digest"]).to_owned(), text(&item["signature"]["signer"]).to_owned()))
        .collect()
}

async fn a_document_has_one_line_of_versions(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let (office, legal) = (server.signer(&server.acme, "office", json!({})).await, server.signer(&server.acme, "legal", json!({})).await);
    let first = sign(&admin, server, &office, version(1, "contract-17", Some(0))).await.ok(201);
    assert_eq!((&first["version_of"]["version"], first["version_of"].get("supersedes")), (&json!(1), None));
    // The same thing signed by somebody else is the same version.
    let again = sign(&admin, server, &legal, version(1, "contract-17", None)).await.ok(201);
    assert_eq!(again["version_of"], first["version_of"]);
    let second = sign(&admin, server, &office, version(2, "contract-17", Some(1))).await.ok(201);
    assert_eq!(second["version_of"]["supersedes"], json!({ "version": 1, "digest": digest(1) }));
    let id = &second["version_of"]["document"];
    let shown = chain(&admin, &server.acme, id).await.ok(200);
    assert_eq!((&shown["name"], &shown["newest"]), (&json!("contract-17"), &json!({ "version": 2, "digest": digest(2) })));
    let line_of = |number, at, signer: &str| (number, digest(at), signer.to_owned());
    assert_eq!(line(&shown), [line_of(2, 2, "office"), line_of(1, 1, "legal"), line_of(1, 1, "office")]);
    let path = server.acme.path(&format!("/documents/{}", text(id)));
    let page = admin.get(&format!("{path}?limit=2")).await.ok(200);
    assert_eq!(line(&admin.get(&format!("{path}?limit=2&before={}", page["next"])).await.ok(200)), [line_of(1, 1, "office")]);
    // What is withdrawn shows.
    let withdraw = server.acme.path(&format!("/signatures/{}/withdraw", text(&second["id"])));
    let withdrawn = admin.post(&withdraw, json!({ "reason": "the wrong annex" })).await.ok(200);
    assert_eq!(chain(&admin, &server.acme, id).await.ok(200)["items"][0]["signature"]["withdrawn_by"], withdrawn["event"]["id"]);
    // Whoever did not look does not supersede, and one of a hundred is no version.
    assert_eq!(codes(&sign(&admin, server, &office, version(3, "contract-17", Some(1))).await), ["version-superseded"]);
    assert_eq!(codes(&sign(&admin, server, &office, version(2, "contract-17", Some(2))).await), ["version-same"]);
    let mut two = version(4, "contract-17", None);
    two["documents"] = json!([{ "digest": digest(4) }, { "digest": digest(5) }]);
    assert_eq!(codes(&sign(&admin, server, &office, two).await), ["version-alone"]);
    for bad in ["", "a\u{1b}b", &"x".repeat(256)] {
        sign(&admin, server, &office, version(4, bad, None)).await.problem(422, "invalid");
    }
    assert_eq!(line(&chain(&admin, &server.acme, id).await.ok(200)).len(), 3, "nothing of that was kept");
    // What an act made is in its event.
    let told = events(server, "signature.create").await;
    let told: Vec<_> = told.iter().map(|entry| &entry["event"]["detail"]["version_of"]).collect();
    assert_eq!(told, [&second["version_of"], &first["version_of"], &first["version_of"]]);
}

async fn two_tenants_documents_of_one_name_are_two(server: &TestServer) {
    let ours = server.signer(&server.acme, "office", json!({})).await;
    let theirs = server.signer(server.in_brava(), "office", json!({})).await;
    let (acme, brava) = (server.as_(&server.acme.admin), server.as_(&server.brava.admin));
    let ours = sign(&acme, server, &ours, version(1, "contract-17", None)).await.ok(201)["version_of"].clone();
    let path = server.brava.path(&format!("/signers/{theirs}/signatures"));
    let theirs = brava.post(&path, version(2, "contract-17", Some(0))).await.ok(201)["version_of"].clone();
    assert_ne!(ours["document"], theirs["document"]);
    for (client, tenant, own, other) in [(&acme, &server.acme, &ours, &theirs), (&brava, &server.brava, &theirs, &ours)] {
        chain(client, tenant, &other["document"]).await.problem(404, "not-found");
        for query in ["", "?name=contract-17"] {
            let listed = client.get(&tenant.path(&format!("/documents{query}"))).await.ok(200);
            let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
            assert_eq!(ids, [&own["document"]]);
        }
        assert_eq!(client.get(&tenant.path("/documents?name=contract-18")).await.ok(200)["items"], json!([]));
    }
}

async fn of_versions_that_race_each_follows_another(server: &TestServer) {
    let name = server.signer(&server.acme, "office", json!({})).await;
    let nodes = [server.node(), server.second_node().await];
    let path = server.acme.path(&format!("/signers/{name}/signatures"));
    let race = async |supersedes: Option<u32>, numbers: std::ops::Range<usize>| {
        let tasks: Vec<_> = numbers
            .map(|number| {
                let (client, path) = (nodes[number % 2].as_(&server.acme.admin), path.clone());
                tokio::spawn(async move { client.post(&path, version(number, "contract-17", supersedes)).await })
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    };
    let mut followed: Vec<_> = race(None, 0..6).await.iter().map(|answer| answer.ok(201)["version_of"].clone()).collect();
    followed.sort_by_key(|version| version["version"].as_u64());
    for (version, before) in (1_u64..).zip(&followed) {
        assert_eq!(before["version"], version);
        assert_eq!(before["document"], followed[0]["document"]);
    }
    let supersedes: Vec<_> = followed.iter().filter_map(|version| version["supersedes"]["version"].as_u64()).collect();
    assert_eq!(supersedes, [1, 2, 3, 4, 5], "each once: no fork");
    // Of those who say what they supersede one wins, and the others hear of it.
    let (won, lost): (Vec<_>, Vec<_>) = race(Some(6), 10..14).await.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 3));
    assert!(lost.iter().all(|answer| codes(answer) == ["version-superseded"]));
}

fn said<'a>(report: &'a Report, label: &str) -> Vec<&'a str> {
    report.said.iter().filter(|said| said.label == label).map(|said| said.text.as_str()).collect()
}

async fn evidence_tells_what_is_superseded_by_what(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let name = server.signer(&server.acme, "office", json!({})).await;
    let mut acts = Vec::new();
    for number in 1..=4 {
        acts.push(sign(&admin, server, &name, version(number, "contract-17", None)).await.ok(201)["event"]["id"].clone());
    }
    server.run_jobs().await;
    let trust = admin.get(&server.acme.path("/trust")).await.ok(200);
    let known = Known::parse(&serde_json::to_vec(&trust).unwrap()).unwrap();
    let bundle =
        async |act: &Value, view: &str| admin.get(&server.acme.path(&format!("/events/{}/evidence?view={view}", text(act)))).await.ok(200);
    let verified = |bundle: &Value| verify_bundle(&serde_json::to_vec(bundle).unwrap(), Some(&known), None);
    for view in ["full", "auditor", "partner"] {
        let report = verified(&bundle(&acts[1], view).await);
        assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "{view}: {report:#?}");
        assert_eq!(said(&report, "document"), ["contract-17, version 2"]);
        assert!(said(&report, "supersedes")[0].starts_with(&format!("version 1, {}", digest(1))), "{report:#?}");
        let superseded: Vec<_> = said(&report, "superseded").iter().map(|text| text[..text.find(',').unwrap()].to_owned()).collect();
        assert_eq!(superseded, ["by version 3", "by version 4"], "{view}");
    }
    let newest = bundle(&acts[3], "full").await;
    let report = verified(&newest);
    assert_eq!((report.verdict, said(&report, "superseded").len(), said(&report, "later").len()), (Verdict::Valid, 0, 0), "{report:#?}");
    let first = bundle(&acts[0], "full").await;
    assert_eq!(said(&verified(&first), "supersedes"), [""; 0]);
    // The version before it cannot be left out, nor another stand for it, nor one of another place in the line for a later one.
    let fault = |bundle: &Value| verified(bundle).faults.first().map(|fault| fault.code);
    let mut bare = newest.clone();
    bare["lineage"].as_array_mut().unwrap().retain(|proof| !proof["opened"]["event"].as_str().unwrap().contains("\"signature.create\""));
    assert_eq!(fault(&bare), Some("version"));
    let mut other = newest.clone();
    other["lineage"].as_array_mut().unwrap().retain(|proof| !proof["opened"]["event"].as_str().unwrap().contains("\"signature.create\""));
    other["lineage"].as_array_mut().unwrap().push(bundle(&acts[1], "full").await["act"].clone());
    assert_eq!(fault(&other), Some("version"));
    let mut earlier = newest;
    earlier["later"] = json!([first["act"]]);
    assert_eq!(fault(&earlier), Some("later"));
}

on_both_engines!(
    a_document_has_one_line_of_versions,
    two_tenants_documents_of_one_name_are_two,
    of_versions_that_race_each_follows_another,
    evidence_tells_what_is_superseded_by_what,
);
