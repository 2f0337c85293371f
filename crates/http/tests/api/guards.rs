//! Guards that stand one behind the other, each tried alone: what the first would stop is brought past it (I1, I2, I7).

use chancery_app::{Caller, CertificateSearch, Failure, Page};
use chancery_domain::action::Action;
use chancery_domain::port::Entropy;
use chancery_domain::{TenantId, TokenId};
use chancery_keys::{KekKind, Token};
use chancery_testkit::{Node, TestServer, TestTenant, on_both_engines};
use serde_json::{Value, json};
use std::time::Duration;

/// As long as a realm is held without a look at its epoch.
const LEASE: Duration = Duration::from_secs(4);

async fn caller(server: &TestServer, token: &str) -> Caller {
    server.node().service.authenticate(token, "request".to_owned()).await.unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn first<Id>() -> Page<Id> {
    Page { before: None, limit: 1 }
}

async fn turn(server: &TestServer, id: &str, verb: &str) {
    server.as_(&server.operator).post(&format!("/v1/platform/tenants/{id}/{verb}"), json!({})).await.ok(200);
}

/// How often keys of the tenant were unwrapped, as its log has it.
async fn unwraps(server: &TestServer, tenant: &TestTenant) -> usize {
    server.events(tenant).await.iter().filter(|entry| entry["event"]["act"] == "keys.unwrap").count()
}

// The paths keep each realm's people out of the other's; so do the permits and the register.
async fn use_cases_refuse_by_themselves_whom_the_paths_keep_out(server: &TestServer) {
    let service = server.node().service;
    let (operator, admin) = (caller(server, &server.operator).await, caller(server, &server.acme.admin).await);
    let forbids = |result: Result<(), Failure>, action| assert!(matches!(result, Err(Failure::Forbidden(it)) if it == action), "{action}");
    forbids(service.certificates(&operator, &CertificateSearch::default(), first()).await.map(drop), Action::CertificateRead);
    forbids(service.issuers(&operator).await.map(drop), Action::IssuerRead);
    forbids(service.orders(&operator, first()).await.map(drop), Action::OrderRead);
    forbids(service.profiles(&operator).await.map(drop), Action::ProfileRead);
    forbids(service.own_tenant(&operator).await.map(drop), Action::TenantRead);
    forbids(service.tenants(&admin, first()).await.map(drop), Action::RegistryRead);
    forbids(service.create_tenant(&admin, &"carol-ltd".parse().unwrap()).await.map(drop), Action::RegistryWrite);
    // Not even whether a tenant is registered is said.
    let other = server.brava.id.parse().unwrap();
    assert!(matches!(service.tenant(&admin, other).await, Err(Failure::NotFound)));
}

/// A new tenant without people: its id and its invitation.
async fn invited(server: &TestServer, slug: &str) -> (String, String) {
    let created = server.as_(&server.operator).post("/v1/platform/tenants", json!({"slug": slug})).await.ok(201);
    (text(&created["tenant"]["id"]).to_owned(), text(&created["enrolment_token"]).to_owned())
}

async fn enrol(server: &TestServer, token: &str) -> chancery_testkit::Answer {
    server.as_(token).post("/v1/enrol", json!({"name": "Carol"})).await
}

/// Changes the rows of one realm from below.
async fn below(server: &TestServer, realm: &str, sql: &str) {
    let id: TenantId = realm.parse().unwrap();
    server.below(async |raw| assert!(raw.change(realm, sql, &[id.as_bytes()]).await > 0, "{sql}")).await;
}

async fn an_invitation_is_kept_out_by_each_of_its_guards(server: &TestServer) {
    // Somebody belongs to the realm, though the invitation looks unused.
    let (realm, token) = invited(server, "carol-ltd").await;
    enrol(server, &token).await.ok(201);
    below(server, &realm, "UPDATE token SET ended_at = NULL WHERE tenant_id = ?1").await;
    enrol(server, &token).await.problem(401, "unauthenticated");
    // It was used up, though nobody belongs there.
    let (realm, token) = invited(server, "dora-inc").await;
    enrol(server, &token).await.ok(201);
    below(server, &realm, "DELETE FROM account WHERE tenant_id = ?1").await;
    enrol(server, &token).await.problem(401, "unauthenticated");
    // It is somebody's, so it is no invitation.
    let (realm, token) = invited(server, "emil-ag").await;
    below(server, &realm, "UPDATE token SET account_id = id WHERE tenant_id = ?1").await;
    enrol(server, &token).await.problem(401, "unauthenticated");
    // It is nobody's, and yet a bearer token is no invitation.
    let (realm, token) = invited(server, "fritz-kg").await;
    let bearer = text(&enrol(server, &token).await.ok(201)["token"]["token"]).to_owned();
    below(server, &realm, "UPDATE token SET account_id = NULL WHERE tenant_id = ?1").await;
    below(server, &realm, "DELETE FROM account WHERE tenant_id = ?1").await;
    enrol(server, &bearer).await.problem(401, "unauthenticated");
    // The tenant is suspended.
    let (realm, token) = invited(server, "gerda-se").await;
    turn(server, &realm, "suspend").await;
    enrol(server, &token).await.problem(401, "unauthenticated");
    turn(server, &realm, "resume").await;
    enrol(server, &token).await.ok(201);
}

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// The same token with another secret.
fn forged(token: &str) -> String {
    let token = Token::parse(token).unwrap();
    let id: TokenId = token.id();
    Token::generate(token.kind(), token.tenant(), id, &Sevens).expose().to_string()
}

async fn refused(node: &Node, server: &TestServer, token: &str) {
    node.as_(token).get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
}

async fn a_token_that_does_not_hold_opens_no_realm_and_no_opened_one(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let (account, revoked) = server.account(&server.acme, "viewer").await;
    let path = server.acme.path(&format!("/accounts/{account}"));
    let tokens = admin.get(&path).await.ok(200)["tokens"].clone();
    admin.post(&format!("{path}/tokens/{}/revoke", text(&tokens[0]["id"])), json!({})).await.ok(200);
    let minted = admin.post(&format!("{path}/tokens"), json!({"expires_in_seconds": 60})).await.ok(201);
    let expired = text(&minted["token"]).to_owned();
    server.pass(Duration::from_secs(60)).await;
    let (_, invitation) = invited(server, "carol-ltd").await;
    let before = unwraps(server, &server.acme).await;
    for token in [&forged(&server.acme.admin), &revoked, &expired] {
        refused(&server.second_node().await, server, token).await;
    }
    assert_eq!(unwraps(server, &server.acme).await, before, "nothing was unwrapped for them");
    // Where the realm is open for others, they are refused as well.
    let node = server.second_node().await;
    node.as_(&server.acme.admin).get(&server.acme.path("/profiles")).await.ok(200);
    for token in [&forged(&server.acme.admin), &revoked, &expired] {
        refused(&node, server, token).await;
    }
    // An invitation is no bearer token, and does not even open its realm.
    refused(&server.second_node().await, server, &invitation).await;
    let enrolled = enrol(server, &invitation).await.ok(201);
    let log = server.log(text(&enrolled["token"]["token"]), text(&enrolled["tenant"])).await;
    assert_eq!(log.iter().filter(|entry| entry["event"]["act"] == "keys.unwrap").count(), 1, "by the node that invited");
}

async fn a_token_lives_no_longer_than_it_may_in_what_is_cached(server: &TestServer) {
    let (account, _) = server.account(&server.acme, "viewer").await;
    let mint = server.acme.path(&format!("/accounts/{account}/tokens"));
    let minted = server.as_(&server.acme.admin).post(&mint, json!({"expires_in_seconds": 2})).await.ok(201);
    let token = text(&minted["token"]);
    let service = server.node().service;
    let caller = caller(server, token).await;
    assert!(service.export_page(&caller, &CertificateSearch::default(), None).await.is_ok());
    server.clock.advance(Duration::from_secs(2));
    // Within the lease: nothing is read again.
    server.as_(token).get(&server.acme.path("/profiles")).await.problem(401, "unauthenticated");
    // Nor does a request that began before go on.
    let page = service.export_page(&caller, &CertificateSearch::default(), None).await;
    assert!(matches!(page.map(drop), Err(Failure::Unauthenticated)));
}

async fn a_token_is_named_under_its_own_account(server: &TestServer) {
    let admin = server.as_(&server.acme.admin);
    let ((one, _), (other, _)) = (server.account(&server.acme, "viewer").await, server.account(&server.acme, "viewer").await);
    let tokens = admin.get(&server.acme.path(&format!("/accounts/{other}"))).await.ok(200)["tokens"].clone();
    let token = text(&tokens[0]["id"]);
    for verb in ["revoke", "rotate"] {
        let path = |account: &str| server.acme.path(&format!("/accounts/{account}/tokens/{token}/{verb}"));
        admin.post(&path(&one), json!({})).await.problem(404, "not-found");
    }
    let after = admin.get(&server.acme.path(&format!("/accounts/{other}"))).await.ok(200)["tokens"].clone();
    assert_eq!(after, tokens);
}

async fn a_suspension_holds_for_what_began_before_it_and_for_the_keys(server: &TestServer) {
    let second = server.second_node().await;
    let (account, token) = server.account(&server.acme, "viewer").await;
    second.as_(&server.acme.admin).get(&server.acme.path("/profiles")).await.ok(200);
    let reader = second.service.authenticate(&token, "request".to_owned()).await.unwrap();
    turn(server, &server.acme.id, "suspend").await;
    // The second node has its lease: the guard of the write-set stops it, and then it looks again.
    let disable = server.acme.path(&format!("/accounts/{account}/disable"));
    second.as_(&server.acme.admin).post(&disable, json!({})).await.problem(403, "suspended");
    server.clock.advance(LEASE);
    let page = second.service.export_page(&reader, &CertificateSearch::default(), None).await;
    assert!(matches!(page.map(drop), Err(Failure::Suspended)));
    // Nobody unwraps more than the log's keys of a suspended tenant.
    server.keys.forget_unwrapped();
    server.second_node().await.as_(&server.acme.admin).get(&server.acme.path("/profiles")).await.problem(403, "suspended");
    assert_eq!(server.keys.unwrapped(server.acme.id.parse().unwrap()), [KekKind::Log]);
    turn(server, &server.acme.id, "resume").await;
}

async fn a_key_stands_for_one_operation(server: &TestServer) {
    let [revoked, renewed] = [server.certificate(&server.acme, "www").await, server.certificate(&server.acme, "api").await];
    let client = server.as_(&server.acme.admin).once("k");
    let path = |certificate: &Value, verb| server.acme.path(&format!("/certificates/{}/{verb}", text(&certificate["id"])));
    client.post(&path(&revoked, "revoke"), json!({})).await.ok(200);
    // The body is the same.
    client.post(&path(&renewed, "renew"), json!({})).await.problem(422, "idempotency-key-reused");
    client.post(&path(&renewed, "revoke"), json!({})).await.problem(422, "idempotency-key-reused");
}

on_both_engines!(
    use_cases_refuse_by_themselves_whom_the_paths_keep_out,
    an_invitation_is_kept_out_by_each_of_its_guards,
    a_token_that_does_not_hold_opens_no_realm_and_no_opened_one,
    a_token_lives_no_longer_than_it_may_in_what_is_cached,
    a_token_is_named_under_its_own_account,
    a_suspension_holds_for_what_began_before_it_and_for_the_keys,
    a_key_stands_for_one_operation,
);
