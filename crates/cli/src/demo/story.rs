//! The main job, step by step, through the public API alone.

use super::acts::{Held, Member, Tenant, enrol, issue, public_crl};
use super::handshake::{Identity, shake_hands};
use super::judge::{self, Evidence, Usage, judge};
use super::signing::signatures;
use super::step::{Stage, StepFailed, Wrong, expect};
use crate::client::ClientError;
use crate::output;
use chancery_http::api::certificates::{CertificateDocument, IssueBody, RenewBody, RevokeBody};
use chancery_http::api::events::{EventDocument, EventPage};
use chancery_http::api::issuers::{CreateIssuerBody, IssuerDocument};
use chancery_http::api::platform::{ChangedTenantDocument, CreateTenantBody};
use chancery_http::problem::Problem;

/// Who and what there is at the end.
pub(super) struct Story {
    pub(super) operator: Member,
    pub(super) bank: Tenant,
    pub(super) labs: Tenant,
    pub(super) renewed: CertificateDocument,
    pub(super) foreign: CertificateDocument,
}

/// Does the main job.
pub(super) async fn tell(stage: &Stage, bootstrap: &str) -> Result<Story, StepFailed> {
    let operator = stage
        .step("operator", async {
            let operator = enrol(&stage.client, bootstrap, "demo operator").await?;
            let again = enrol(&stage.client, bootstrap, "somebody else").await;
            expect(again.is_err(), "the bootstrap token to work once", "it worked twice")?;
            Ok((operator, "enrolled with the bootstrap token, which worked once".to_owned()))
        })
        .await?;
    let bank = tenant(stage, &operator, "acme-bank").await?;
    let labs = tenant(stage, &operator, "zenith-labs").await?;
    let server = certificate(stage, &bank, "tls-server", &["api", "www"]).await?;
    let client = certificate(stage, &bank, "tls-client", &["batch"]).await?;
    let stranger = certificate(stage, &labs, "tls-client", &["probe"]).await?;
    chains(stage, &bank, &labs, &server, &client, &stranger).await?;
    mutual_tls(stage, &bank, &server, &client, &stranger).await?;
    crossing(stage, &bank, &labs, &stranger.document).await?;
    policy(stage, &bank, &labs).await?;
    let renewed = renewal(stage, &bank, &server).await?;
    revocation(stage, &bank, &client).await?;
    signatures(stage, &bank).await?;
    audit(stage, &bank, &[&server.document, &client.document, &renewed]).await?;
    Ok(Story { operator, bank, labs, renewed, foreign: stranger.document })
}

async fn tenant(stage: &Stage, operator: &Member, slug: &'static str) -> Result<Tenant, StepFailed> {
    let work = async {
        let created: ChangedTenantDocument =
            operator.client.post("/v1/platform/tenants", &CreateTenantBody { slug: slug.to_owned() }).await?;
        let enrolment = created.enrolment_token.ok_or_else(|| Wrong::new("an enrolment token in the answer", "none"))?;
        let admin = enrol(&stage.client, &enrolment, &format!("{slug} admin")).await?;
        let domain = format!("{slug}.example");
        let body = CreateIssuerBody {
            name: slug.to_owned(),
            organization: None,
            permitted_names: vec![format!("dns:{domain}"), format!("dns:*.{domain}")],
            key_algorithm: None,
            root_key_algorithm: None,
            external: false,
            root_days: None,
            issuing_days: None,
        };
        let issuer: IssuerDocument = admin.client.post(&admin.client.own("/issuers")?, &body).await?;
        let root = issuer.root.as_ref().ok_or_else(|| Wrong::new("an issuer with a root", "none"))?;
        let root: IssuerDocument = admin.client.get(&admin.client.own(&format!("/issuers/{root}"))?).await?;
        let figure = format!("{slug}: admin, own keys, own CA constrained to {domain}");
        Ok((Tenant { slug, domain, admin, issuer, root: root.certificate.unwrap_or_default() }, figure))
    };
    stage.step("tenant", work).await
}

async fn certificate(stage: &Stage, tenant: &Tenant, profile: &'static str, hosts: &[&str]) -> Result<Held, StepFailed> {
    let names: Vec<_> = hosts.iter().map(|host| format!("{host}.{}", tenant.domain)).collect();
    let work = async {
        let held = issue(stage, tenant, profile, &names).await?;
        for name in &names {
            let listed = held.document.names.iter().any(|found| found.ends_with(name.as_str()));
            expect(listed, format!("{name} in the certificate"), held.document.names.join(", "))?;
        }
        let by = stage.openssl.as_ref().map_or("key made by the server (no openssl here)", |_| "CSR by openssl");
        let figure = format!("{profile} for {}, {by}, {} bytes of PEM", names.join(" and "), held.presented().len());
        Ok((held, figure))
    };
    stage.step("certificate", work).await
}

async fn chains(stage: &Stage, bank: &Tenant, labs: &Tenant, server: &Held, client: &Held, stranger: &Held) -> Result<(), StepFailed> {
    let all = [(bank, server, Usage::Server), (bank, client, Usage::Client), (labs, stranger, Usage::Client)];
    let work = async {
        for (tenant, held, usage) in all {
            holds(stage, &tenant.root, &held.document, usage).await?;
        }
        match holds(stage, &labs.root, &server.document, Usage::Server).await {
            // "unable to get issuer certificate" with openssl, "UnknownIssuer" with webpki.
            Err(wrong) if wrong.came().to_lowercase().contains("issuer") => {}
            Err(wrong) => return Err(wrong),
            Ok(()) => return Err(Wrong::new("the other tenant's root not to vouch for it", "it did")),
        }
        Ok(((), format!("3 chains hold by {}; under the other tenant's root none does", judge::name(stage))))
    };
    stage.step("chains", work).await
}

/// Whether a certificate holds under a root, with the CRL from its public address.
async fn holds(stage: &Stage, root: &str, document: &CertificateDocument, usage: Usage) -> Result<(), Wrong> {
    let crl_der = public_crl(stage, document, "a CRL at the address in the certificate", |_| true).await?;
    judge(stage, &Evidence { leaf: &document.certificate, chain: &document.chain, root, crl_der: &crl_der, usage }).await
}

async fn mutual_tls(stage: &Stage, bank: &Tenant, server: &Held, client: &Held, stranger: &Held) -> Result<(), StepFailed> {
    let identity = |held: &'_ Held| (held.presented(), held.key.clone());
    let name = format!("api.{}", bank.domain);
    let (server, client, stranger) = (identity(server), identity(client), identity(stranger));
    let server = Identity { chain: server.0, key: &server.1 };
    stage
        .step("mutual TLS", async {
            let caller = Identity { chain: client.0, key: &client.1 };
            let agreed = shake_hands(&server, &caller, &bank.root, &name).await;
            let agreed = agreed.map_err(|error| Wrong::new("a handshake with the tenant's own client certificate", error))?;
            Ok(((), format!("{name} called with a certificate of its tenant: {}, {}", agreed.protocol, agreed.key_exchange)))
        })
        .await?;
    stage
        .step("mutual TLS, foreign", async {
            let caller = Identity { chain: stranger.0, key: &stranger.1 };
            match shake_hands(&server, &caller, &bank.root, &name).await {
                Err(error) if error.starts_with("the server refused") => Ok(((), format!("the other tenant's certificate: {error}"))),
                Err(error) => Err(Wrong::new("the server to refuse the other tenant's certificate", error)),
                Ok(_) => Err(Wrong::new("the other tenant's certificate refused", "accepted")),
            }
        })
        .await
}

async fn crossing(stage: &Stage, bank: &Tenant, labs: &Tenant, foreign: &CertificateDocument) -> Result<(), StepFailed> {
    /// Nobody's.
    const MISSING: &str = "00000000-0000-7000-8000-000000000000";
    let work = async {
        let client = &bank.admin.client;
        let missing = refusal(client.get::<CertificateDocument>(&client.own(&format!("/certificates/{MISSING}"))?).await)?;
        let in_own = refusal(client.get::<CertificateDocument>(&client.own(&format!("/certificates/{}", foreign.id))?).await)?;
        let in_theirs = format!("/v1/tenants/{}/certificates/{}", labs.admin.tenant, foreign.id);
        let in_theirs = refusal(client.get::<CertificateDocument>(&in_theirs).await)?;
        for (asked, answer) in [("own", &in_own), ("its", &in_theirs)] {
            expect(answer.status == 404, format!("404 for the foreign certificate under {asked} tenant's address"), answer.status)?;
            let (answer, missing) = (without_request(answer), without_request(&missing));
            expect(answer == missing, format!("the same answer as for a missing one: {missing}"), answer)?;
        }
        Ok(((), format!("{} asks for a certificate of {}: 404, word for word as for one that does not exist", bank.slug, labs.slug)))
    };
    stage.step("crossing tenants", work).await
}

async fn policy(stage: &Stage, bank: &Tenant, labs: &Tenant) -> Result<(), StepFailed> {
    let work = async {
        let client = &bank.admin.client;
        let body = IssueBody {
            profile: "tls-server".to_owned(),
            issuer: None,
            csr: None,
            custody: None,
            key_algorithm: None,
            names: Some(vec![format!("api.{}", labs.domain)]),
            common_name: None,
            validity_seconds: None,
        };
        let refused = refusal(client.post::<CertificateDocument>(&client.own("/certificates")?, &body).await)?;
        let reasons: Vec<_> = refused.reasons.iter().map(|reason| reason.message.as_str()).collect();
        expect(refused.status == 422 && !reasons.is_empty(), "422 with reasons", format!("{} {}", refused.status, refused.detail))?;
        Ok(((), format!("{} asks for a name of {}: refused, {}", bank.slug, labs.slug, reasons.join("; "))))
    };
    stage.step("foreign names", work).await
}

/// The problem that must have come.
fn refusal<T>(answer: Result<T, ClientError>) -> Result<Problem, Wrong> {
    match answer {
        Err(ClientError::Problem(problem)) => Ok(*problem),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Wrong::new("a refusal", "success")),
    }
}

fn without_request(problem: &Problem) -> String {
    serde_json::to_string(&Problem { request_id: None, ..problem.clone() }).unwrap_or_default()
}

async fn renewal(stage: &Stage, bank: &Tenant, old: &Held) -> Result<CertificateDocument, StepFailed> {
    let work = async {
        let client = &bank.admin.client;
        let at = client.own(&format!("/certificates/{}", old.document.id))?;
        let renewed: CertificateDocument = client.post(&format!("{at}/renew"), &RenewBody::default()).await?;
        expect(renewed.names == old.document.names, old.document.names.join(", "), renewed.names.join(", "))?;
        expect(renewed.serial != old.document.serial, "another serial number", &renewed.serial)?;
        let before: CertificateDocument = client.get(&at).await?;
        expect(before.status == "renewed", "the old one to be `renewed`", &before.status)?;
        holds(stage, &bank.root, &renewed, Usage::Server).await?;
        let figure = format!("serial {}… follows {}…, chain holds", short(&renewed.serial), short(&before.serial));
        Ok((renewed, figure))
    };
    stage.step("renewal", work).await
}

async fn revocation(stage: &Stage, bank: &Tenant, held: &Held) -> Result<(), StepFailed> {
    let work = async {
        let client = &bank.admin.client;
        let body = RevokeBody { reason: "key-compromise".to_owned(), same_key: false };
        let at = client.own(&format!("/certificates/{}/revoke", held.document.id))?;
        let revoked: CertificateDocument = client.post(&at, &body).await?;
        let serial = &revoked.serial;
        let listed = |crl: &chancery_x509::Crl| crl.entries().iter().any(|entry| entry.serial.to_string() == *serial);
        let crl_der = public_crl(stage, &revoked, "the serial number in the public CRL", listed).await?;
        let (leaf, chain, root) = (&revoked.certificate, &revoked.chain, &bank.root);
        let verdict = judge(stage, &Evidence { leaf, chain, root, crl_der: &crl_der, usage: Usage::Client }).await;
        match verdict {
            Err(wrong) if wrong.came().to_lowercase().contains("revoked") => {}
            Err(wrong) => return Err(wrong),
            Ok(()) => return Err(Wrong::new("the verifier to say that it is revoked", "it accepted the chain")),
        }
        let figure =
            format!("serial {}… is in the CRL of {} bytes at its public address, and no longer verifies", short(serial), crl_der.len());
        Ok(((), figure))
    };
    stage.step("revocation", work).await
}

async fn audit(stage: &Stage, bank: &Tenant, answered: &[&CertificateDocument]) -> Result<(), StepFailed> {
    let work = async {
        let client = &bank.admin.client;
        let page: EventPage = client.get(&client.own("/events?limit=200")?).await?;
        for document in answered {
            let receipt = document.event.as_ref().ok_or_else(|| Wrong::new("an event in the answer", "none"))?;
            let found = page.items.iter().any(|event| event.id == receipt.id && event.leaf == receipt.leaf);
            expect(found, format!("event {} with leaf {} in the trail", receipt.id, receipt.leaf), "no such event")?;
        }
        let denials = page.items.iter().filter(|event| text(event, "outcome") == "denied").count();
        expect(denials >= 2, "both refusals in the trail", format!("{denials} denials"))?;
        let figure = format!("{} events of {}, {denials} of them denials; what the answers promised is there", page.items.len(), bank.slug);
        Ok((page, figure))
    };
    let page = stage.step("audit trail", work).await?;
    for event in page.items.iter().rev() {
        let (at, act, outcome) = (text(event, "at"), text(event, "act"), text(event, "outcome"));
        output::line(&format!("      {at:<24}  {act:<22}  {outcome:<6}  leaf {}…", short(&event.leaf)));
    }
    Ok(())
}

fn text<'a>(event: &'a EventDocument, field: &str) -> &'a str {
    event.event.get(field).and_then(|value| value.as_str()).unwrap_or_default()
}

fn short(text: &str) -> &str {
    text.get(..16).unwrap_or(text)
}
