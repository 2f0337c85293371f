//! `/v1/tenants/{tenant}/holds…` and `…/{thing}/holds`: legal holds.

use crate::api::common::{EventRef, PageQuery, Query, next};
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chancery_app::{Caller, Chancery, Hold, Once, Page};
use chancery_domain::HoldId;
use chancery_domain::hold::HoldSubject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A legal hold to be placed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceHoldBody {
    /// Its name, of the case for example.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Why it is placed.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Why a legal hold is released.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseHoldBody {
    /// The reason.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// A legal hold: what it is on is removed by nobody until it is released.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HoldDocument {
    /// Its id.
    pub id: String,
    /// What kind of thing it is on: `tenant` (everything), `document`, `signature` or `certificate`.
    pub on: String,
    /// That thing, by id; absent for the whole tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its name.
    pub name: String,
    /// Why it was placed.
    pub reason: String,
    /// When it was placed.
    pub placed_at: String,
    /// The event that placed it, by id.
    pub placed_by: String,
    /// When it was released, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_at: Option<String>,
    /// The event that released it, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_by: Option<String>,
    /// The event, when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// A page of legal holds, newest first, those that were released among them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HoldPage {
    /// The holds.
    pub items: Vec<HoldDocument>,
    /// The cursor of the next page, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<Hold> for HoldDocument {
    fn from(hold: Hold) -> Self {
        Self {
            id: hold.id.to_string(),
            on: hold.subject.kind().to_owned(),
            subject: hold.subject.id_text(),
            name: hold.name,
            reason: hold.reason,
            placed_at: hold.placed_at.to_string(),
            placed_by: hold.placed_by.to_string(),
            released_at: hold.released.map(|(at, _)| at.to_string()),
            released_by: hold.released.map(|(_, by)| by.to_string()),
            event: None,
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(release))
        .routes(routes!(on_tenant))
        .routes(routes!(on_document))
        .routes(routes!(on_signature))
        .routes(routes!(on_certificate))
}

async fn place(
    service: &Chancery,
    caller: Caller,
    subject: HoldSubject,
    (body, once): (PlaceHoldBody, Option<Once>),
) -> Result<(StatusCode, Json<HoldDocument>), Error> {
    let (hold, receipt) = service.place_hold(&caller.once(once), subject, &body.name, &body.reason).await?;
    Ok((StatusCode::CREATED, Json(HoldDocument { event: Some(receipt.into()), ..hold.into() })))
}

/// Place a legal hold on everything of the tenant.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/holds", tag = "holds", security(("token" = [])),
    extensions(("x-action" = json!("hold:place"))),
    request_body = PlaceHoldBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = HoldDocument), Problems))]
async fn on_tenant(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<PlaceHoldBody>,
) -> Result<(StatusCode, Json<HoldDocument>), Error> {
    place(&service, caller, HoldSubject::Tenant, (body, once)).await
}

/// Place a legal hold on a document: on the signatures of all its versions, those to come among them.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/documents/{document}/holds", tag = "holds", security(("token" = [])),
    extensions(("x-action" = json!("hold:place"))),
    request_body = PlaceHoldBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("document" = String, Path, description = "The document's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = HoldDocument), Problems))]
async fn on_document(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<PlaceHoldBody>,
) -> Result<(StatusCode, Json<HoldDocument>), Error> {
    place(&service, caller, HoldSubject::Document(ids.parse("document")?), (body, once)).await
}

/// Place a legal hold on the signatures of a request.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signatures/{signature}/holds", tag = "holds", security(("token" = [])),
    extensions(("x-action" = json!("hold:place"))),
    request_body = PlaceHoldBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("signature" = String, Path, description = "The signature's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = HoldDocument), Problems))]
async fn on_signature(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<PlaceHoldBody>,
) -> Result<(StatusCode, Json<HoldDocument>), Error> {
    place(&service, caller, HoldSubject::Signature(ids.parse("signature")?), (body, once)).await
}

/// Place a legal hold on a certificate, and on the signatures that were made with it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/{certificate}/holds", tag = "holds", security(("token" = [])),
    extensions(("x-action" = json!("hold:place"))),
    request_body = PlaceHoldBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = HoldDocument), Problems))]
async fn on_certificate(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<PlaceHoldBody>,
) -> Result<(StatusCode, Json<HoldDocument>), Error> {
    place(&service, caller, HoldSubject::Certificate(ids.parse("certificate")?), (body, once)).await
}

/// List legal holds.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/holds", tag = "holds", security(("token" = [])),
    extensions(("x-action" = json!("hold:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), PageQuery),
    responses((status = 200, body = HoldPage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(paging): Query<PageQuery>) -> Result<Json<HoldPage>, Error> {
    let page: Page<HoldId> = paging.page()?;
    let found = service.legal_holds(&caller, page).await?;
    let next = next(&found, page.limit, |hold| hold.id.to_string());
    Ok(Json(HoldPage { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Show a legal hold.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/holds/{hold}", tag = "holds", security(("token" = [])),
    extensions(("x-action" = json!("hold:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("hold" = String, Path, description = "The hold's id")),
    responses((status = 200, body = HoldDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<HoldDocument>, Error> {
    Ok(Json(service.hold(&caller, ids.parse("hold")?).await?.into()))
}

/// Release a legal hold, once: what is past its retention is removed within two days, if no other hold keeps it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/holds/{hold}/release", tag = "holds", security(("token" = [])),
    extensions(("x-action" = json!("hold:release"))),
    request_body = ReleaseHoldBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("hold" = String, Path, description = "The hold's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = HoldDocument), Problems))]
async fn release(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<ReleaseHoldBody>,
) -> Result<Json<HoldDocument>, Error> {
    let (hold, receipt) = service.release_hold(&caller.once(once), ids.parse("hold")?, &body.reason).await?;
    Ok(Json(HoldDocument { event: Some(receipt.into()), ..hold.into() }))
}
