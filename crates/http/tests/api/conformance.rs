//! The OpenAPI document tells the truth: what it does not allow is refused, what is answered stands in it, and nothing is a
//! fault of the server.

use crate::operations::objects;
use chancery_testkit::schemathesis::{Trial, run};
use chancery_testkit::{TestServer, on_both_engines};

async fn answers_are_as_documented(server: &TestServer) {
    let address = server.node().listen().await;
    let ids = objects(server, &server.acme).await;
    // The account is another one than the caller's, which would lock itself out.
    let fixed = ["tenant", "account", "token", "certificate", "order", "issuer", "profile"].map(|name| (name, ids[name].as_str()));
    let trial = Trial { server: address, token: &server.acme.admin, paths: "^/v1/tenants", fixed: &fixed, examples: 10, stateful: false };
    let in_tenant = run(&trial).await.requests;
    let elsewhere = run(&Trial { token: &server.operator, paths: "^/v1/(platform|enrol)", fixed: &[], ..trial }).await.requests;
    assert!(in_tenant > 500 && elsewhere > 50, "{in_tenant} and {elsewhere} requests");
    server.as_(&server.acme.admin).get(&server.acme.path("/certificates")).await.ok(200);
}

/// The same of requests that take what answers before them named.
async fn answers_are_as_documented_after_what_went_before(server: &TestServer) {
    let address = server.node().listen().await;
    let ids = objects(server, &server.acme).await;
    let fixed = ["tenant", "account"].map(|name| (name, ids[name].as_str()));
    let trial = Trial { server: address, token: &server.acme.admin, paths: "^/v1/tenants", fixed: &fixed, examples: 150, stateful: true };
    let tried = run(&trial).await;
    assert!(tried.requests > 500 && tried.links >= 10, "{tried:?}");
    // The caller was not locked out on the way.
    server.as_(&server.acme.admin).get(&server.acme.path("/certificates")).await.ok(200);
}

on_both_engines!(answers_are_as_documented, answers_are_as_documented_after_what_went_before);
