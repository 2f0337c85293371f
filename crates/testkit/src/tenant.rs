//! A tenant with an admin and an issuer.

use crate::TestServer;
use serde_json::{Value, json};

/// A tenant in use.
#[derive(Clone, Debug)]
pub struct TestTenant {
    /// Its id.
    pub id: String,
    /// Its slug; its issuer may issue for `dns:*.<slug>.example`.
    pub slug: String,
    /// Its first account.
    pub account: String,
    /// That account's token, with the role tenant-admin.
    pub admin: String,
    /// Its issuing authority.
    pub issuer: String,
    /// Its root.
    pub root: String,
}

impl TestTenant {
    /// An address within the tenant.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/tenants/{}{rest}", self.id)
    }

    /// A DNS name that its issuer may issue for.
    pub fn host(&self, label: &str) -> String {
        format!("{label}.{}.example", self.slug)
    }
}

impl TestServer {
    /// Makes a tenant through the API: registered by the operator, enrolled by its admin, with an issuer of its own.
    pub async fn tenant(&self, slug: &str) -> TestTenant {
        let created = self.as_(&self.operator).post("/v1/platform/tenants", json!({"slug": slug})).await.ok(201);
        let (id, account, admin) = self.enrol(text(&created["enrolment_token"]), "admin").await;
        let mut tenant = TestTenant { id, slug: slug.to_owned(), account, admin, issuer: String::new(), root: String::new() };
        let issuer = json!({"name": slug, "organization": slug, "permitted_names": [format!("dns:*.{slug}.example")]});
        let issuer = self.as_(&tenant.admin).post(&tenant.path("/issuers"), issuer).await.ok(201);
        tenant.issuer = text(&issuer["id"]).to_owned();
        tenant.root = text(&issuer["root"]).to_owned();
        tenant
    }

    /// Enrols; tenant, account and bearer token.
    pub async fn enrol(&self, token: &str, name: &str) -> (String, String, String) {
        let enrolled = self.as_(token).post("/v1/enrol", json!({"name": name})).await.ok(201);
        let text = |value: &Value| text(value).to_owned();
        (text(&enrolled["tenant"]), text(&enrolled["account"]["id"]), text(&enrolled["token"]["token"]))
    }

    /// An account of the tenant with this role; its id and token.
    pub async fn account(&self, tenant: &TestTenant, role: &str) -> (String, String) {
        self.account_of(tenant, json!({"name": role, "roles": [role]})).await
    }

    /// An account made of this body; its id and token.
    pub async fn account_of(&self, tenant: &TestTenant, body: Value) -> (String, String) {
        let admin = self.as_(&tenant.admin);
        let id = text(&admin.post(&tenant.path("/accounts"), body).await.ok(201)["id"]).to_owned();
        let token = admin.post(&tenant.path(&format!("/accounts/{id}/tokens")), json!({})).await.ok(201);
        (id, text(&token["token"]).to_owned())
    }

    /// A certificate for `label.<slug>.example` whose key is made by the server.
    pub async fn certificate(&self, tenant: &TestTenant, label: &str) -> Value {
        let body = json!({"profile": "tls-server", "names": [tenant.host(label)]});
        self.as_(&tenant.admin).post(&tenant.path("/certificates"), body).await.ok(201)
    }

    /// All events of the tenant's log, newest first, each as listed.
    pub async fn events(&self, tenant: &TestTenant) -> Vec<Value> {
        self.log(&tenant.admin, &tenant.id).await
    }

    /// The log of the realm to which the token belongs.
    pub async fn log(&self, token: &str, realm: &str) -> Vec<Value> {
        let (mut events, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.as_(token).get(&format!("/v1/tenants/{realm}/events?limit=200{cursor}")).await.ok(200);
            events.extend(page["items"].as_array().expect("a list").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return events,
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}
