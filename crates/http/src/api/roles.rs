//! `/v1/tenants/{tenant}/roles…`: the tenant's own roles.

use crate::api::common::EventRef;
use crate::api::platform::EmptyBody;
use crate::api::profiles::if_match;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_app::{Chancery, CustomRole};
use chancery_domain::action::Action;
use chancery_domain::role::RoleName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A role as it is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBody {
    /// Its name, which no other role has.
    #[schema(pattern = "^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
    pub name: String,
    /// What it includes, as in docs/authorisation.md: `certificate:issue`, …
    #[schema(min_items = 1)]
    pub actions: Vec<String>,
}

/// A role of the tenant's own.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RoleDocument {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it includes.
    pub actions: Vec<String>,
    /// Its version, from 1; also its ETag.
    pub version: u32,
    /// The account that made it.
    pub made_by: String,
    /// When it was made.
    pub created_at: String,
    /// The event of what was just done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// The tenant's own roles.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RoleList {
    /// The roles, newest first.
    pub items: Vec<RoleDocument>,
}

/// What became of something that was removed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RemovedDocument {
    /// The event of the removal.
    pub event: EventRef,
}

impl From<CustomRole> for RoleDocument {
    fn from(role: CustomRole) -> Self {
        Self {
            id: role.id.to_string(),
            name: role.name.to_string(),
            actions: role.actions.iter().map(ToString::to_string).collect(),
            version: role.version,
            made_by: role.made_by.to_string(),
            created_at: role.created_at.to_string(),
            event: None,
        }
    }
}

impl RoleBody {
    fn read(&self) -> Result<(RoleName, BTreeSet<Action>), Error> {
        let name = self.name.parse().map_err(|bad| Error::field("name", bad))?;
        Ok((name, named_actions("actions", &self.actions)?))
    }
}

/// Actions by name.
pub(crate) fn named_actions(field: &'static str, names: &[String]) -> Result<BTreeSet<Action>, Error> {
    let action = |name: &String| Action::from_name(name).ok_or_else(|| Error::field(field, format!("no action is called {name:?}")));
    names.iter().map(action).collect()
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change)).routes(routes!(remove))
}

/// List the tenant's own roles.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/roles", tag = "roles", security(("token" = [])),
    extensions(("x-action" = json!("role:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = RoleList), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant) -> Result<Json<RoleList>, Error> {
    Ok(Json(RoleList { items: service.roles(&caller).await?.into_iter().map(Into::into).collect() }))
}

/// Make a role. It gives nothing to anybody until an account is bound to it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/roles", tag = "roles", security(("token" = [])),
    extensions(("x-action" = json!("role:write"))),
    request_body = RoleBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = RoleDocument), Problems))]
async fn create(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<RoleBody>,
) -> Result<(StatusCode, Response), Error> {
    let (name, actions) = body.read()?;
    let (role, receipt) = service.create_role(&caller.once(once), &name, &actions).await?;
    Ok((StatusCode::CREATED, tagged(RoleDocument { event: Some(receipt.into()), ..role.into() })))
}

/// Show a role.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/roles/{role}", tag = "roles", security(("token" = [])),
    extensions(("x-action" = json!("role:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("role" = String, Path, description = "The role's id")),
    responses((status = 200, body = RoleDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Response, Error> {
    Ok(tagged(service.role(&caller, ids.parse("role")?).await?.into()))
}

/// Change a role, for all who are bound to it. If-Match names the version that was read. Nobody adds what they lack.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/roles/{role}", tag = "roles", security(("token" = [])),
    extensions(("x-action" = json!("role:write"))),
    request_body = RoleBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("role" = String, Path, description = "The role's id"),
    ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses((status = 200, body = RoleDocument), (status = 412, body = crate::problem::Problem,
    content_type = "application/problem+json"), (status = 428, body = crate::problem::Problem,
    content_type = "application/problem+json"), Problems))]
async fn change(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    headers: HeaderMap,
    Submitted { body, .. }: Submitted<RoleBody>,
) -> Result<Response, Error> {
    let (name, actions) = body.read()?;
    let (role, receipt) = service.change_role(&caller, ids.parse("role")?, if_match(&headers)?, &name, &actions).await?;
    Ok(tagged(RoleDocument { event: Some(receipt.into()), ..role.into() }))
}

/// Remove a role to which nobody is bound.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/roles/{role}/remove", tag = "roles", security(("token" = [])),
    extensions(("x-action" = json!("role:write"))),
    request_body = EmptyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("role" = String, Path, description = "The role's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = RemovedDocument), Problems))]
async fn remove(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<RemovedDocument>, Error> {
    let receipt = service.remove_role(&caller.once(once), ids.parse("role")?).await?;
    Ok(Json(RemovedDocument { event: receipt.into() }))
}

fn tagged(document: RoleDocument) -> Response {
    let tag = format!("\"{}\"", document.version);
    ([(header::ETAG, tag)], Json(document)).into_response()
}
