//! Every documented operation, taken from the OpenAPI document and not from a list here: a new one is tested by itself,
//! or fails for want of what it needs.

use chancery_testkit::{Answer, Client, TestServer, TestTenant};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An operation of the document.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The names in the path's braces, in order.
    pub(crate) parameters: Vec<String>,
    /// The action that it needs; enrolment needs none.
    pub(crate) action: Option<String>,
    pub(crate) body: Option<String>,
}

/// What stands for each path parameter.
pub(crate) type Ids = BTreeMap<&'static str, String>;

/// All operations, in the order of the document.
pub(crate) async fn operations(server: &TestServer) -> Vec<Operation> {
    let document = server.anonymous().get("/openapi.json").await.ok(200);
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                parameters: path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned).collect(),
                action: operation["x-action"].as_str().map(str::to_owned),
                body: schema.is_object().then(|| schema["$ref"].as_str().unwrap_or("").rsplit('/').next().unwrap().to_owned()),
            });
        }
    }
    assert!(found.len() > 30, "the document is read");
    found
}

impl Operation {
    /// Whether it changes anything: a dry run does not, although it is a POST for the sake of its body.
    pub(crate) fn writes(&self) -> bool {
        self.method != "GET" && !self.path.ends_with("/dry-run")
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Its address with these ids.
    pub(crate) fn address(&self, ids: &Ids) -> String {
        self.parameters.iter().fold(self.path.clone(), |path, parameter| {
            let id = ids.get(parameter.as_str()).unwrap_or_else(|| panic!("say in operations.rs what a {parameter} is"));
            path.replace(&format!("{{{parameter}}}"), id)
        })
    }

    /// Calls it with a body that does what it is for.
    pub(crate) async fn call(&self, client: Client, ids: &Ids) -> Answer {
        let client = client.with("content-type", "application/json").with("if-match", "\"1\"");
        let mut body = self.body.as_deref().map(|schema| sample(schema, ids)).unwrap_or_default();
        if self.method == "POST" && self.path.ends_with("/profiles") {
            body["name"] = "sample-profile".into();
        }
        client.send(&self.method, &self.address(ids), if self.body.is_some() { body.to_string() } else { String::new() }).await
    }
}

pub(crate) fn sample(schema: &str, ids: &Ids) -> Value {
    match schema {
        "EnrolBody" => json!({"name": "Sample"}),
        "CreateTenantBody" => json!({"slug": format!("sample-{}", &ids["account"][28..])}),
        "EmptyBody" | "MintTokenBody" | "RotateTokenBody" | "RenewBody" => json!({}),
        "CreateAccountBody" => json!({"name": "Sample", "roles": ["viewer"]}),
        "CreateIssuerBody" => json!({"name": "Sample", "permitted_names": [ids["permitted"]]}),
        "IssueBody" => json!({"profile": "tls-server", "names": [ids["host"]], "issuer": ids["issuer"]}),
        "DryRunBody" => json!({"request": sample("IssueBody", ids), "draft": serde_json::from_str::<Value>(&ids["profile-body"]).unwrap()}),
        "BulkRevokeBody" => json!({"certificates": [ids["certificate"]], "reason": "superseded"}),
        "BulkRenewBody" => json!({"certificates": [ids["certificate"]]}),
        "RevokeBody" => json!({"reason": "superseded"}),
        // The one body without a schema: a profile.
        "" => serde_json::from_str::<Value>(&ids["profile-body"]).unwrap(),
        other => panic!("say in operations.rs what a good {other} is"),
    }
}

/// Real ids of a tenant: objects made for this, and its own token and account besides.
pub(crate) async fn objects(server: &TestServer, tenant: &TestTenant) -> Ids {
    let admin = server.as_(&tenant.admin);
    let account = admin.post(&tenant.path("/accounts"), json!({"name": "Object", "roles": ["viewer"]})).await.ok(201);
    let account = account["id"].as_str().unwrap().to_owned();
    let token = admin.post(&tenant.path(&format!("/accounts/{account}/tokens")), json!({})).await.ok(201);
    let certificate = server.certificate(tenant, "object").await;
    let id = certificate["id"].as_str().unwrap().to_owned();
    admin.post(&tenant.path(&format!("/certificates/{id}/private-key/fetch")), json!({})).await.ok(200);
    let profile = admin.get(&tenant.path("/profiles/tls-server")).await.ok(200);
    Ids::from([
        ("tenant", tenant.id.clone()),
        ("registered", tenant.id.clone()),
        ("account", account),
        ("token", token["id"].as_str().unwrap().to_owned()),
        ("certificate", id),
        ("order", certificate["order"].as_str().unwrap().to_owned()),
        ("issuer", tenant.issuer.clone()),
        ("shard", "0".to_owned()),
        ("profile", "tls-server".to_owned()),
        ("profile-body", profile["profile"].to_string()),
        ("permitted", format!("dns:{}", tenant.host("*"))),
        ("host", tenant.host("sample")),
    ])
}
