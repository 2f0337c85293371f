//! `/v1/platform/…`: the operator's register of tenants, and the platform's own audit log and accounts.

use crate::api::common::{EventRef, PageQuery, Query, next};
use crate::problem::{Error, Problems};
use crate::request::{Ids, OnPlatform, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chancery_app::{Chancery, RegisteredTenantRow};
use chancery_domain::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A tenant to be created.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenantBody {
    /// Its short name: 3 to 40 lower-case letters, digits and single hyphens, a letter first. Never given out again.
    pub slug: String,
}

/// Nothing further is said.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptyBody {}

/// A tenant in the register.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RegisteredTenantDocument {
    /// Its id.
    pub id: String,
    /// Its short name.
    pub slug: String,
    /// `creating`, `active`, `suspending`, `suspended` or `resuming`.
    pub status: String,
    /// When it was registered.
    pub created_at: String,
}

/// A tenant after a change.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ChangedTenantDocument {
    /// The tenant.
    pub tenant: RegisteredTenantDocument,
    /// The token with which the tenant's first admin enrols, shown this once; hand it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolment_token: Option<String>,
    /// The event in the platform's log.
    pub event: EventRef,
}

/// An enrolment token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationDocument {
    /// The token, shown this once; absent when a request is repeated. It ends those made before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolment_token: Option<String>,
    /// The event in the platform's log.
    pub event: EventRef,
}

/// A page of the register.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RegisteredTenantPage {
    /// The tenants, newest first.
    pub items: Vec<RegisteredTenantDocument>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl From<&RegisteredTenantRow> for RegisteredTenantDocument {
    fn from(row: &RegisteredTenantRow) -> Self {
        let (id, created_at) = (row.id.to_string(), row.created_at.to_string());
        Self { id, slug: row.slug.clone(), status: row.status.as_str().to_owned(), created_at }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(invite))
        .routes(routes!(suspend))
        .routes(routes!(resume))
}

/// List the tenants.
#[utoipa::path(get, path = "/v1/platform/tenants", tag = "platform", params(PageQuery), security(("token" = [])),
    extensions(("x-action" = json!("registry:read"))),
    responses((status = 200, body = RegisteredTenantPage), Problems))]
async fn list(
    State(service): State<Chancery>,
    caller: OnPlatform,
    Query(query): Query<PageQuery>,
) -> Result<Json<RegisteredTenantPage>, Error> {
    let page = query.page()?;
    let rows = service.tenants(&caller, page).await?;
    let next = next(&rows, page.limit, |row| row.id.to_string());
    Ok(Json(RegisteredTenantPage { items: rows.iter().map(Into::into).collect(), next }))
}

/// Create a tenant with its own keys, store and profiles. Repeated with the same Idempotency-Key it answers without the token.
#[utoipa::path(post, path = "/v1/platform/tenants", tag = "platform", request_body = CreateTenantBody, security(("token" = [])),
    extensions(("x-action" = json!("registry:write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = ChangedTenantDocument), Problems))]
async fn create(
    State(service): State<Chancery>,
    OnPlatform(caller): OnPlatform,
    Submitted { body, once }: Submitted<CreateTenantBody>,
) -> Result<(StatusCode, Json<ChangedTenantDocument>), Error> {
    let slug = body.slug.parse().map_err(|error| Error::field("slug", error))?;
    let created = service.create_tenant(&caller.once(once), &slug).await?;
    let enrolment_token = created.enrolment.map(|token| token.expose().to_string());
    let document = ChangedTenantDocument { tenant: (&created.tenant).into(), enrolment_token, event: created.receipt.into() };
    Ok((StatusCode::CREATED, Json(document)))
}

/// Show a tenant of the register.
#[utoipa::path(get, path = "/v1/platform/tenants/{registered}", tag = "platform", security(("token" = [])),
    extensions(("x-action" = json!("registry:read"))),
    params(("registered" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = RegisteredTenantDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: OnPlatform, ids: Ids) -> Result<Json<RegisteredTenantDocument>, Error> {
    let row = service.tenant(&caller, ids.parse("registered")?).await?;
    Ok(Json((&row).into()))
}

/// Make a new enrolment token for a tenant that nobody belongs to yet.
#[utoipa::path(post, path = "/v1/platform/tenants/{registered}/invite", tag = "platform", request_body = EmptyBody,
    security(("token" = [])),
    extensions(("x-action" = json!("registry:write"))), params(("registered" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = InvitationDocument), Problems))]
async fn invite(
    State(service): State<Chancery>,
    OnPlatform(caller): OnPlatform,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<(StatusCode, Json<InvitationDocument>), Error> {
    let (token, receipt) = service.invite_admin(&caller.once(once), ids.parse("registered")?).await?;
    Ok((
        StatusCode::CREATED,
        Json(InvitationDocument { enrolment_token: token.map(|token| token.expose().to_string()), event: receipt.into() }),
    ))
}

/// Suspend a tenant: nobody acts in it; its CRLs go on being published.
#[utoipa::path(post, path = "/v1/platform/tenants/{registered}/suspend", tag = "platform", request_body = EmptyBody,
    security(("token" = [])),
    extensions(("x-action" = json!("registry:write"))), params(("registered" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = ChangedTenantDocument), Problems))]
async fn suspend(
    State(service): State<Chancery>,
    OnPlatform(caller): OnPlatform,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<ChangedTenantDocument>, Error> {
    let id: TenantId = ids.parse("registered")?;
    let (row, receipt) = service.suspend_tenant(&caller.once(once), id).await?;
    Ok(Json(ChangedTenantDocument { tenant: (&row).into(), enrolment_token: None, event: receipt.into() }))
}

/// Resume a suspended tenant.
#[utoipa::path(post, path = "/v1/platform/tenants/{registered}/resume", tag = "platform", request_body = EmptyBody,
    security(("token" = [])),
    extensions(("x-action" = json!("registry:write"))), params(("registered" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = ChangedTenantDocument), Problems))]
async fn resume(
    State(service): State<Chancery>,
    OnPlatform(caller): OnPlatform,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<ChangedTenantDocument>, Error> {
    let id: TenantId = ids.parse("registered")?;
    let (row, receipt) = service.resume_tenant(&caller.once(once), id).await?;
    Ok(Json(ChangedTenantDocument { tenant: (&row).into(), enrolment_token: None, event: receipt.into() }))
}
