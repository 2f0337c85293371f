//! `POST /v1/enrol`: an enrolment token becomes an account and its first bearer token.

use crate::api::accounts::{AccountDocument, TokenDocument};
use crate::problem::{Error, Problems};
use crate::request::{RequestId, Submitted, bearer};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chancery_app::{Chancery, Failure};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Who enrols.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolBody {
    /// The new account's name, 1 to 100 characters.
    pub name: String,
    /// The lifetime of the token that is given, in seconds; 90 days by default, 366 days at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// The new account.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrolledDocument {
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The account.
    pub account: AccountDocument,
    /// Its token, shown this once.
    pub token: TokenDocument,
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(enrol))
}

/// Use up an enrolment token. Send it as the bearer token. It works once: if the answer is lost, ask for a new one.
#[utoipa::path(post, path = "/v1/enrol", tag = "enrolment", request_body = EnrolBody, security(("token" = [])),
    responses((status = 201, body = EnrolledDocument), Problems))]
async fn enrol(
    State(service): State<Chancery>,
    Extension(RequestId(request)): Extension<RequestId>,
    headers: HeaderMap,
    Submitted { body, .. }: Submitted<EnrolBody>,
) -> Result<(StatusCode, Json<EnrolledDocument>), Error> {
    let token = bearer(&headers).ok_or(Failure::Unauthenticated)?;
    let lifetime = Duration::from_secs(body.expires_in_seconds.unwrap_or(90 * 86_400));
    let enrolled = service.enrol(token, &body.name, lifetime, request).await?;
    let tenant = enrolled.token.token.as_ref().map(|token| token.tenant().to_string()).unwrap_or_default();
    let document = EnrolledDocument { tenant, account: (&enrolled.account).into(), token: enrolled.token.into() };
    Ok((StatusCode::CREATED, Json(document)))
}
