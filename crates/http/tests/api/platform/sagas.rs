//! Sagas that are interrupted half-way, by a key provider that does not answer, are taken to their end later.

use chancery_domain::TenantId;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than the request that began a saga may take.
const LATER: Duration = Duration::from_secs(30);

async fn create(server: &TestServer, key: &str) -> chancery_testkit::Answer {
    server.as_(&server.operator).once(key).post("/v1/platform/tenants", json!({"slug": "carol-ltd"})).await
}

async fn carol(server: &TestServer) -> Value {
    let register = server.as_(&server.operator).get("/v1/platform/tenants").await.ok(200);
    register["items"].as_array().unwrap().iter().find(|item| item["slug"] == "carol-ltd").expect("she is registered").clone()
}

/// The tenant can be used: somebody is invited, enrols and makes an issuer.
async fn is_whole(server: &TestServer) {
    let carol = carol(server).await;
    assert_eq!(carol["status"], "active");
    let id = carol["id"].as_str().unwrap();
    let invited = server.as_(&server.operator).post(&format!("/v1/platform/tenants/{id}/invite"), json!({})).await.ok(201);
    let (_, _, admin) = server.enrol(invited["enrolment_token"].as_str().unwrap(), "Carol").await;
    let issuer = json!({"name": "Carol", "permitted_names": ["dns:*.carol.example"]});
    server.as_(&admin).post(&format!("/v1/tenants/{id}/issuers"), issuer).await.ok(201);
    let made = server.log(&admin, id).await.into_iter().filter(|entry| entry["event"]["act"] == "tenant.create").count();
    assert_eq!(made, 1, "she is made once");
    let platform = server.log(&server.operator, &TenantId::PLATFORM.to_string()).await;
    let of_hers =
        |act: &str| platform.iter().filter(|entry| entry["event"]["act"] == act && entry["event"]["detail"]["tenant"] == id).count();
    assert_eq!((of_hers("tenant.create"), of_hers("tenant.settle")), (1, 1));
}

async fn a_creation_is_resumed_by_its_job(server: &TestServer) {
    server.keys.fail_next_creations(1);
    let problem = create(server, "c").await;
    assert_eq!(problem.header("retry-after"), "1");
    problem.problem(503, "unavailable");
    assert_eq!(carol(server).await["status"], "creating");
    server.run_jobs().await;
    assert_eq!(carol(server).await["status"], "creating", "the job leaves the request its time");
    server.pass(LATER).await;
    is_whole(server).await;
}

async fn a_creation_is_resumed_when_a_node_starts(server: &TestServer) {
    // Between the wrapping keys and the hierarchy under them.
    server.keys.fail_next_wraps(1);
    create(server, "c").await.problem(503, "unavailable");
    server.below(async |_| {}).await;
    assert_eq!(server.node().service.resume_sagas().await.unwrap(), 1);
    assert_eq!(server.node().service.resume_sagas().await.unwrap(), 0);
    is_whole(server).await;
    server.pass(LATER).await;
}

async fn a_creation_is_resumed_by_its_repetition(server: &TestServer) {
    server.keys.fail_next_wraps(3);
    for _ in 0..3 {
        create(server, "c").await.problem(503, "unavailable");
    }
    let created = create(server, "c").await.ok(201);
    assert_eq!(created["tenant"]["status"], "active");
    assert!(created.get("enrolment_token").is_none());
    is_whole(server).await;
    server.pass(LATER).await;
}

async fn a_job_that_fails_comes_back(server: &TestServer) {
    server.keys.fail_next_creations(2);
    create(server, "c").await.problem(503, "unavailable");
    server.pass(LATER).await;
    assert_eq!(carol(server).await["status"], "creating");
    server.pass(Duration::from_secs(60)).await;
    is_whole(server).await;
}

async fn a_suspension_is_resumed_and_half_way_nobody_acts(server: &TestServer) {
    let turn =
        async |verb: &str| server.as_(&server.operator).post(&format!("/v1/platform/tenants/{}/{verb}", server.acme.id), json!({})).await;
    let status =
        async || server.as_(&server.operator).get(&format!("/v1/platform/tenants/{}", server.acme.id)).await.ok(200)["status"].clone();
    let second = server.second_node().await;
    for (verb, half_way, end) in [("suspend", "suspending", "suspended"), ("resume", "resuming", "active")] {
        server.keys.fail_next_unwraps(1);
        turn(verb).await.problem(503, "unavailable");
        assert_eq!(status().await, half_way);
        turn("suspend").await.problem(409, "conflict");
        turn("resume").await.problem(409, "conflict");
        server.pass(LATER).await;
        assert_eq!(status().await, end);
        let answer = second.as_(&server.acme.admin).get(&server.acme.path("/profiles")).await;
        assert_eq!(answer.status.as_u16(), if end == "active" { 200 } else { 403 });
    }
    let log = server.events(&server.acme).await;
    for act in ["tenant.suspend", "tenant.resume"] {
        assert_eq!(log.iter().filter(|entry| entry["event"]["act"] == act).count(), 1, "{act}");
    }
}

on_both_engines!(
    a_creation_is_resumed_by_its_job,
    a_creation_is_resumed_when_a_node_starts,
    a_creation_is_resumed_by_its_repetition,
    a_job_that_fails_comes_back,
    a_suspension_is_resumed_and_half_way_nobody_acts,
);
