//! `/v1/tenants/{tenant}/issuers…`: the tenant's own certificate authorities.

use crate::api::certificates::DoneDocument;
use crate::api::common::{EventRef, key_algorithm_in as kind};
use crate::api::platform::EmptyBody;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_app::{Chancery, Issuer, NewIssuer, NewRoot, Succession, Supplied};
use chancery_domain::Timestamp;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::pattern::NamePattern;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// An issuer to be made: a root, and the issuing intermediate under it; or with `external` an issuing authority below a root of
/// your own, whose certification request stands in the answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIssuerBody {
    /// Its name, at most 48 characters; "Root CA" and "Issuing CA" follow in the certificates.
    pub name: String,
    /// Whether somebody else signs it: no root is made, and it is `pending` until its certificate is supplied.
    #[serde(default)]
    pub external: bool,
    /// The organisation in its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The names that it may issue for: `dns:*.example.com`, `ip:10.0.0.0/8`, `email:*@example.com`, `uri:spiffe://example.com/*`.
    pub permitted_names: Vec<String>,
    /// The kind of the issuing authority's key, and of the root's unless that is named: `ec-p256` (default), `ec-p384`, `ed25519`, `rsa-3072`, `rsa-4096` or `ml-dsa-65`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_algorithm: Option<String>,
    /// The kind of the root's key, if it shall be another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_key_algorithm: Option<String>,
    /// The root's validity in days, 30 to 9125; 3650 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_days: Option<u32>,
    /// The intermediate's validity in days, at most the root's; 1825 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuing_days: Option<u32>,
}

/// What a successor is to be; what is left out is as its predecessor has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuccessorBody {
    /// The kind of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_algorithm: Option<String>,
    /// Its validity in days; it must not outlive its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuing_days: Option<u32>,
    /// Make it below a new root, which joins the old one in the bundle.
    #[serde(default)]
    pub new_root: bool,
    /// The kind of the new root's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_key_algorithm: Option<String>,
    /// The new root's validity in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_days: Option<u32>,
    /// When it begins to issue and to renew, RFC 3339; at once, if left out. Until then its predecessor does, and a new root can be
    /// distributed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_from: Option<String>,
    /// When the predecessor retires by itself, RFC 3339; never, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_at: Option<String>,
}

/// The chain of a pending issuer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainBody {
    /// PEM: the issuer's certificate, those between, the self-signed root last.
    pub chain: String,
    /// Take it also without the name constraints that the request asks for, or with wider ones: then only `permitted_names` limit what
    /// is issued, which verifiers do not know. The event names the kinds of name.
    #[serde(default)]
    pub accept_wider_names: bool,
}

/// A root of somebody else's that the tenant trusts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnchorBody {
    /// Its name here.
    pub name: String,
    /// The root's certificate, PEM.
    pub pem: String,
}

/// A certificate authority.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IssuerDocument {
    /// Its id.
    pub id: String,
    /// `issuing`, or `root`; without a key here `anchor`, a root of somebody else's, or `intermediate`, what stands below one.
    pub kind: String,
    /// `pending`, while it waits for its certificate; `active`; `abandoned`; `retired`, when it issues nothing more and its CRLs go on.
    pub state: String,
    /// When it retires by itself, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retire_at: Option<String>,
    /// The first of the line of successors that it belongs to; itself, if it succeeds nobody.
    pub line: String,
    /// The id of the authority above it: an issuing one's root, or what stands between.
    pub root: Option<String>,
    /// Its name.
    pub name: String,
    /// The names that it may issue for.
    pub permitted_names: Vec<String>,
    /// The kind of its key.
    pub key_algorithm: String,
    /// The subject of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// First second of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Last second of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// SHA-256 of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The random part of its public addresses, which need no token and stay: `/pki/{public_id}/ca.cer`, its certificate;
    /// `/pki/{public_id}/{shard}.crl`; `/pki/{public_id}/bundle.pem`, all roots of its tenant, its anchors among them.
    pub public_id: String,
    /// Its certificate, PEM; absent while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The certification request, PEM, if somebody else signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// The event of its making, when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// All issuers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IssuerList {
    /// The authorities, newest first.
    pub items: Vec<IssuerDocument>,
}

impl From<Issuer> for IssuerDocument {
    fn from(issuer: Issuer) -> Self {
        let (certificate, summary) = issuer.certificate.unzip();
        Self {
            kind: issuer.kind.as_str().to_owned(),
            root: issuer.parent.map(|id| id.to_string()),
            id: issuer.id.to_string(),
            state: issuer.state.as_str().to_owned(),
            retire_at: issuer.retire_at.map(|time| time.to_string()),
            line: issuer.line.to_string(),
            name: issuer.name,
            permitted_names: issuer.permitted.iter().map(ToString::to_string).collect(),
            key_algorithm: issuer.key_algorithm.as_str().to_owned(),
            not_before: summary.as_ref().map(|summary| summary.not_before.to_string()),
            not_after: summary.as_ref().map(|summary| summary.not_after.to_string()),
            sha256: summary.as_ref().map(|summary| summary.sha256.clone()),
            subject: summary.map(|summary| summary.subject),
            public_id: issuer.public.to_string(),
            certificate: certificate.map(|der| chancery_app::certificate_pem(&der)),
            request: issuer.request,
            created_at: issuer.created_at.to_string(),
            event: None,
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(crl))
        .routes(routes!(retire))
        .routes(routes!(succeed))
        .routes(routes!(complete))
        .routes(routes!(abandon))
        .routes(routes!(remove))
        .routes(routes!(trust))
}

/// List the authorities.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/issuers", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = IssuerList), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant) -> Result<Json<IssuerList>, Error> {
    Ok(Json(IssuerList { items: service.issuers(&caller).await?.into_iter().map(Into::into).collect() }))
}

/// Make a root and the issuing intermediate under it, with keys of their own.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/issuers", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:write"))),
    request_body = CreateIssuerBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = IssuerDocument), Problems))]
async fn create(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<CreateIssuerBody>,
) -> Result<(StatusCode, Json<IssuerDocument>), Error> {
    let pattern =
        |text: &String| text.parse::<NamePattern>().map_err(|error| Error::field("permitted_names", format!("{text:?}: {error}")));
    if body.external && (body.root_key_algorithm.is_some() || body.root_days.is_some() || body.issuing_days.is_some()) {
        return Err(Error::field("external", "the owner of the root decides on it and on validities: leave them out"));
    }
    let external = body.external;
    let new = NewIssuer {
        organization: body.organization,
        name: body.name,
        permitted: body.permitted_names.iter().map(pattern).collect::<Result<_, _>>()?,
        key_algorithm: kind("key_algorithm", body.key_algorithm)?.unwrap_or(KeyAlgorithm::EcP256),
        root_key_algorithm: kind("root_key_algorithm", body.root_key_algorithm)?,
        root_days: body.root_days.unwrap_or(3650),
        issuing_days: body.issuing_days.unwrap_or(1825),
    };
    let caller = caller.once(once);
    let made = if external { service.request_issuer(&caller, &new).await } else { service.create_issuer(&caller, &new).await };
    let (issuer, receipt) = made?;
    Ok((StatusCode::CREATED, Json(IssuerDocument { event: Some(receipt.into()), ..issuer.into() })))
}

/// Show an authority.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/issuers/{issuer}", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("issuer" = String, Path, description = "The issuer's id")),
    responses((status = 200, body = IssuerDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<IssuerDocument>, Error> {
    Ok(Json(service.issuer(&caller, ids.parse("issuer")?).await?.into()))
}

/// The CRL of a shard as last published, DER. Certificates name its public address, which needs no token.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/issuers/{issuer}/crl/{shard}", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("issuer" = String, Path, description = "The issuer's id"),
    ("shard" = u32, Path, description = "The shard's number, from 0")),
    responses((status = 200, body = Vec<u8>, content_type = "application/pkix-crl"), Problems))]
async fn crl(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Response, Error> {
    let der = service.issuer_crl(&caller, ids.parse("issuer")?, ids.parse("shard")?).await?;
    Ok(([(header::CONTENT_TYPE, "application/pkix-crl")], der).into_response())
}

/// Retire an authority: it issues nothing more, for good, and goes on to revoke and to publish its CRLs.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/issuers/{issuer}/retire", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:write"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"), ("issuer" = String, Path, description = "The issuer's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = IssuerDocument), Problems))]
async fn retire(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<IssuerDocument>, Error> {
    let (issuer, receipt) = service.retire_issuer(&caller.once(once), ids.parse("issuer")?).await?;
    Ok(Json(IssuerDocument { event: Some(receipt.into()), ..issuer.into() }))
}

/// Make the successor of an issuing authority, which issues and renews from now on; both are active until the old one is retired.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/issuers/{issuer}/successor", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:write"))), request_body = SuccessorBody,
    params(("tenant" = String, Path, description = "The tenant's id"), ("issuer" = String, Path, description = "The issuer's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = IssuerDocument), Problems))]
async fn succeed(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<SuccessorBody>,
) -> Result<(StatusCode, Json<IssuerDocument>), Error> {
    let succession = succession(body)?;
    let (issuer, receipt) = service.roll_issuer(&caller.once(once), ids.parse("issuer")?, &succession).await?;
    Ok((StatusCode::CREATED, Json(IssuerDocument { event: Some(receipt.into()), ..issuer.into() })))
}

/// Supply the chain of a pending issuer; verified in full, it issues from now on.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/issuers/{issuer}/certificate", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:write"))), request_body = ChainBody,
    params(("tenant" = String, Path, description = "The tenant's id"), ("issuer" = String, Path, description = "The issuer's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = IssuerDocument), Problems))]
async fn complete(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<ChainBody>,
) -> Result<Json<IssuerDocument>, Error> {
    let supplied = Supplied { chain: body.chain, accept_wider_names: body.accept_wider_names };
    let (issuer, receipt) = service.complete_issuer(&caller.once(once), ids.parse("issuer")?, &supplied).await?;
    Ok(Json(IssuerDocument { event: Some(receipt.into()), ..issuer.into() }))
}

/// Give a pending issuer up: its key is erased.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/issuers/{issuer}/abandon", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:write"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"), ("issuer" = String, Path, description = "The issuer's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = IssuerDocument), Problems))]
async fn abandon(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<IssuerDocument>, Error> {
    let (issuer, receipt) = service.abandon_issuer(&caller.once(once), ids.parse("issuer")?).await?;
    Ok(Json(IssuerDocument { event: Some(receipt.into()), ..issuer.into() }))
}

/// Remove an authority whose key is somewhere else: it leaves the list and the bundle. Not if an authority of the tenant stands below it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/issuers/{issuer}/remove", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:write"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"), ("issuer" = String, Path, description = "The issuer's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = DoneDocument), Problems))]
async fn remove(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<DoneDocument>, Error> {
    let receipt = service.remove_issuer(&caller.once(once), ids.parse("issuer")?).await?;
    Ok(Json(DoneDocument { event: receipt.into() }))
}

/// Keep a root of somebody else's as a trust anchor: it joins the bundle, and is listed among the issuers as an `anchor`.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/trust-anchors", tag = "issuers", security(("token" = [])),
    extensions(("x-action" = json!("issuer:write"))), request_body = AnchorBody,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = IssuerDocument), Problems))]
async fn trust(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<AnchorBody>,
) -> Result<(StatusCode, Json<IssuerDocument>), Error> {
    let (issuer, receipt) = service.add_anchor(&caller.once(once), &body.name, &body.pem).await?;
    Ok((StatusCode::CREATED, Json(IssuerDocument { event: Some(receipt.into()), ..issuer.into() })))
}

fn succession(body: SuccessorBody) -> Result<Succession, Error> {
    let root_key = kind("root_key_algorithm", body.root_key_algorithm)?;
    if !body.new_root && (root_key.is_some() || body.root_days.is_some()) {
        return Err(Error::field("new_root", "must be true where something is said of the new root"));
    }
    let date = |field: &'static str, text: Option<String>| {
        text.map(|text| Timestamp::parse(&text).map_err(|error| Error::field(field, error))).transpose()
    };
    Ok(Succession {
        key_algorithm: kind("key_algorithm", body.key_algorithm)?,
        issuing_days: body.issuing_days,
        root: body.new_root.then_some(NewRoot { key_algorithm: root_key, days: body.root_days }),
        issue_from: date("issue_from", body.issue_from)?,
        retire_at: date("retire_at", body.retire_at)?,
    })
}
