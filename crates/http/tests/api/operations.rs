//! Every documented operation, taken from the OpenAPI document and not from a list here: a new one is tested by itself,
//! or fails for want of what it needs.

use crate::isolation::platform;
use crate::tenants::pending;
use chancery_domain::profile::ProfileName;
use chancery_testkit::account_key::registration;
use chancery_testkit::csr::csr;
use chancery_testkit::matrix::{self, Id, Operation, Place};
use chancery_testkit::openssl::Openssl;
use chancery_testkit::signer::{signing_profile, timestamping_profile};
use chancery_testkit::stranger::{ExtendedKeyUsagePurpose, Stranger, Wanted};
use chancery_testkit::{Answer, Client, TestServer, TestTenant};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// What stands for each path parameter.
pub(crate) type Ids = BTreeMap<&'static str, String>;

/// All operations, in the order of the document.
pub(crate) async fn operations(server: &TestServer) -> Vec<Operation> {
    matrix::operations(&document(server).await, [])
}

/// All operations, and the addresses that the document does not have.
pub(crate) async fn everything(server: &TestServer) -> Vec<Operation> {
    let (document, addresses) = (document(server).await, server.node().addresses());
    let undocumented = addresses.iter().filter(|path| document["paths"].get(path).is_none());
    matrix::operations(&document, undocumented.map(String::as_str))
}

pub(crate) async fn document(server: &TestServer) -> Value {
    server.anonymous().get("/openapi.json").await.ok(200)
}

/// What tests do with an operation.
pub(crate) trait Called {
    /// Under which name its id stands among these.
    fn key<'a>(&self, id: &'a Id) -> &'a str;
    /// Its address with these ids.
    fn address(&self, ids: &Ids) -> String;
    /// Whether it changes anything: a dry run does not, although it is a POST for the sake of its body.
    fn writes(&self) -> bool;
    /// Whether it is about who may act and what they hold alone.
    fn is_of_people(&self) -> bool;
    /// Whether it is about how long things are kept and where, and so leaves what it is called on.
    fn keeps(&self) -> bool;
    /// Calls it with a body that does what it is for.
    async fn call(&self, client: Client, ids: &Ids) -> Answer;
    /// The same with this text for one of its ids.
    async fn call_with(&self, client: Client, ids: &Ids, id: &Id, text: &str) -> Answer;
}

impl Called for Operation {
    fn key<'a>(&self, id: &'a Id) -> &'a str {
        match id.name.rsplit('.').next().unwrap_or_default() {
            // What is not pending is nothing to these two.
            "issuer" if self.path.ends_with("/issuers/{issuer}/certificate") => "pending",
            "issuer" if self.path.ends_with("/issuers/{issuer}/abandon") => "unwanted",
            // Only what others signed is removed.
            "issuer" if self.path.ends_with("/issuers/{issuer}/remove") => "theirs",
            "certificate" if self.path.ends_with("/certificates/{certificate}/remove") => "taken",
            // Who gives timestamps is another signer than who signs.
            "signer" if self.path.ends_with("/timestamps") => "stamper",
            "timestamp_by" => "stamper",
            // Who was given an owner is a person no more.
            "account" if self.path.ends_with("/accounts/{account}/person") => "colleague",
            // It is there to be bound when the other was disabled.
            "account" if self.path.ends_with("/bindings") => "colleague",
            "certificates" => "certificate",
            "accounts" => "account",
            "profiles" => "profile",
            "signers" => "signer",
            "issuers" => "issuer",
            // Only one that nobody is bound to is removed.
            "role" if self.path.ends_with("/roles/{role}/remove") => "free-role",
            "role" => "own-role",
            "same_person_as" => "owner",
            name => name,
        }
    }

    fn address(&self, ids: &Ids) -> String {
        self.ids.iter().filter(|id| id.place == Place::Path).fold(self.path.clone(), |path, id| {
            let text = ids.get(self.key(id)).unwrap_or_else(|| panic!("say in operations.rs what a {} is", self.key(id)));
            path.replace(&format!("{{{}}}", id.name), text)
        })
    }

    fn writes(&self) -> bool {
        self.method != "GET" && !self.path.ends_with("/dry-run")
    }

    fn is_of_people(&self) -> bool {
        ["/accounts", "/roles", "/bindings", "/duty-conflicts"]
            .iter()
            .any(|of| self.path.starts_with(&format!("/v1/tenants/{{tenant}}{of}")))
    }

    fn keeps(&self) -> bool {
        self.path.contains("/holds") || self.path.contains("/archive") || self.path.ends_with("/retain")
    }

    async fn call(&self, client: Client, ids: &Ids) -> Answer {
        send(self, client, &self.address(ids), body(self, ids)).await
    }

    async fn call_with(&self, client: Client, ids: &Ids, id: &Id, text: &str) -> Answer {
        let (mut address, mut body) = (self.address(ids), body(self, ids));
        match id.place {
            Place::Path => {
                let other = ids.iter().map(|(name, own)| (*name, if *name == self.key(id) { text.to_owned() } else { own.clone() }));
                address = self.address(&other.collect());
                // The body names the profile of the address.
                if self.method == "PUT" && id.name == "profile" && text.parse::<ProfileName>().is_ok() {
                    body["name"] = text.into();
                }
            }
            Place::Query => address = format!("{address}?{}={text}", id.name),
            Place::Body { list } => {
                let (parents, field) = id
                    .name
                    .rsplit_once('.')
                    .map_or((String::new(), id.name.as_str()), |(parents, field)| (format!("/{}", parents.replace('.', "/")), field));
                let parent = body.pointer_mut(&parents).unwrap_or_else(|| panic!("say in operations.rs what stands at {parents}"));
                parent[field] = if list { json!([text]) } else { text.into() };
            }
        }
        send(self, client, &address, body).await
    }
}

async fn send(operation: &Operation, client: Client, address: &str, body: Value) -> Answer {
    if operation.path.ends_with("/timestamps") && operation.method == "POST" {
        return client.query(address, query()).await;
    }
    let client = client.with("content-type", "application/json").with("if-match", "\"1\"");
    client.send(&operation.method, address, if operation.body.is_some() { body.to_string() } else { String::new() }).await
}

/// A timestamp query over a digest of nothing in particular (RFC 3161 section 2.4.1).
fn query() -> Vec<u8> {
    let imprint = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    [b"\x30\x36\x02\x01\x01", imprint.as_slice(), &[7; 32]].concat()
}

fn body(operation: &Operation, ids: &Ids) -> Value {
    let mut body = operation.body.as_deref().map(|schema| sample(schema, ids)).unwrap_or_default();
    if operation.method == "POST" && operation.path.ends_with("/profiles") {
        body["name"] = "sample-profile".into();
    }
    body
}

pub(crate) fn sample(schema: &str, ids: &Ids) -> Value {
    match schema {
        "EnrolBody" => json!({"name": "Sample"}),
        "CreateTenantBody" => json!({"slug": format!("sample-{}", &ids["account"][28..])}),
        "EmptyBody" | "SuccessorBody" | "MintTokenBody" | "RotateTokenBody" | "RenewBody" => json!({}),
        "CreateAccountBody" => json!({"name": "Sample", "roles": [ids["role"]]}),
        "BindBody" => json!({"account": ids["colleague"], "role": ids["own-role"], "scope": {}}),
        "RolesBody" => json!({"roles": [ids["role"]]}),
        "RoleBody" => {
            static CALLS: AtomicU32 = AtomicU32::new(0);
            json!({"name": format!("sample-{}", CALLS.fetch_add(1, Ordering::Relaxed)), "actions": ["tenant:read"]})
        }
        "ConflictBody" => json!({"name": "Sample", "one": ["registry:write"], "other": ["event:read"]}),
        "OwnerBody" => json!({"owner": ids["owner"]}),
        "SamePersonBody" => json!({"same_person_as": ids["owner"]}),
        "RegisterKeyBody" => serde_json::from_str(&ids["registration"]).unwrap(),
        "CreateIssuerBody" => json!({"name": "Sample", "permitted_names": [ids["permitted"]]}),
        "IssueBody" => json!({"profile": "tls-server", "names": [ids["host"]], "issuer": ids["issuer"]}),
        "DryRunBody" => json!({"request": sample("IssueBody", ids), "draft": serde_json::from_str::<Value>(&ids["profile-body"]).unwrap()}),
        "Pkcs12Body" => json!({"password": "twelve characters"}),
        "SetArchiveBody" => json!({"destination": "folder"}),
        "PlaceHoldBody" => json!({"name": "sample", "reason": "somebody asks"}),
        "ReleaseHoldBody" => json!({"reason": "nobody asks any more"}),
        "RetainBody" => json!({"kept_until": "2100-01-01T00:00:00Z"}),
        "WithdrawBody" => json!({"reason": "the wrong build"}),
        "BulkRevokeBody" => json!({"certificates": [ids["certificate"]], "reason": "superseded"}),
        "BulkRenewBody" => json!({"certificates": [ids["certificate"]]}),
        "ImportBody" => json!({"bundle": ids["external"]}),
        "ChainBody" => json!({"chain": ids["chain"]}),
        "AnchorBody" => json!({"name": "Sample", "pem": ids["anchor"]}),
        "RevokeBody" => json!({"reason": "superseded"}),
        "CreateSignerBody" => {
            static CALLS: AtomicU32 = AtomicU32::new(0);
            let name = format!("sample-{}", CALLS.fetch_add(1, Ordering::Relaxed));
            json!({"name": name, "signing_profile": signing_profile(), "certify": certify(ids)})
        }
        "RollSignerBody" => json!({"certify": certify(ids)}),
        "SigningProfileDocument" => signing_profile(),
        "SignBody" => json!({"format": "raw", "documents": [{"digest": format!("sha-256:{}", "7f".repeat(32))}]}),
        "Profile" => serde_json::from_str::<Value>(&ids["profile-body"]).unwrap(),
        other => panic!("say in operations.rs what a good {other} is"),
    }
}

fn certify(ids: &Ids) -> Value {
    json!({"profile": "code-signing", "names": [ids["host"]], "issuer": ids["issuer"]})
}

/// The token of who may call the operation, and ids with which it succeeds: `there` are those of the first tenant, which what
/// changes anything gets anew.
pub(crate) async fn ready(server: &TestServer, operation: &Operation, there: &Ids) -> (String, Ids) {
    ready_in(server, operation, there, &server.acme).await
}

/// The same in this tenant.
pub(crate) async fn ready_in(server: &TestServer, operation: &Operation, there: &Ids, tenant: &TestTenant) -> (String, Ids) {
    let operator = server.as_(&server.operator);
    if operation.path == "/v1/enrol" {
        let invited = operator.post("/v1/platform/tenants", json!({"slug": "enrolling"})).await.ok(201);
        return (invited["enrolment_token"].as_str().unwrap().to_owned(), there.clone());
    }
    let ids = match operation.writes() {
        // A tenant has no room for as many issuers as there are operations.
        true if operation.is_of_people() => there.clone().into_iter().chain(people(server, tenant).await).collect(),
        // What a hold or an archive is put on is there still, in the first tenant.
        true if operation.keeps() && tenant.id == server.acme.id => {
            there.clone().into_iter().chain([("hold", held(server, tenant, &there["signature"]).await)]).collect()
        }
        true => objects(server, tenant).await,
        false => there.clone(),
    };
    if operation.path.ends_with("/enable") {
        let disable = operation.address(&ids).replace("/enable", "/disable");
        server.as_(&tenant.admin).post(&disable, json!({})).await.ok(200);
    }
    // It is there with all objects: whoever sets one anew ends it first.
    if operation.method == "POST" && operation.path.ends_with("/archive") {
        server.as_(&tenant.admin).post(&tenant.path("/archive/end"), json!({})).await.ok(200);
    }
    if operation.path.ends_with("/remove") {
        release_all(server, tenant).await;
    }
    if !operation.is_of_the_platform() {
        return (tenant.admin.clone(), ids);
    }
    let ids = platform(server, &ids).await;
    if operation.path.ends_with("/resume") {
        operator.post(&operation.address(&ids).replace("/resume", "/suspend"), json!({})).await.ok(200);
    }
    (server.operator.clone(), ids)
}

/// Real ids of a tenant: objects made for this, and its own token and account besides.
pub(crate) async fn objects(server: &TestServer, tenant: &TestTenant) -> Ids {
    let admin = server.as_(&tenant.admin);
    let mut ids = people(server, tenant).await;
    let account = ids["account"].clone();
    // One of its own: some of the operations retire it.
    let issuer = json!({"name": "Object", "permitted_names": [format!("dns:{}", tenant.host("*"))]});
    let issuer = admin.post(&tenant.path("/issuers"), issuer).await.ok(201);
    server.run_jobs().await;
    let certificate = server.certificate(tenant, "object").await;
    let id = certificate["id"].as_str().unwrap().to_owned();
    admin.post(&tenant.path(&format!("/certificates/{id}/private-key/fetch")), json!({})).await.ok(200);
    let profile = admin.get(&tenant.path("/profiles/tls-server")).await.ok(200);
    let [(pending, chain), (unwanted, _)] = [pending(server, tenant).await, pending(server, tenant).await];
    // With a key from elsewhere, which costs the tenant no certificate.
    let key = csr(&["release.partner.example"], false).key;
    let wanted = Wanted { key: Some(&key), purpose: Some(ExtendedKeyUsagePurpose::CodeSigning), ..Wanted::default() };
    let imported = json!({"private_key": key, "chain": Stranger::called("Elsewhere").certificate(&server.clock, &wanted)});
    let signer = format!("signer-{}", &account[28..]);
    let made = json!({"name": signer, "signing_profile": signing_profile(), "imported": imported});
    let made = admin.post(&tenant.path("/signers"), made).await.ok(201);
    let signature = server.version(tenant, &signer, &signer).await;
    let wanted = Wanted { purpose: Some(ExtendedKeyUsagePurpose::TimeStamping), ..wanted };
    let imported = json!({"private_key": key, "chain": Stranger::called("Elsewhere").certificate(&server.clock, &wanted)});
    let stamper = format!("time-{}", &account[28..]);
    let body = json!({"name": stamper, "signing_profile": timestamping_profile(), "imported": imported});
    admin.post(&tenant.path("/signers"), body).await.ok(201);
    let theirs = admin.post(&tenant.path("/trust-anchors"), json!({"name": "Theirs", "pem": anchor()})).await.ok(201);
    let foreign = || Stranger::called("Somebody").certificate(&server.clock, &Wanted::default());
    let taken = admin.post(&tenant.path("/certificates/import"), json!({"bundle": foreign()})).await.ok(200);
    let external = foreign();
    // One is enough for a tenant.
    admin.post(&tenant.path("/archive"), sample("SetArchiveBody", &Ids::new())).await;
    let hold = held(server, tenant, signature["id"].as_str().unwrap()).await;
    ids.extend([
        ("hold", hold),
        ("external", external),
        ("signer", signer),
        ("stamper", stamper),
        ("signer-id", made["id"].as_str().unwrap().to_owned()),
        ("signature", signature["id"].as_str().unwrap().to_owned()),
        ("document", signature["version_of"]["document"].as_str().unwrap().to_owned()),
        ("theirs", theirs["id"].as_str().unwrap().to_owned()),
        ("taken", taken["items"][0]["result"]["id"].as_str().unwrap().to_owned()),
        ("public", issuer["public_id"].as_str().unwrap().to_owned()),
        ("file", "ca.cer".to_owned()),
        ("serial", certificate["serial"].as_str().unwrap().to_owned()),
        ("cursor", id.clone()),
        ("registered", tenant.id.clone()),
        ("certificate", id),
        ("order", certificate["order"].as_str().unwrap().to_owned()),
        ("issuer", issuer["id"].as_str().unwrap().to_owned()),
        ("shard", "0".to_owned()),
        ("profile", "tls-server".to_owned()),
        ("profile-body", profile["profile"].to_string()),
        ("permitted", format!("dns:{}", tenant.host("*"))),
        ("host", tenant.host("sample")),
        ("anchor", anchor()),
        ("pending", pending),
        ("chain", chain),
        ("unwanted", unwanted),
    ]);
    ids
}

/// A hold on the signature.
async fn held(server: &TestServer, tenant: &TestTenant, signature: &str) -> String {
    let path = tenant.path(&format!("/signatures/{signature}/holds"));
    let hold = server.as_(&tenant.admin).post(&path, sample("PlaceHoldBody", &Ids::new())).await.ok(201);
    hold["id"].as_str().unwrap().to_owned()
}

/// Real ids of who may act in a tenant and of what they hold, made for this, and its own owner besides.
async fn people(server: &TestServer, tenant: &TestTenant) -> Ids {
    let admin = server.as_(&tenant.admin);
    let account = admin.post(&tenant.path("/accounts"), json!({"name": "Object", "roles": ["viewer"]})).await.ok(201);
    let (event, account) = (account["event"]["id"].as_str().unwrap().to_owned(), account["id"].as_str().unwrap().to_owned());
    let token = admin.post(&tenant.path(&format!("/accounts/{account}/tokens")), json!({})).await.ok(201);
    let colleague = admin.post(&tenant.path("/accounts"), json!({"name": "Colleague", "roles": ["viewer"]})).await.ok(201);
    let register = tenant.path(&format!("/accounts/{account}/keys"));
    let account_key = admin.post(&register, registration(server, &tenant.id, &account, "request").body).await.ok(201);
    let mut roles = Vec::new();
    for kind in ["bound", "free"] {
        let body = json!({"name": format!("{kind}-{}", &account[28..]), "actions": ["tenant:read"]});
        roles.push(admin.post(&tenant.path("/roles"), body).await.ok(201)["id"].as_str().unwrap().to_owned());
    }
    let [role, free_role] = <[String; 2]>::try_from(roles).unwrap();
    let body = json!({"account": account, "role": role, "scope": {"profiles": ["tls-server"]}});
    let binding = admin.post(&tenant.path("/bindings"), body).await.ok(201);
    // Nobody holds what exists on the platform alone, so this binds nobody.
    let body = json!({"name": "Object", "one": ["registry:write"], "other": ["event:read"]});
    let conflict = admin.post(&tenant.path("/duty-conflicts"), body).await.ok(201);
    Ids::from([
        ("registration", registration(server, &tenant.id, &account, "request").body.to_string()),
        ("key", account_key["id"].as_str().unwrap().to_owned()),
        ("account", account),
        ("event", event),
        ("token", token["id"].as_str().unwrap().to_owned()),
        ("owner", tenant.account.clone()),
        ("colleague", colleague["id"].as_str().unwrap().to_owned()),
        ("own-role", role),
        ("free-role", free_role),
        ("binding", binding["id"].as_str().unwrap().to_owned()),
        ("conflict", conflict["id"].as_str().unwrap().to_owned()),
        ("tenant", tenant.id.clone()),
        ("role", "viewer".to_owned()),
    ])
}

/// Releases the holds on everything of a tenant, which keep what would be removed.
pub(crate) async fn release_all(server: &TestServer, tenant: &TestTenant) {
    let admin = server.as_(&tenant.admin);
    let holds = admin.get(&tenant.path("/holds?limit=200")).await.ok(200);
    for hold in holds["items"].as_array().unwrap().iter().filter(|hold| hold["on"] == "tenant" && hold.get("released_at").is_none()) {
        let path = tenant.path(&format!("/holds/{}/release", hold["id"].as_str().unwrap()));
        admin.post(&path, sample("ReleaseHoldBody", &Ids::new())).await.ok(200);
    }
}

/// A root of somebody else's, another one each time.
fn anchor() -> String {
    let options = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -addext keyUsage=critical,keyCertSign";
    Openssl::new().must(&format!("req -x509 -new {options} -subj /CN=Theirs -days 3650"), b"")
}
