//! `/v1/tenants/{tenant}/certificates/bulk-…`: many certificates at once, each an act of its own.

use crate::api::certificates::CertificateDocument;
use crate::problem::{Error, Problem, Problems, from_failure};
use crate::request::{InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use chancery_app::{Chancery, Each};
use chancery_domain::certificate::RevocationReason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Which certificates to revoke, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkRevokeBody {
    /// Their ids, 1 to 100.
    pub certificates: Vec<String>,
    /// `unspecified`, `key-compromise`, `affiliation-changed`, `superseded`, `cessation-of-operation` or `privilege-withdrawn`.
    pub reason: String,
}

/// Which certificates to renew.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkRenewBody {
    /// Their ids, 1 to 100.
    pub certificates: Vec<String>,
}

/// What became of one certificate: a result or a problem.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BulkItem {
    /// The id as it was given.
    pub certificate: String,
    /// The certificate revoked, or the new one, with the event of the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<CertificateDocument>,
    /// Why nothing was done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What became of many certificates.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BulkDocument {
    /// Each, in the order in which they were given.
    pub items: Vec<BulkItem>,
    /// How many were done.
    pub done: usize,
    /// How many were not.
    pub failed: usize,
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(bulk_revoke)).routes(routes!(bulk_renew))
}

/// Revoke certificates one by one; each has its own event. Repeated with the same Idempotency-Key, what was done is not done again.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/bulk-revoke", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:revoke"))),
    request_body = BulkRevokeBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = BulkDocument), Problems))]
async fn bulk_revoke(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<BulkRevokeBody>,
) -> Result<Json<BulkDocument>, Error> {
    let reason = RevocationReason::ALL.iter().copied().find(|reason| reason.as_str() == body.reason);
    let reason = reason.ok_or_else(|| Error::field("reason", "no such reason"))?;
    let results = service.revoke_each(&caller.once(once), &ids(&body.certificates), reason).await?;
    Ok(Json(document(body.certificates, results)))
}

/// Renew certificates one by one, each decided anew under today's policy; each has its own event. Repeated with the same
/// Idempotency-Key, what was done is not done again.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/bulk-renew", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:renew"))),
    request_body = BulkRenewBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = BulkDocument), Problems))]
async fn bulk_renew(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<BulkRenewBody>,
) -> Result<Json<BulkDocument>, Error> {
    let results = service.renew_each(&caller.once(once), &ids(&body.certificates)).await?;
    Ok(Json(document(body.certificates, results)))
}

/// An id that does not parse is missing, like one that does not exist (I7).
fn ids<T: std::str::FromStr>(texts: &[String]) -> Vec<Option<T>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

fn document(ids: Vec<String>, results: Vec<Each>) -> BulkDocument {
    let item = |(certificate, result): (String, Each)| match result {
        Ok((done, receipt)) => {
            let result = CertificateDocument { event: Some(receipt.into()), ..done.into() };
            BulkItem { certificate, result: Some(result), problem: None }
        }
        Err(failure) => BulkItem { certificate, result: None, problem: Some(from_failure(&failure)) },
    };
    let items: Vec<_> = ids.into_iter().zip(results).map(item).collect();
    let done = items.iter().filter(|item| item.result.is_some()).count();
    BulkDocument { failed: items.len() - done, done, items }
}
