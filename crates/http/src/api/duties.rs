//! `/v1/tenants/{tenant}/duty-conflicts…`: duties that nobody may hold together.

use crate::api::common::EventRef;
use crate::api::platform::EmptyBody;
use crate::api::roles::named_actions;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chancery_app::{Chancery, DutyConflict};
use chancery_domain::binding::Conflict;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Duties to be kept apart.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictBody {
    /// What it is called, 1 to 100 characters, for people only.
    pub name: String,
    /// The actions on one side.
    #[schema(min_items = 1)]
    pub one: Vec<String>,
    /// The actions on the other.
    #[schema(min_items = 1)]
    pub other: Vec<String>,
}

/// Duties kept apart: nobody holds some of both sides, with all their accounts and the service accounts that they own.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConflictDocument {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The actions on one side.
    pub one: Vec<String>,
    /// The actions on the other.
    pub other: Vec<String>,
    /// The account that declared it.
    pub made_by: String,
    /// When it was declared.
    pub created_at: String,
    /// Until when it counted.
    pub ended_at: Option<String>,
    /// The event of what was just done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// All duties kept apart.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConflictList {
    /// Them, newest first.
    pub items: Vec<ConflictDocument>,
}

impl From<DutyConflict> for ConflictDocument {
    fn from(found: DutyConflict) -> Self {
        let DutyConflict { id, conflict: Conflict { name, one, other }, made_by, created_at, ended_at } = found;
        let names = |actions: &std::collections::BTreeSet<_>| actions.iter().map(chancery_domain::action::Action::to_string).collect();
        Self {
            id: id.to_string(),
            name,
            one: names(&one),
            other: names(&other),
            made_by: made_by.to_string(),
            created_at: created_at.to_string(),
            ended_at: ended_at.map(|at| at.to_string()),
            event: None,
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list, declare)).routes(routes!(end))
}

/// List the duties that are kept apart now.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/duty-conflicts", tag = "duties", security(("token" = [])),
    extensions(("x-action" = json!("role:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = ConflictList), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant) -> Result<Json<ConflictList>, Error> {
    Ok(Json(ConflictList { items: service.duty_conflicts(&caller).await?.into_iter().map(Into::into).collect() }))
}

/// Declare that nobody may hold some of both sides. Refused while somebody does; who that is is said.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/duty-conflicts", tag = "duties", security(("token" = [])),
    extensions(("x-action" = json!("duty:write"))),
    request_body = ConflictBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = ConflictDocument), Problems))]
async fn declare(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<ConflictBody>,
) -> Result<(StatusCode, Json<ConflictDocument>), Error> {
    let conflict = Conflict { one: named_actions("one", &body.one)?, other: named_actions("other", &body.other)?, name: body.name };
    let (declared, receipt) = service.declare_conflict(&caller.once(once), &conflict).await?;
    Ok((StatusCode::CREATED, Json(ConflictDocument { event: Some(receipt.into()), ..declared.into() })))
}

/// Keep these duties apart no longer.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/duty-conflicts/{conflict}/end", tag = "duties", security(("token" = [])),
    extensions(("x-action" = json!("duty:write"))),
    request_body = EmptyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("conflict" = String, Path, description = "The conflict's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = ConflictDocument), Problems))]
async fn end(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<ConflictDocument>, Error> {
    let (ended, receipt) = service.end_conflict(&caller.once(once), ids.parse("conflict")?).await?;
    Ok(Json(ConflictDocument { event: Some(receipt.into()), ..ended.into() }))
}
