//! A world's beginning: the operator, two tenants with issuers, and clients for them.

use crate::act::Act;
use crate::client::{Client, Http, Lists, Tenant, request};
use crate::journal::Entry;
use crate::power::moment;
use anyhow::{Context, Result, ensure};
use chancery_testkit::chance::Chance;
use serde_json::{Value, json};

/// How the keys of its requests begin.
pub(crate) const SETUP: &str = "setup-";
/// Clients of each tenant.
const EACH: usize = 3;

/// The operator's client first, then those of the tenants. What was done for them stands in their journals.
pub(crate) async fn clients(http: &Http, bootstrap: &str, seed: u64, lists: &Lists) -> Result<Vec<Client>> {
    let mut chance = Chance::of(seed ^ 0x5eed);
    let mut fork = || Chance::of(chance.next());
    let (_, operator) = enrol(http, bootstrap, "operator").await?;
    let mut clients = vec![Client::new("operator".to_owned(), None, operator.clone(), fork(), lists.clone())];
    for slug in ["acme-bank", "brava-labs"] {
        let made = act(http, &operator, Act::Tenant, "/v1/platform/tenants".to_owned(), json!({"slug": slug})).await?;
        let invitation = made.answered()["enrolment_token"].as_str().context("no enrolment token")?;
        let (id, token) = enrol(http, invitation, "admin").await?;
        if let Some(operator) = clients.first_mut() {
            operator.journal.push(made);
        }
        let body = json!({"name": slug, "permitted_names": [format!("dns:*.{slug}.example")]});
        let issuer = act(http, &token, Act::Issuer, format!("/v1/tenants/{id}/issuers"), body).await?;
        let tenant = Tenant { id, slug: slug.to_owned(), issuer: issuer.subject().to_owned() };
        let mut made = Some(issuer);
        for number in 0..EACH {
            let name = format!("{}{number}", slug.get(..1).unwrap_or_default());
            let mut client = Client::new(name, Some(tenant.clone()), token.clone(), fork(), lists.clone());
            client.journal.extend(made.take());
            clients.push(client);
        }
    }
    Ok(clients)
}

async fn act(http: &Http, token: &str, act: Act, path: String, body: Value) -> Result<Entry> {
    let key = format!("{SETUP}{path}-{}", body["slug"].as_str().unwrap_or_default());
    let mut entry = Entry {
        act,
        target: String::new(),
        method: "POST",
        path,
        body,
        key,
        if_match: None,
        life: 0,
        sent: 1,
        asked: moment(),
        told: 0,
        answer: None,
    };
    entry.answer = request(http, token, &entry).await;
    entry.told = moment();
    ensure!(entry.done(), "the set-up failed: {} {}", entry.shown(), entry.answered());
    Ok(entry)
}

pub(crate) async fn enrol(http: &Http, token: &str, name: &str) -> Result<(String, String)> {
    let request = http.client.post(format!("{}/v1/enrol", http.url)).bearer_auth(token).json(&json!({"name": name}));
    let enrolled: Value = request.send().await?.error_for_status()?.json().await?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("enrolment told too little");
    Ok((text(&enrolled["tenant"])?, text(&enrolled["token"]["token"])?))
}
