//! `/v1/tenants/{tenant}/signers/{signer}/timestamps`: the Time-Stamp Protocol over HTTP (RFC 3161 section 3.4).

use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted, SubmittedQuery};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chancery_app::Chancery;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A `TimeStampReq`, DER, at most 4096 bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "it stands in the document alone")]
struct TimestampQuery(Vec<u8>);

/// A `TimeStampResp`, DER: a token, or the reason why there is none.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "it stands in the document alone")]
struct TimestampReply(Vec<u8>);

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(timestamp))
}

/// Have a timestamping authority give a timestamp. A query that it does not answer is rejected inside the reply.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/signers/{signer}/timestamps", tag = "signatures", security(("token" = [])),
    extensions(("x-action" = json!("signature:create"))),
    request_body(content = TimestampQuery, content_type = "application/timestamp-query"),
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("signer" = String, Path, description = "The name of a signer whose profile has the format `timestamp`"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only: a repetition answers with the very same token")),
    responses((status = 200, body = TimestampReply, content_type = "application/timestamp-reply"), Problems))]
async fn timestamp(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    SubmittedQuery(Submitted { body, once }): SubmittedQuery,
) -> Result<Response, Error> {
    let reply = service.timestamp(&caller.once(once), &ids.parse("signer")?, &body).await?;
    Ok(([(header::CONTENT_TYPE, "application/timestamp-reply")], reply).into_response())
}
