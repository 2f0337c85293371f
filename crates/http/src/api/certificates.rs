//! `/v1/tenants/{tenant}/certificates…`: issue, find, download, renew, revoke, and private keys made here.

use crate::api::common::{EventRef, Query, key_algorithm};
use crate::api::platform::EmptyBody;
use crate::problem::{Error, Problem, Problems, from_failure};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_app::{
    Certificate, CertificateSearch, Chancery, IssueRequest, KeySource, Page, RenewRequest, Revocation, SameKey, certificate_pem,
    private_key_pem,
};
use chancery_domain::certificate::{CertificateStatus, RevocationReason};
use chancery_domain::key::Custody;
use chancery_domain::name::SubjectName;
use chancery_domain::{CertificateId, Timestamp};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A certificate to be issued, over a certification request or over a key pair made here.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueBody {
    /// The profile: `tls-server`, `tls-client`, `mtls` or one of the tenant's own.
    pub profile: String,
    /// The issuer's id; by default the newest issuing authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// A certification request (PKCS#10), PEM or base64 of DER. Without it a key pair is made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
    /// Without `csr`: `software-release-once` (default) or `software-never-released`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custody: Option<String>,
    /// Without `csr`, the kind of key to be made: `ec-p256` (default) or another one that the profile allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_algorithm: Option<String>,
    /// The names: `api.example.com`, `ip:10.0.0.1`, `email:a@example.com`, `uri:spiffe://…`; by default those of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// The common name, one of the names; by default that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// The validity in seconds; by default the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity_seconds: Option<u32>,
}

/// How to renew.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewBody {
    /// A new certification request, for its key alone. Without it a client's key is certified again; one made here is made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
    /// The validity in seconds; by default the profile's of today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity_seconds: Option<u32>,
}

/// Why to revoke.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeBody {
    /// `unspecified`, `key-compromise`, `affiliation-changed`, `superseded`, `cessation-of-operation` or `privilege-withdrawn`.
    #[serde(default = "unspecified")]
    pub reason: String,
    /// With `key-compromise`: revoke the tenant's other live certificates with the same key, too, at most a hundred at once.
    #[serde(default)]
    pub same_key: bool,
}

fn unspecified() -> String {
    RevocationReason::Unspecified.as_str().to_owned()
}

/// Which certificates.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CertificateQuery {
    /// Only those with this name; `*.example.com` means every host below `example.com`, at any depth.
    pub name: Option<String>,
    /// Only those with this serial number, 32 to 40 hexadecimal digits.
    pub serial: Option<String>,
    /// Only those with this status: `issued`, `renewed`, `revoked`, `expired`.
    pub status: Option<String>,
    /// Only those of this profile.
    pub profile: Option<String>,
    /// Only those of the issuer with this id.
    pub issuer: Option<String>,
    /// Only those whose validity ends before this time, RFC 3339; those that end last are first, unless `name` or `serial` is given.
    pub expires_before: Option<String>,
    /// With `true` only issued ones whose renewal is due; those due last are first, unless `name` or `serial` is given.
    pub renewal_due: Option<bool>,
    /// At most so many items, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

impl CertificateQuery {
    /// What is searched for.
    pub(crate) fn search(&self) -> Result<CertificateSearch, Error> {
        let status = |text: &str| CertificateStatus::from_name(text).ok_or_else(|| Error::field("status", "no such status"));
        Ok(CertificateSearch {
            status: self.status.as_deref().map(status).transpose()?,
            name: parsed("name", self.name.as_deref())?,
            serial: parsed("serial", self.serial.as_deref())?,
            profile: self.profile.as_deref().map(|name| name.parse().ok()),
            issuer: self.issuer.as_deref().map(|id| id.parse().ok()),
            expires_before: self
                .expires_before
                .as_deref()
                .map(Timestamp::parse)
                .transpose()
                .map_err(|e| Error::field("expires_before", e))?,
            renewal_due: self.renewal_due.unwrap_or(false),
        })
    }
}

fn parsed<T: FromStr<Err: ToString>>(field: &'static str, text: Option<&str>) -> Result<Option<T>, Error> {
    text.map(str::parse).transpose().map_err(|error: T::Err| Error::field(field, error))
}

/// A certificate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificateDocument {
    /// Its id.
    pub id: String,
    /// `issued` here; `imported`: taken in, and signed by an issuer of the tenant; `external`: taken in, and signed by somebody
    /// else, who alone can revoke it.
    pub origin: String,
    /// The order that it came of, if it was issued here.
    pub order: Option<String>,
    /// Its issuer's id, unless it is external.
    pub issuer: Option<String>,
    /// Its profile, if it was issued here.
    pub profile: Option<String>,
    /// `issued`, `renewed`, `revoked` or `expired`.
    pub status: String,
    /// Its serial number, 32 hexadecimal digits; up to 40 where it was not issued here.
    pub serial: String,
    /// Its names.
    pub names: Vec<String>,
    /// Its subject; may be empty.
    pub subject: String,
    /// First second of validity.
    pub not_before: String,
    /// Last second of validity.
    pub not_after: String,
    /// When renewal becomes due.
    pub renew_at: String,
    /// `client`, `software-release-once` or `software-never-released`.
    pub custody: String,
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// The address of the CRL that would list it; an external one may name none.
    pub crl_url: Option<String>,
    /// The certificate, PEM.
    pub certificate: String,
    /// The intermediates up to below the root, PEM; not known for an external one.
    pub chain: String,
    /// The event of what was just done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// A revoked certificate; for key compromise, with the others of the same key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevokedDocument {
    /// The certificate. Without an event if its key was recorded as compromised before, and this was about the others.
    #[serde(flatten)]
    pub certificate: CertificateDocument,
    /// The tenant's other live certificates with the same key, newest first, at most a hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_key: Vec<SameKeyItem>,
    /// Whether there are more than those.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Another certificate with a compromised key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SameKeyItem {
    /// The certificate as it stands now; with the event if it was just revoked, too.
    pub result: CertificateDocument,
    /// Why it was not revoked, if it was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// A page of certificates.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificatePage {
    /// The certificates, newest first, unless `expires_before` or `renewal_due` sets the order.
    pub items: Vec<CertificateDocument>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// A private key made here.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PrivateKeyDocument {
    /// The key, PKCS#8 in PEM. Acknowledge it when it is stored safely; then it is erased here.
    pub private_key: String,
    /// The event of the fetch.
    pub event: EventRef,
}

/// What was recorded.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DoneDocument {
    /// The event.
    pub event: EventRef,
}

impl From<Certificate> for CertificateDocument {
    fn from(certificate: Certificate) -> Self {
        Self {
            id: certificate.id.to_string(),
            origin: certificate.origin.as_str().to_owned(),
            order: certificate.origin.order().map(|id| id.to_string()),
            issuer: certificate.origin.issuer().map(|id| id.to_string()),
            profile: certificate.origin.profile().map(str::to_owned),
            status: certificate.status.as_str().to_owned(),
            serial: certificate.serial.to_string(),
            names: certificate.summary.names.iter().map(ToString::to_string).collect(),
            subject: certificate.summary.subject,
            not_before: certificate.summary.not_before.to_string(),
            not_after: certificate.summary.not_after.to_string(),
            renew_at: certificate.renew_at.to_string(),
            custody: certificate.custody.as_str().to_owned(),
            sha256: certificate.summary.sha256,
            crl_url: certificate.crl_url,
            certificate: certificate_pem(&certificate.der),
            chain: certificate.chain.iter().map(|der| certificate_pem(der)).collect(),
            event: None,
        }
    }
}

impl From<SameKey> for SameKeyItem {
    fn from(item: SameKey) -> Self {
        let (event, problem) = match item.result {
            Some(Ok(receipt)) => (Some(receipt.into()), None),
            Some(Err(failure)) => (None, Some(from_failure(&failure))),
            None => (None, None),
        };
        Self { result: CertificateDocument { event, ..item.certificate.into() }, problem }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .routes(routes!(list, issue))
        .routes(routes!(show))
        .routes(routes!(pem))
        .routes(routes!(der))
        .routes(routes!(renew))
        .routes(routes!(revoke))
        .routes(routes!(remove))
        .routes(routes!(fetch_private_key))
        .routes(routes!(acknowledge_private_key))
}

/// List or search certificates.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/certificates", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), CertificateQuery),
    responses((status = 200, body = CertificatePage), Problems))]
async fn list(
    State(service): State<Chancery>,
    caller: InTenant,
    Query(query): Query<CertificateQuery>,
) -> Result<Json<CertificatePage>, Error> {
    let paging = crate::api::common::PageQuery { limit: query.limit, cursor: query.cursor.clone() };
    let page: Page<CertificateId> = paging.page()?;
    let (found, next) = service.certificates(&caller, &query.search()?, page).await?;
    let next = next.map(|id| id.to_string());
    Ok(Json(CertificatePage { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Issue a certificate. Only the profile and the fields named here reach it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:issue"))),
    request_body = IssueBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = CertificateDocument), Problems))]
async fn issue(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<IssueBody>,
) -> Result<(StatusCode, Json<CertificateDocument>), Error> {
    let request = issue_request(body)?;
    let (certificate, receipt) = service.issue(&caller.once(once), &request).await?;
    Ok((StatusCode::CREATED, Json(CertificateDocument { event: Some(receipt.into()), ..certificate.into() })))
}

/// What is asked, in types.
pub(crate) fn issue_request(body: IssueBody) -> Result<IssueRequest, Error> {
    if body.csr.is_some() && body.key_algorithm.is_some() {
        return Err(Error::field("key_algorithm", "the kind of key is that of the certification request"));
    }
    let key = match (body.csr, body.custody.as_deref()) {
        (Some(csr), None | Some("client")) => KeySource::Request(pem_or_der("csr", &csr)?),
        (Some(_), Some(_)) => return Err(Error::field("custody", "with a certification request the custody is client")),
        (None, custody) => {
            let name = custody.unwrap_or("software-release-once");
            let custody = Custody::from_name(name).ok_or_else(|| Error::field("custody", "no such custody"))?;
            KeySource::Generate(custody, key_algorithm(body.key_algorithm)?)
        }
    };
    let name = |text: &String| text.parse::<SubjectName>().map_err(|error| Error::field("names", format!("{text:?}: {error}")));
    Ok(IssueRequest {
        profile: body.profile.parse().ok(),
        issuer: body.issuer.map(|id| id.parse().ok()),
        key,
        names: body.names.map(|names| names.iter().map(name).collect::<Result<_, _>>()).transpose()?,
        common_name: body.common_name,
        validity_seconds: body.validity_seconds,
    })
}

/// The bytes of a field that holds PEM, as it is, or base64 of DER.
pub(crate) fn pem_or_der(field: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    use base64::Engine;
    if text.contains("-----BEGIN") {
        return Ok(text.as_bytes().to_vec());
    }
    let compact: String = text.split_ascii_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(compact).map_err(|_| Error::field(field, "neither PEM nor base64 of DER"))
}

/// Show a certificate.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/certificates/{certificate}", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id")),
    responses((status = 200, body = CertificateDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<CertificateDocument>, Error> {
    Ok(Json(service.certificate(&caller, ids.parse("certificate")?).await?.into()))
}

/// Download a certificate and its chain, PEM.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/certificates/{certificate}/pem", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id")),
    responses((status = 200, body = String, content_type = "application/pem-certificate-chain"), Problems))]
async fn pem(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Response, Error> {
    let found = service.certificate(&caller, ids.parse("certificate")?).await?;
    let text: String = std::iter::once(&found.der).chain(&found.chain).map(|der| certificate_pem(der)).collect();
    Ok(([(header::CONTENT_TYPE, "application/pem-certificate-chain")], text).into_response())
}

/// Download a certificate, DER.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/certificates/{certificate}/der", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id")),
    responses((status = 200, body = Vec<u8>, content_type = "application/pkix-cert"), Problems))]
async fn der(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Response, Error> {
    let found = service.certificate(&caller, ids.parse("certificate")?).await?;
    Ok(([(header::CONTENT_TYPE, "application/pkix-cert")], found.der).into_response())
}

/// Renew a certificate: same names, same profile and issuer, decided anew under today's policy.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/{certificate}/renew", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:renew"))),
    request_body = RenewBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = CertificateDocument), Problems))]
async fn renew(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<RenewBody>,
) -> Result<(StatusCode, Json<CertificateDocument>), Error> {
    let csr = body.csr.map(|text| pem_or_der("csr", &text)).transpose()?;
    let request = RenewRequest { csr, validity_seconds: body.validity_seconds };
    let (certificate, receipt) = service.renew(&caller.once(once), ids.parse("certificate")?, &request).await?;
    Ok((StatusCode::CREATED, Json(CertificateDocument { event: Some(receipt.into()), ..certificate.into() })))
}

/// Revoke a certificate for good. The CRL at its address lists it within 60 s. With `key-compromise` its key is never certified again;
/// if that is learnt of later, it corrects the reason of a revocation, and of an expired or external certificate records the key alone.
/// The answer names the tenant's other live certificates with that key; with `same_key` they are revoked, too, each with its own event,
/// also if the key was recorded before.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/{certificate}/revoke", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:revoke"))),
    request_body = RevokeBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = RevokedDocument), Problems))]
async fn revoke(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<RevokeBody>,
) -> Result<Json<RevokedDocument>, Error> {
    let reason = RevocationReason::ALL.iter().copied().find(|reason| reason.as_str() == body.reason);
    let reason = reason.ok_or_else(|| Error::field("reason", "no such reason"))?;
    let revocation = Revocation { reason, same_key: body.same_key };
    let revoked = service.revoke_and_look(&caller.once(once), ids.parse("certificate")?, revocation).await?;
    let certificate = CertificateDocument { event: revoked.receipt.map(Into::into), ..revoked.certificate.into() };
    Ok(Json(RevokedDocument { certificate, same_key: revoked.same_key.into_iter().map(Into::into).collect(), more: revoked.more }))
}

/// Remove a certificate of somebody else's from the inventory. One that an issuer of the tenant signed stays, and can be revoked.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/{certificate}/remove", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:remove"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = DoneDocument), Problems))]
async fn remove(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<DoneDocument>, Error> {
    let receipt = service.remove_certificate(&caller.once(once), ids.parse("certificate")?).await?;
    Ok(Json(DoneDocument { event: receipt.into() }))
}

/// Fetch the private key made here; may be repeated until it is acknowledged. Each fetch is an event.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/{certificate}/private-key/fetch", tag = "certificates",
    security(("token" = [])),
    extensions(("x-action" = json!("private-key:release"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = PrivateKeyDocument), (status = 410, body = crate::problem::Problem,
    content_type = "application/problem+json"), Problems))]
async fn fetch_private_key(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<PrivateKeyDocument>, Error> {
    let (pkcs8, receipt) = service.fetch_private_key(&caller.once(once), ids.parse("certificate")?).await?;
    Ok(Json(PrivateKeyDocument { private_key: private_key_pem(&pkcs8).to_string(), event: receipt.into() }))
}

/// Acknowledge that the private key arrived: it is erased here.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/{certificate}/private-key/acknowledge", tag = "certificates",
    security(("token" = [])),
    extensions(("x-action" = json!("private-key:release"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = DoneDocument), (status = 410, body = crate::problem::Problem,
    content_type = "application/problem+json"), Problems))]
async fn acknowledge_private_key(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<DoneDocument>, Error> {
    let receipt = service.acknowledge_private_key(&caller.once(once), ids.parse("certificate")?).await?;
    Ok(Json(DoneDocument { event: receipt.into() }))
}
