//! The OpenAPI document tells the truth: what it does not allow is refused, what is answered stands in it, and nothing is a
//! fault of the server.

use crate::operations::objects;
use chancery_testkit::schemathesis::{Trial, run};
use chancery_testkit::{TestServer, on_both_engines};

/// So many seeds are tried at most.
const SEEDS: u32 = 8;

async fn answers_are_as_documented(server: &TestServer) {
    let address = server.node().listen().await;
    let ids = objects(server, &server.acme).await;
    // The account is another one than the caller's, which would lock itself out.
    let fixed = ["tenant", "account", "token", "certificate", "order", "issuer", "profile"].map(|name| (name, ids[name].as_str()));
    let trial =
        Trial { server: address, token: &server.acme.admin, paths: "^/v1/tenants", fixed: &fixed, examples: 10, stateful: false, seed: 1 };
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
    let (mut requests, mut links) = (0, 0);
    // Some seeds make a few sequences only: as many are taken as it needs.
    for seed in 1..=SEEDS {
        let fixed = fixed.as_slice();
        let trial = Trial { server: address, token: &server.acme.admin, paths: "^/v1/tenants", fixed, examples: 150, stateful: true, seed };
        let tried = run(&trial).await;
        (requests, links) = (requests + tried.requests, links.max(tried.links));
        if requests > 500 && links >= 10 {
            break;
        }
    }
    assert!(requests > 500 && links >= 10, "{requests} requests, {links} links");
    // The caller was not locked out on the way.
    server.as_(&server.acme.admin).get(&server.acme.path("/certificates")).await.ok(200);
}

on_both_engines!(answers_are_as_documented, answers_are_as_documented_after_what_went_before);
