//! `GET /v1/tenants/{tenant}/events/{event}/evidence` and `/trust`: one file about one act, and whom to trust to verify it (I14).

use crate::api::common::Query;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant};
use axum::Json;
use axum::extract::State;
use chancery_app::{Bundle, Chancery, TrustFile, View};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// For whom.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EvidenceQuery {
    /// Who the bundle is for, which decides what of the record it opens; by default the tenant itself.
    #[serde(default)]
    pub view: View,
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(trust))
}

/// Get the evidence of the act that an event records: it verifies offline with `chancery verify`, without this service.
///
/// An event gets its place in the log within a second; until then the answer is 503.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/events/{event}/evidence", tag = "audit", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("event" = String, Path, description = "The event's id"), EvidenceQuery),
    responses((status = 200, body = Bundle), Problems))]
async fn show(
    State(service): State<Chancery>,
    caller: InTenant,
    ids: Ids,
    Query(query): Query<EvidenceQuery>,
) -> Result<Json<Bundle>, Error> {
    Ok(Json(service.evidence(&caller, ids.parse("event")?, query.view).await?))
}

/// Get what a verifier of the tenant's evidence has to trust beforehand: the keys of its log, and its roots.
///
/// Hand it over on a way that the reader trusts, before it is needed.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/trust", tag = "audit", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = TrustFile), Problems))]
async fn trust(State(service): State<Chancery>, caller: InTenant) -> Result<Json<TrustFile>, Error> {
    Ok(Json(service.trust_file(&caller).await?))
}
