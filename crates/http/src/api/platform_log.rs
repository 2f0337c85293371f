//! `GET /v1/tenants/{tenant}/platform-log`: the log that tenants' checkpoints are given to, blinded: what it is called, how long it is and
//! how it grew, and nothing of what is in it (I14).

use super::log::{ConsistencyDocument, ConsistencyQuery, EpochQuery, LogDocument};
use crate::api::common::Query;
use crate::problem::{Error, Problems};
use crate::request::InTenant;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery_app::Chancery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(show_platform)).routes(routes!(platform_checkpoint)).routes(routes!(platform_consistency))
}

/// Show the platform's log: its epochs with their keys and newest checkpoints.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/platform-log", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = LogDocument), Problems))]
async fn show_platform(State(service): State<Chancery>, caller: InTenant) -> Result<Json<LogDocument>, Error> {
    let epochs = service.platform_log_epochs(&caller).await?.into_iter().map(Into::into).collect();
    Ok(Json(LogDocument { epochs }))
}

/// Fetch the platform's newest checkpoint, a signed note: keep it where nobody who may write here can change it.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/platform-log/checkpoint", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), EpochQuery),
    responses((status = 200, body = String, content_type = "text/plain"), Problems))]
async fn platform_checkpoint(
    State(service): State<Chancery>,
    caller: InTenant,
    Query(query): Query<EpochQuery>,
) -> Result<Response, Error> {
    let checkpoint = service.platform_checkpoint(&caller, query.epoch).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], checkpoint).into_response())
}

/// Prove that the platform's log of one size is the beginning of that of another.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/platform-log/consistency", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ConsistencyQuery),
    responses((status = 200, body = ConsistencyDocument), Problems))]
async fn platform_consistency(
    State(service): State<Chancery>,
    caller: InTenant,
    Query(query): Query<ConsistencyQuery>,
) -> Result<Json<ConsistencyDocument>, Error> {
    let from = query.from.unwrap_or(0);
    let (to, hashes) = service.platform_log_consistency(&caller, query.epoch, from, query.to).await?;
    let hashes = hashes.iter().map(|hash| BASE64.encode(hash)).collect();
    Ok(Json(ConsistencyDocument { from, to, hashes }))
}
