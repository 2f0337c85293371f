//! `/v1/tenants/{tenant}/profiles…`: what may be issued, in versions.

use crate::api::common::EventRef;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chancery_app::{Chancery, ProfileVersion};
use chancery_domain::profile::{Profile, ProfileName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A profile's version in force.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProfileDocument {
    /// Its version, from 1; also its ETag.
    pub version: u32,
    /// When this version was made.
    pub created_at: String,
    /// The profile; the fields are described in docs/profiles.md.
    pub profile: Profile,
    /// The event of the change, when it was just changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// All profiles in force.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProfileList {
    /// The profiles by name.
    pub items: Vec<ProfileDocument>,
}

impl From<ProfileVersion> for ProfileDocument {
    fn from(found: ProfileVersion) -> Self {
        Self { version: found.version, created_at: found.created_at.to_string(), profile: found.profile, event: None }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change))
}

/// List the profiles in force.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/profiles", tag = "profiles", security(("token" = [])),
    extensions(("x-action" = json!("profile:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = ProfileList), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant) -> Result<Json<ProfileList>, Error> {
    Ok(Json(ProfileList { items: service.profiles(&caller).await?.into_iter().map(Into::into).collect() }))
}

/// Make a profile: its first version.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/profiles", tag = "profiles", security(("token" = [])),
    extensions(("x-action" = json!("profile:write"))),
    request_body = Profile, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 201, body = ProfileDocument), Problems))]
async fn create(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<Profile>,
) -> Result<(StatusCode, Response), Error> {
    let (made, receipt) = service.create_profile(&caller.once(once), &body).await?;
    Ok((StatusCode::CREATED, tagged(ProfileDocument { event: Some(receipt.into()), ..made.into() })))
}

/// Show the profile in force.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/profiles/{profile}", tag = "profiles", security(("token" = [])),
    extensions(("x-action" = json!("profile:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("profile" = String, Path, description = "The profile's name")),
    responses((status = 200, body = ProfileDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Response, Error> {
    Ok(tagged(service.profile(&caller, &ids.parse("profile")?).await?.into()))
}

/// Put a new version of a profile in force. If-Match names the version that was read.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/profiles/{profile}", tag = "profiles", security(("token" = [])),
    extensions(("x-action" = json!("profile:write"))),
    request_body = Profile, params(("tenant" = String, Path, description = "The tenant's id"),
    ("profile" = String, Path, description = "The profile's name"),
    ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses((status = 200, body = ProfileDocument), (status = 412, body = crate::problem::Problem,
    content_type = "application/problem+json"), (status = 428, body = crate::problem::Problem,
    content_type = "application/problem+json"), Problems))]
async fn change(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    headers: HeaderMap,
    Submitted { body, .. }: Submitted<Profile>,
) -> Result<Response, Error> {
    let name: ProfileName = ids.parse("profile")?;
    if body.name != name {
        return Err(Error::field("name", "it must be the name in the address: profiles are not renamed"));
    }
    let read = if_match(&headers)?;
    let (changed, receipt) = service.change_profile(&caller, read, &body).await?;
    Ok(tagged(ProfileDocument { event: Some(receipt.into()), ..changed.into() }))
}

pub(crate) fn if_match(headers: &HeaderMap) -> Result<u32, Error> {
    let missing = || {
        let detail = "send If-Match with the ETag of the version that you read, for example If-Match: \"3\"";
        Error::Request(StatusCode::PRECONDITION_REQUIRED, "precondition-required", detail.to_owned())
    };
    let tag = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    tag.trim_matches('"').parse().map_err(|_| missing())
}

fn tagged(document: ProfileDocument) -> Response {
    let tag = format!("\"{}\"", document.version);
    ([(header::ETAG, tag)], Json(document)).into_response()
}
