//! `/v1/tenants/{tenant}/accounts…`: accounts and their tokens.

use crate::api::common::{EventRef, PageQuery, Query, next};
use crate::api::platform::EmptyBody;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chancery_app::{Account, AskedHolder, Chancery, MintedToken, RotatedToken, TokenInfo};
use chancery_domain::identity::{AccountKind, Holder};
use chancery_domain::role::Role;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// An account to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccountBody {
    /// Its name, 1 to 100 characters, for people only.
    pub name: String,
    /// Its roles: `tenant-admin`, `security-lead`, `issuer`, `auditor`, `viewer`; on the platform `operator`, `support`. None is right
    /// for an account that is bound to roles instead.
    pub roles: Vec<String>,
    /// `user`, the default, for a person's account; `service`, the default where an owner is named, for a program's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AccountKindName>,
    /// Of a service account: the user account that answers for it; by default the one that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Of a user account: another that the same person holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_person_as: Option<String>,
}

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKindName {
    /// A person's.
    User,
    /// A program's, for which a user answers.
    Service,
}

/// Who is to answer for an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerBody {
    /// An enabled user account.
    pub owner: String,
}

/// Who holds an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SamePersonBody {
    /// An enabled user account of the same person.
    pub same_person_as: String,
}

/// A token to be minted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MintTokenBody {
    /// Its lifetime in seconds; 90 days by default, 366 days at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// How to rotate a token.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateTokenBody {
    /// The old token ends after so many seconds, 86400 (a day) by default, 30 days at most; 0 ends it at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u64>,
}

/// An account.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountDocument {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Whether it may act.
    pub enabled: bool,
    /// When it was made.
    pub created_at: String,
    /// What it is.
    pub kind: AccountKindName,
    /// The person behind it: the same for all accounts that one person holds and for the service accounts that they own.
    pub person: String,
    /// The user account that answers for a service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether its owner is disabled: it goes on working, and gets no new token until it has another owner.
    pub orphaned: bool,
    /// Its tokens where one account is shown; where many are listed, those that expire within 14 days and have no successor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<TokenDocument>>,
    /// The event of what was just done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// A token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenDocument {
    /// Its id.
    pub id: String,
    /// The token itself, shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// From when on it is worth nothing.
    pub expires_at: String,
    /// When it was revoked.
    pub ended_at: Option<String>,
    /// The hour in which it was last used.
    pub last_used_at: Option<String>,
    /// The token that took its place.
    pub successor: Option<String>,
    /// The event of what was just done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// A token and the one that took its place.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RotatedDocument {
    /// The new token, shown once.
    pub successor: TokenDocument,
    /// The old token with its new end.
    pub replaced: TokenDocument,
    /// The event of the rotation.
    pub event: EventRef,
}

/// A page of accounts.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountPage {
    /// The accounts, newest first.
    pub items: Vec<AccountDocument>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl From<&Account> for AccountDocument {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.clone(),
            roles: account.roles.iter().map(ToString::to_string).collect(),
            enabled: account.enabled,
            created_at: account.created_at.to_string(),
            kind: account.holder.into(),
            person: account.holder.person().to_string(),
            owner: account.holder.owner().map(|owner| owner.to_string()),
            orphaned: account.holder.is_orphaned(),
            tokens: None,
            event: None,
        }
    }
}

impl From<Holder> for AccountKindName {
    fn from(holder: Holder) -> Self {
        match holder.kind() {
            AccountKind::User => Self::User,
            AccountKind::Service => Self::Service,
        }
    }
}

impl CreateAccountBody {
    fn holder(&self) -> Result<AskedHolder, Error> {
        let given = |text: &Option<String>| text.as_deref().map(|text| text.parse().ok());
        let (owner, same) = (given(&self.owner), given(&self.same_person_as));
        match (self.kind, owner, same) {
            (Some(AccountKindName::User), Some(_), _) => Err(Error::field("owner", "only a service account has one")),
            (Some(AccountKindName::Service), _, Some(_)) | (None, Some(_), Some(_)) => {
                Err(Error::field("same_person_as", "a service account has an owner instead"))
            }
            (_, _, Some(same)) => Ok(AskedHolder::SamePersonAs(same)),
            (Some(AccountKindName::Service), owner, None) => Ok(AskedHolder::OwnedBy(owner)),
            (_, Some(owner), None) => Ok(AskedHolder::OwnedBy(Some(owner))),
            (_, None, None) => Ok(AskedHolder::Person),
        }
    }
}

impl From<&TokenInfo> for TokenDocument {
    fn from(token: &TokenInfo) -> Self {
        Self {
            id: token.id.to_string(),
            token: None,
            created_at: token.created_at.to_string(),
            expires_at: token.expires_at.to_string(),
            ended_at: token.ended_at.map(|at| at.to_string()),
            last_used_at: token.used_at.map(|at| at.to_string()),
            successor: token.successor.map(|id| id.to_string()),
            event: None,
        }
    }
}

impl From<MintedToken> for TokenDocument {
    fn from(minted: MintedToken) -> Self {
        let token = minted.token.map(|token| token.expose().to_string());
        Self { token, event: Some(minted.receipt.into()), ..(&minted.info).into() }
    }
}

impl From<RotatedToken> for RotatedDocument {
    fn from(rotated: RotatedToken) -> Self {
        let event = rotated.successor.receipt.clone().into();
        Self { replaced: (&rotated.replaced).into(), event, successor: TokenDocument { event: None, ..rotated.successor.into() } }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(disable))
        .routes(routes!(own))
        .routes(routes!(join))
        .routes(routes!(mint))
        .routes(routes!(rotate))
        .routes(routes!(revoke))
}

/// List accounts, each with its tokens that expire within 14 days and have no successor.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/accounts", tag = "accounts", security(("token" = [])),
    extensions(("x-action" = json!("account:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), PageQuery),
    responses((status = 200, body = AccountPage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(query): Query<PageQuery>) -> Result<Json<AccountPage>, Error> {
    let page = query.page()?;
    let accounts = service.accounts(&caller, page).await?;
    let next = next(&accounts, page.limit, |(account, _)| account.id.to_string());
    let document = |(account, tokens): &(Account, Vec<TokenInfo>)| AccountDocument {
        tokens: Some(tokens.iter().map(Into::into).collect()),
        ..account.into()
    };
    Ok(Json(AccountPage { items: accounts.iter().map(document).collect(), next }))
}

/// Make an account. Nobody gives roles that include what they lack.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts", tag = "accounts", security(("token" = [])),
    extensions(("x-action" = json!("account:write"))),
    request_body = CreateAccountBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = AccountDocument), Problems))]
async fn create(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<CreateAccountBody>,
) -> Result<(StatusCode, Json<AccountDocument>), Error> {
    let role = |name: &String| Role::from_name(name).ok_or_else(|| Error::field("roles", format!("no role is called {name:?}")));
    let roles = body.roles.iter().map(role).collect::<Result<Vec<_>, _>>()?;
    let (account, receipt) = service.create_account(&caller.once(once), &body.name, &roles, body.holder()?).await?;
    Ok((StatusCode::CREATED, Json(AccountDocument { event: Some(receipt.into()), ..(&account).into() })))
}

/// Show an account with its tokens.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/accounts/{account}", tag = "accounts", security(("token" = [])),
    extensions(("x-action" = json!("account:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("account" = String, Path, description = "The account's id")),
    responses((status = 200, body = AccountDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<AccountDocument>, Error> {
    let (account, tokens) = service.account(&caller, ids.parse("account")?).await?;
    Ok(Json(AccountDocument { tokens: Some(tokens.iter().map(Into::into).collect()), ..(&account).into() }))
}

/// Disable an account for good: its tokens are worth nothing from now on.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/disable", tag = "accounts", security(("token" = [])),
    extensions(("x-action" = json!("account:write"))),
    request_body = EmptyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = AccountDocument), Problems))]
async fn disable(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<AccountDocument>, Error> {
    let (account, receipt) = service.disable_account(&caller.once(once), ids.parse("account")?).await?;
    Ok(Json(AccountDocument { event: Some(receipt.into()), ..(&account).into() }))
}

/// Make an account the service account of this user, who answers for it from now on. Nobody lets go of an account that is their own.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/owner", tag = "accounts", security(("token" = [])),
    extensions(("x-action" = json!("account:write"))),
    request_body = OwnerBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = AccountDocument), Problems))]
async fn own(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<OwnerBody>,
) -> Result<Json<AccountDocument>, Error> {
    let (account, receipt) = service.own_account(&caller.once(once), ids.parse("account")?, body.owner.parse().ok()).await?;
    Ok(Json(AccountDocument { event: Some(receipt.into()), ..(&account).into() }))
}

/// Declare for good that one person holds two user accounts, with all that is held with either of the two.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/person", tag = "accounts", security(("token" = [])),
    extensions(("x-action" = json!("account:write"))),
    request_body = SamePersonBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = AccountDocument), Problems))]
async fn join(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<SamePersonBody>,
) -> Result<Json<AccountDocument>, Error> {
    let other = body.same_person_as.parse().ok();
    let (account, receipt) = service.join_persons(&caller.once(once), ids.parse("account")?, other).await?;
    Ok(Json(AccountDocument { event: Some(receipt.into()), ..(&account).into() }))
}

/// Mint a token for an account. Repeated with the same Idempotency-Key it answers without the token.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/tokens", tag = "accounts", security(("token" = [])),
    extensions(("x-action" = json!("account:write"))),
    request_body = MintTokenBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = TokenDocument), Problems))]
async fn mint(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<MintTokenBody>,
) -> Result<(StatusCode, Json<TokenDocument>), Error> {
    let lifetime = Duration::from_secs(body.expires_in_seconds.unwrap_or(90 * 86_400));
    let minted = service.mint_token(&caller.once(once), ids.parse("account")?, lifetime).await?;
    Ok((StatusCode::CREATED, Json(minted.into())))
}

/// Rotate a token: a successor with the same lifetime, and an end for the old one after an overlap. Repeated with the same
/// Idempotency-Key it answers without the token.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/tokens/{token}/rotate", tag = "accounts",
    security(("token" = [])),
    extensions(("x-action" = json!("account:write"))), request_body = RotateTokenBody,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"), ("token" = String, Path, description = "The token's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = RotatedDocument), Problems))]
async fn rotate(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { body, once }: Submitted<RotateTokenBody>,
) -> Result<(StatusCode, Json<RotatedDocument>), Error> {
    let overlap = Duration::from_secs(body.overlap_seconds.unwrap_or(86_400));
    let rotated = service.rotate_token(&caller.once(once), ids.parse("account")?, ids.parse("token")?, overlap).await?;
    Ok((StatusCode::CREATED, Json(rotated.into())))
}

/// Revoke a token; every node obeys within 5 s.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/accounts/{account}/tokens/{token}/revoke", tag = "accounts",
    security(("token" = [])),
    extensions(("x-action" = json!("account:write"))), request_body = EmptyBody,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("account" = String, Path, description = "The account's id"), ("token" = String, Path, description = "The token's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = TokenDocument), Problems))]
async fn revoke(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<TokenDocument>, Error> {
    let (token, receipt) = service.revoke_token(&caller.once(once), ids.parse("account")?, ids.parse("token")?).await?;
    Ok(Json(TokenDocument { event: Some(receipt.into()), ..(&token).into() }))
}
