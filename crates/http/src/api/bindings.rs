//! `/v1/tenants/{tenant}/bindings…` and an account's roles: who holds what, where and until when.

use crate::api::accounts::AccountDocument;
use crate::api::common::{EventRef, PageQuery, Query, next};
use crate::api::platform::EmptyBody;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chancery_app::{AskedRole, AskedScope, Bound, Chancery, NewBinding, RoleBinding};
use chancery_domain::Timestamp;
use chancery_domain::role::Role;
use chancery_domain::scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A binding to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindBody {
    /// The account.
    pub account: String,
    /// A built-in role by name, or one of the tenant's own by id.
    pub role: String,
    /// Where it holds; everywhere, if nothing is limited.
    #[serde(default)]
    pub scope: ScopeDocument,
    /// From when on it counts no longer (RFC 3339); without an end it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// Where a binding holds: for what every limit admits. What is left out is not limited; an empty list admits nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeDocument {
    /// Only these certificate profiles, and what was issued under them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200)]
    pub profiles: Option<Vec<String>>,
    /// Only these signers, and what they signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200)]
    pub signers: Option<Vec<String>>,
    /// Only these issuers, and what they issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200)]
    pub issuers: Option<Vec<String>>,
    /// Only certificates of which each name matches one of these patterns, such as `dns:*.team.example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200)]
    pub names: Option<Vec<String>>,
    /// Only profiles and signers with one of these environments, and what came of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200)]
    pub environments: Option<Vec<String>>,
}

/// What an account holds of a role, besides the roles of the account itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BindingDocument {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// The built-in role's name, or the own role's id.
    pub role: String,
    /// The role's name; absent for one that was removed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// Where it holds.
    pub scope: ScopeDocument,
    /// The account that gave it.
    pub granted_by: String,
    /// When it was given.
    pub created_at: String,
    /// From when on it counts no longer.
    pub expires_at: Option<String>,
    /// When it was taken back.
    pub ended_at: Option<String>,
    /// The event of what was just done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// A page of bindings.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BindingPage {
    /// The bindings, newest first.
    pub items: Vec<BindingDocument>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// The roles that an account is to have.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesBody {
    /// Built-in roles, held everywhere and until they are changed again; none is right for an account that is bound to roles instead.
    pub roles: Vec<String>,
}

/// So many entries has a limit of a scope at most.
const MOST: usize = 200;

impl ScopeDocument {
    fn asked(self) -> Result<AskedScope, Error> {
        let limits = [&self.profiles, &self.signers, &self.issuers, &self.names, &self.environments];
        if limits.into_iter().flatten().any(|limit| limit.len() > MOST) {
            return Err(Error::field("scope", format!("at most {MOST} entries in a list")));
        }
        let pattern = |text: String| text.parse().map_err(|bad| Error::field("names", bad));
        let environment = |text: String| text.parse().map_err(|bad| Error::field("environments", bad));
        let rest = Scope {
            names: self.names.map(|names| names.into_iter().map(pattern).collect::<Result<_, _>>()).transpose()?,
            environments: self.environments.map(|names| names.into_iter().map(environment).collect::<Result<_, _>>()).transpose()?,
            ..Scope::default()
        };
        Ok(AskedScope { profiles: given(self.profiles), signers: given(self.signers), issuers: given(self.issuers), rest })
    }
}

fn given<T: std::str::FromStr>(texts: Option<Vec<String>>) -> Option<Vec<Option<T>>> {
    texts.map(|texts| texts.iter().map(|text| text.parse().ok()).collect())
}

fn texts<T: ToString>(limit: Option<impl IntoIterator<Item = T>>) -> Option<Vec<String>> {
    limit.map(|limit| limit.into_iter().map(|item| item.to_string()).collect())
}

impl From<Scope> for ScopeDocument {
    fn from(scope: Scope) -> Self {
        Self {
            profiles: texts(scope.profiles),
            signers: texts(scope.signers),
            issuers: texts(scope.issuers),
            names: texts(scope.names),
            environments: texts(scope.environments),
        }
    }
}

impl BindBody {
    fn read(self) -> Result<NewBinding, Error> {
        let role = Role::from_name(&self.role).map_or_else(|| AskedRole::Own(self.role.parse().ok()), AskedRole::BuiltIn);
        let time =
            |text: &str| Timestamp::parse(text).map_err(|_| Error::field("expires_at", "a time such as 2027-01-31T00:00:00Z (RFC 3339)"));
        let expires_at = self.expires_at.as_deref().map(time).transpose()?;
        Ok(NewBinding { account: self.account.parse().ok(), role, scope: self.scope.asked()?, expires_at })
    }
}

impl From<RoleBinding> for BindingDocument {
    fn from(binding: RoleBinding) -> Self {
        let (role, role_name) = match binding.role {
            Bound::BuiltIn(role) => (role.to_string(), Some(role.to_string())),
            Bound::Own(id, name) => (id.to_string(), name.map(|name| name.to_string())),
        };
        Self {
            id: binding.id.to_string(),
            account: binding.account.to_string(),
            role,
            role_name,
            scope: binding.scope.into(),
            granted_by: binding.granted_by.to_string(),
            created_at: binding.created_at.to_string(),
            expires_at: binding.expires_at.map(|at| at.to_string()),
            ended_at: binding.ended_at.map(|at| at.to_string()),
            event: None,
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list, bind)).routes(routes!(show)).routes(routes!(unbind)).routes(routes!(set))
}

/// List bindings, also those that were taken back or have expired.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/bindings", tag = "bindings", security(("token" = [])),
    extensions(("x-action" = json!("role:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), PageQuery),
    responses((status = 200, body = BindingPage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(query): Query<PageQuery>) -> Result<Json<BindingPage>, Error> {
    let page = query.page()?;
    let found = service.bindings(&caller, page).await?;
    let next = next(&found, page.limit, |binding| binding.id.to_string());
    Ok(Json(BindingPage { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Bind an account to a role. Nobody gives an action that they lack, nor wider or longer than they hold it.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/bindings", tag = "bindings", security(("token" = [])),
    extensions(("x-action" = json!("role:write"))),
    request_body = BindBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = BindingDocument), Problems))]
async fn bind(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<BindBody>,
) -> Result<(StatusCode, Json<BindingDocument>), Error> {
    let (binding, receipt) = service.bind(&caller.once(once), &body.read()?).await?;
    Ok((StatusCode::CREATED, Json(BindingDocument { event: Some(receipt.into()), ..binding.into() })))
}

/// Show a binding.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/bindings/{binding}", tag = "bindings", security(("token" = [])),
    extensions(("x-action" = json!("role:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("binding" = String, Path, description = "The binding's id")),
    responses((status = 200, body = BindingDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<BindingDocument>, Error> {
    Ok(Json(service.binding(&caller, ids.parse("binding")?).await?.into()))
}

/// Take a binding back; every node obeys within 5 s.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/bindings/{binding}/end", tag = "bindings", security(("token" = [])),
    extensions(("x-action" = json!("role:write"))),
    request_body = EmptyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("binding" = String, Path, description = "The binding's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = BindingDocument), Problems))]
async fn unbind(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<BindingDocument>, Error> {
    let (binding, receipt) = service.end_binding(&caller.once(once), ids.parse("binding")?).await?;
    Ok(Json(BindingDocument { event: Some(receipt.into()), ..binding.into() }))
}

/// Give an account other built-in roles in place of those that it has; its bindings stay. Nobody gives roles that include what they lack.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/roles", tag = "bindings", security(("token" = [])),
    extensions(("x-action" = json!("role:write"))),
    request_body = RolesBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = AccountDocument), Problems))]
async fn set(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<RolesBody>,
) -> Result<Json<AccountDocument>, Error> {
    let role = |name: &String| Role::from_name(name).ok_or_else(|| Error::field("roles", format!("no role is called {name:?}")));
    let roles = body.roles.iter().map(role).collect::<Result<Vec<_>, _>>()?;
    let (account, receipt) = service.set_roles(&caller.once(once), ids.parse("account")?, &roles).await?;
    Ok(Json(AccountDocument { event: Some(receipt.into()), ..(&account).into() }))
}
