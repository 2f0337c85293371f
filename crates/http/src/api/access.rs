//! `/v1/tenants/{tenant}/access`: who can do what here.

use crate::api::accounts::TokenDocument;
use crate::api::common::{PageQuery, Query, next};
use crate::problem::{Error, Problems};
use crate::request::InTenant;
use axum::Json;
use axum::extract::State;
use chancery_app::{Access, Chancery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What an account may do, and the tokens that speak for it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccessDocument {
    /// The account's id.
    pub account: String,
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// The actions that its roles and bindings come to; those of bindings within their scopes alone.
    pub actions: Vec<String>,
    /// How many bindings it has besides its roles that count.
    pub bindings: usize,
    /// Its tokens that are worth something now.
    pub tokens: Vec<TokenDocument>,
}

/// A page of who can do what.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccessPage {
    /// The enabled accounts, newest first.
    pub items: Vec<AccessDocument>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl From<&Access> for AccessDocument {
    fn from(access: &Access) -> Self {
        Self {
            account: access.account.id.to_string(),
            name: access.account.name.clone(),
            roles: access.account.roles.iter().map(ToString::to_string).collect(),
            actions: access.actions.iter().map(ToString::to_string).collect(),
            bindings: access.bindings,
            tokens: access.tokens.iter().map(Into::into).collect(),
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Who can do what here: every enabled account with its roles, what they come to, and its live tokens.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/access", tag = "access", security(("token" = [])),
    extensions(("x-action" = json!("account:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), PageQuery),
    responses((status = 200, body = AccessPage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(query): Query<PageQuery>) -> Result<Json<AccessPage>, Error> {
    let page = query.page()?;
    let found = service.access(&caller, page).await?;
    let next = next(&found, page.limit, |access| access.account.id.to_string());
    Ok(Json(AccessPage { items: found.iter().map(Into::into).collect(), next }))
}
