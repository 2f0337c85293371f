//! I7: foreign is missing. The matrix of every operation, every id that it takes, and everybody who might try, from the OpenAPI
//! document and the router; docs/matrices.md says how many cells that are.

use crate::operations::{Called, Ids, everything, objects, operations};
use chancery_domain::TenantId;
use chancery_domain::port::Entropy;
use chancery_keys::Token;
use chancery_testkit::account_key::registration;
use chancery_testkit::matrix::{Actor, ForeignCell, Kind, Operation, Place, Silence, Value as Put, foreign_cells, role_cells};
use chancery_testkit::{Answer, TestServer, TestTenant, on_both_engines};
use serde_json::{Value, json};

const MISSING: &str = "0190a000-0000-7000-8000-000000000001";

/// Status, headers and body of an answer without what names the request, its event, or the id as it was sent.
fn shape(answer: &Answer, sent: &str) -> (u16, Vec<(String, String)>, String) {
    let mut text = answer.text();
    if let Ok(Value::Object(mut body)) = serde_json::from_str(&text) {
        let id = body.remove("request_id");
        assert!(id.is_none_or(|id| id == answer.header("x-request-id")));
        text = Value::Object(body).to_string();
    }
    let headers = answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    // The length is that of a body which is compared itself.
    let headers = headers.filter(|(name, _)| !["x-request-id", "chancery-event", "content-length"].contains(&name.as_str())).collect();
    (answer.status.as_u16(), headers, text.replace(&format!("\"{sent}\""), "the id"))
}

/// A row in which the actor's own id is answered as others are, and why it may.
type Silent<'a> = ((String, &'a str, Actor), Option<Silence>);

/// Everybody, with what is their own.
struct Cast {
    suspended: TestTenant,
    of_brava: Ids,
    of_suspended: Ids,
    of_acme: Ids,
    of_platform: Ids,
    tokens: Vec<(Actor, String)>,
}

async fn cast(server: &TestServer) -> Cast {
    let suspended = server.tenant("cedar-works").await;
    // What is foreign is made in one go: as places in a listing these ids lie between the same rows of the caller.
    let (mut of_brava, mut of_suspended) = (objects(server, server.in_brava()).await, objects(server, &suspended).await);
    for (tenant, ids, name) in [(&server.brava, &mut of_brava, "brava-only"), (&suspended, &mut of_suspended, "cedar-only")] {
        let mut profile: Value = serde_json::from_str(&ids["profile-body"]).unwrap();
        profile["name"] = name.into();
        server.as_(&tenant.admin).post(&tenant.path("/profiles"), profile).await.ok(201);
        ids.insert("profile", name.to_owned());
    }
    server.as_(&server.operator).post(&format!("/v1/platform/tenants/{}/suspend", suspended.id), json!({})).await.ok(200);
    // What stands behind the caller's own place in a listing, and not behind the foreign ones.
    server.certificate(&server.acme, "earlier").await;
    let earlier = server.signer(&server.acme, "earlier", json!({})).await;
    let earlier = server.version(&server.acme, &earlier, "earlier").await;
    let hold = server.acme.path(&format!("/signatures/{}/holds", earlier["id"].as_str().unwrap()));
    server.as_(&server.acme.admin).post(&hold, json!({"name": "earlier", "reason": "somebody asks"})).await.ok(201);
    let mut of_acme = objects(server, &server.acme).await;
    // What is removed is missing from then on; these stay, whoever tries.
    of_acme.extend([
        ("theirs", of_acme["issuer"].clone()),
        ("taken", of_acme["certificate"].clone()),
        ("free-role", of_acme["own-role"].clone()),
    ]);
    let mut tokens = vec![(Actor::Suspended, suspended.admin.clone())];
    let of_platform = platform(server, &of_acme).await;
    for actor in Actor::all() {
        if let Actor::Role(role) = actor {
            let token = match actor.is_of_the_platform() {
                true => of_platform[role.as_str()].clone(),
                false => server.account(&server.acme, role.as_str()).await.1,
            };
            tokens.push((actor, token));
        }
    }
    Cast { suspended, of_brava, of_suspended, of_acme, of_platform, tokens }
}

/// What the platform has of its own, its two roles' tokens under their names; nothing is issued there.
pub(crate) async fn platform(server: &TestServer, of_acme: &Ids) -> Ids {
    let (mut ids, operator) = (of_acme.clone(), server.as_(&server.operator));
    let accounts = format!("/v1/tenants/{}/accounts", TenantId::PLATFORM);
    for role in ["operator", "support"] {
        let account = operator.post(&accounts, json!({"name": role, "roles": [role]})).await.ok(201);
        let account = account["id"].as_str().unwrap().to_owned();
        let token = operator.post(&format!("{accounts}/{account}/tokens"), json!({})).await.ok(201);
        ids.insert(role, token["token"].as_str().unwrap().to_owned());
        ids.insert(if role == "operator" { "operator-account" } else { "support-account" }, account);
    }
    // A tenant that nobody belongs to yet.
    let slug = format!("spare-{}", &ids["operator-account"][28..]);
    let spare = operator.post("/v1/platform/tenants", json!({"slug": slug})).await.ok(201);
    ids.insert("registered", spare["tenant"]["id"].as_str().unwrap().to_owned());
    let made = operator.post(&accounts, json!({"name": "Object", "roles": ["support"]})).await.ok(201);
    let [event, account] = [&made["event"]["id"], &made["id"]].map(|id| id.as_str().unwrap().to_owned());
    server.run_jobs().await;
    let token = operator.post(&format!("{accounts}/{account}/tokens"), json!({})).await.ok(201);
    let platform = TenantId::PLATFORM.to_string();
    let key = operator.post(&format!("{accounts}/{account}/keys"), registration(server, &platform, &account, "request").body).await.ok(201);
    ids.insert("key", key["id"].as_str().unwrap().to_owned());
    ids.insert("registration", registration(server, &platform, &account, "request").body.to_string());
    ids.insert("tenant", platform);
    ids.insert("token", token["id"].as_str().unwrap().to_owned());
    // In every listing what was made before is behind this place.
    ids.insert("cursor", account.clone());
    ids.insert("account", account);
    let colleague = operator.post(&accounts, json!({"name": "Colleague", "roles": ["support"]})).await.ok(201);
    ids.insert("colleague", colleague["id"].as_str().unwrap().to_owned());
    ids.insert("owner", ids["operator-account"].clone());
    ids.insert("event", event);
    ids.insert("role", "support".to_owned());
    ids
}

impl Cast {
    fn own(&self, actor: Actor) -> &Ids {
        match actor {
            Actor::Suspended => &self.of_suspended,
            actor if actor.is_of_the_platform() => &self.of_platform,
            _ => &self.of_acme,
        }
    }

    /// What the cell's actor is answered with this text for the cell's id.
    async fn put(&self, server: &TestServer, cell: &ForeignCell<'_>, text: &str) -> Answer {
        let token = self.tokens.iter().find(|(actor, _)| *actor == cell.actor);
        let client = token.map_or(server.anonymous(), |(_, token)| server.as_(token));
        cell.operation.call_with(client, self.own(cell.actor), cell.id, text).await
    }

    fn text(&self, cell: &ForeignCell<'_>) -> String {
        let name = cell.operation.key(cell.id);
        let of = |ids: &Ids, shard: &str| match cell.id.kind {
            // A shard is a number within an issuer, which every tenant has.
            Kind::Shard => shard.to_owned(),
            _ => ids.get(name).unwrap_or_else(|| panic!("say in operations.rs what a {name} is")).clone(),
        };
        match cell.value {
            Put::Foreign => of(&self.of_brava, "8"),
            Put::OfSuspended if cell.actor == Actor::Suspended => of(&self.of_acme, "9"),
            Put::OfSuspended => of(&self.of_suspended, "9"),
            Put::OtherRealm if cell.actor.is_of_the_platform() => of(&self.of_acme, "9"),
            Put::OtherRealm => of(&self.of_platform, "9"),
            Put::Malformed(text) => text.to_owned(),
            Put::Missing => match cell.id.kind {
                Kind::Shard => "7".to_owned(),
                Kind::Profile => "no-such-profile".to_owned(),
                Kind::Signer => "no-such-signer".to_owned(),
                Kind::File => "7.crl".to_owned(),
                Kind::Serial => "0".repeat(31) + "1",
                // A place next to the foreign one.
                Kind::Cursor => {
                    let foreign = of(&self.of_brava, "");
                    let last = if foreign.ends_with('0') { "1" } else { "0" };
                    format!("{}{last}", &foreign[..foreign.len() - 1])
                }
                _ => MISSING.to_owned(),
            },
        }
    }
}

/// The statuses that an answer may have.
fn allowed(cell: &ForeignCell<'_>) -> &'static [u16] {
    let public = !cell.operation.path.starts_with("/v1/");
    match (cell.actor, cell.id.place) {
        (_, Place::Path) if public => &[404],
        (Actor::Nobody, _) => &[401],
        (Actor::Suspended, _) => &[403],
        (_, Place::Path) => &[404],
        (actor, _) if cell.operation.is_of_the_platform() && !actor.is_of_the_platform() => &[404],
        // Nothing is issued on the platform, so what else the address names may be missing there.
        (actor, _) if actor.is_of_the_platform() => &[200, 400, 403, 404, 422],
        // A list tells of each, a search finds none; without the right there is nothing to be told.
        (_, Place::Query | Place::Body { .. }) => &[200, 400, 403, 422],
    }
}

async fn foreign_missing_and_malformed_ids_are_answered_alike(server: &TestServer) {
    let operations = everything(server).await;
    let (cells, roles, cast) = (foreign_cells(&operations), role_cells(&operations), cast(server).await);
    let before = server.acts_in_brava().await.len();
    let (mut rows, mut silent) = (0, Vec::new());
    for row in cells.chunk_by(|one, other| one.row() == other.row()) {
        let mut answers = Vec::new();
        for cell in row {
            let text = cast.text(cell);
            let answer = cast.put(server, cell, &text).await;
            let what = format!("{:?} puts {:?} ({text}) for {} of {}", cell.actor, cell.value, cell.id.name, cell.operation.name());
            let shape = shape(&answer, &text);
            assert!(allowed(cell).contains(&shape.0), "{what}: {}", answer.text());
            let tells = shape.2.contains("brava") || shape.2.contains("cedar");
            assert!(!tells || cell.actor.is_of_the_platform(), "{what}: {}", answer.text());
            answers.push((what, shape));
        }
        for (what, shape) in &answers {
            assert_eq!(*shape, answers[0].1, "{what}, and\n{}", answers[0].0);
        }
        // The control: the actor's own id is something else.
        let own = cast.own(row[0].actor)[row[0].operation.key(row[0].id)].clone();
        let control = shape(&cast.put(server, &row[0], &own).await, &own);
        if control == answers[0].1 {
            silent.push((row[0].row(), row[0].silence(&roles)));
        }
        rows += 1;
    }
    let legitimate = cells.chunk_by(|one, other| one.row() == other.row());
    let legitimate = legitimate.map(|row| (row[0].row(), row[0].silence(&roles))).filter(|(_, silence)| silence.is_some());
    let legitimate: Vec<_> = legitimate.collect();
    let only =
        |one: &[Silent], other: &[Silent]| one.iter().filter(|row| !other.contains(row)).map(|row| format!("{row:?}")).collect::<Vec<_>>();
    assert_eq!(only(&silent, &legitimate), [""; 0], "the actor's own id is answered like any other, so these rows prove nothing");
    assert_eq!(only(&legitimate, &silent), [""; 0], "the actor's own id is told from others, although it should be nothing to the actor");
    assert!(rows > 500);
    is_golden(&format!("| foreign ids (I7) | {} |", cells.len()));
    nobody_was_told(server, &cast, before).await;
}

/// A whole address of somebody else, each id in it real: nothing may stand there, whichever operation it is.
async fn whole_addresses_of_others_are_missing(server: &TestServer) {
    let cast = cast(server).await;
    let before = server.acts_in_brava().await.len();
    let admin = || server.as_(&server.acme.admin);
    let mut called = 0;
    for operation in operations(server).await.iter().filter(|operation| operation.path.contains("{tenant}")) {
        let nowhere = Ids::from_iter(cast.of_acme.clone().into_iter().chain([("tenant", MISSING.to_owned())]));
        let missing = shape(&operation.call(admin(), &nowhere).await, "");
        assert_eq!(missing.0, 404, "{}", operation.name());
        for (whose, theirs) in [("brava", &cast.of_brava), ("suspended", &cast.of_suspended), ("platform", &cast.of_platform)] {
            assert_eq!(shape(&operation.call(admin(), theirs).await, ""), missing, "{} of {whose}", operation.name());
        }
        // An operator is nobody in a tenant.
        let operator = operation.call(server.as_(&server.operator), &cast.of_brava).await;
        assert_eq!(shape(&operator, ""), missing, "{} by an operator", operation.name());
        called += 1;
    }
    assert!(called > 40);
    nobody_was_told(server, &cast, before).await;
}

/// The number of cells that were gone through is the one that docs/matrices.md says.
pub(crate) fn is_golden(row: &str) {
    let golden = include_str!("../../../../docs/matrices.md");
    assert!(golden.contains(row), "docs/matrices.md lacks {row}: run `cargo xtask generate` and read the difference");
}

async fn nobody_was_told(server: &TestServer, cast: &Cast, before: usize) {
    assert_eq!(server.acts_in_brava().await.len(), before, "the target's log tells of it");
    server.as_(&server.operator).post(&format!("/v1/platform/tenants/{}/resume", cast.suspended.id), json!({})).await.ok(200);
    let log = server.events(&cast.suspended).await;
    let suspended = log.iter().position(|entry| entry["event"]["act"] == "tenant.suspend").unwrap();
    assert!(log[..suspended].iter().all(|entry| entry["event"]["actor"]["kind"] != "account"), "the suspended tenant's log tells of it");
    let log = server.events(&server.acme).await;
    let foreign = log.iter().filter(|entry| entry["event"]["detail"]["cause"] == "foreign-tenant").count();
    assert!(foreign >= 20, "the callers' own log has the first of them: {foreign}");
}

async fn without_a_credential_nothing_answers(server: &TestServer) {
    let ids = objects(server, &server.acme).await;
    let gone = revoked(server).await;
    for operation in operations(server).await {
        operation.call(server.anonymous(), &ids).await.problem(401, "unauthenticated");
        // Whether the tenant exists is not to be seen either.
        let nowhere = Ids::from_iter(ids.clone().into_iter().chain([("tenant", MISSING.to_owned()), ("registered", MISSING.to_owned())]));
        operation.call(server.anonymous(), &nowhere).await.problem(401, "unauthenticated");
        for token in ["x", "", &gone, &server.acme.admin[..40], &of_nobody(&server.acme.admin)] {
            let answer = operation.call(server.as_(token), &ids).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            answer.problem(401, "unauthenticated");
        }
    }
}

async fn revoked(server: &TestServer) -> String {
    let (account, token) = server.account(&server.acme, "viewer").await;
    let path = server.acme.path(&format!("/accounts/{account}"));
    let tokens = server.as_(&server.acme.admin).get(&path).await.ok(200)["tokens"].clone();
    let revoke = format!("{path}/tokens/{}/revoke", tokens[0]["id"].as_str().unwrap());
    server.as_(&server.acme.admin).post(&revoke, json!({})).await.ok(200);
    token
}

/// A well-formed token that nobody was ever given: another secret, and the checksum that goes with it.
fn of_nobody(token: &str) -> String {
    let real = Token::parse(token).unwrap();
    Token::generate(real.kind(), real.tenant(), real.id(), &Fixed).expose().to_string()
}

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

// THREATS 3: one verb further.
async fn other_verbs_answer_the_same_everywhere(server: &TestServer) {
    let theirs = objects(server, server.in_brava()).await;
    let all = everything(server).await;
    for operation in &all {
        for verb in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"] {
            if all.iter().any(|other| other.path == operation.path && other.method == verb) {
                continue;
            }
            let other = Operation { method: verb.to_owned(), ..operation.clone() };
            for client in [server.anonymous(), server.as_(&server.acme.admin)] {
                other.call(client, &theirs).await.problem(405, "method");
            }
        }
    }
}

on_both_engines!(
    foreign_missing_and_malformed_ids_are_answered_alike,
    whole_addresses_of_others_are_missing,
    without_a_credential_nothing_answers,
    other_verbs_answer_the_same_everywhere,
);
