//! `POST /v1/tenants/{tenant}/certificates/import`: existing certificates, taken into the inventory.

use crate::api::certificates::{CertificateDocument, pem_or_der};
use crate::problem::{Error, Problem, Problems, from_failure};
use crate::request::{InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use chancery_app::{Chancery, ImportedItem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What to take in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    /// 1 to 100 certificates in PEM, one after the other, or one as base64 of DER. Certificates of authorities and what expired
    /// are refused, each for itself.
    pub bundle: String,
}

/// What became of one certificate: a result or a problem.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportItem {
    /// SHA-256 of it, if it is a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// `imported` now, or `present` already, or `refused`.
    pub outcome: String,
    /// The certificate in the inventory; with the event if it was taken in now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<CertificateDocument>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What became of many.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportDocument {
    /// Each, in the order in which they were given.
    pub items: Vec<ImportItem>,
    /// How many were taken in now.
    pub imported: usize,
    /// How many were there already.
    pub present: usize,
    /// How many were refused.
    pub refused: usize,
}

impl From<ImportedItem> for ImportItem {
    fn from(item: ImportedItem) -> Self {
        let (outcome, result, problem) = match item.result {
            Ok((certificate, Some(receipt))) => {
                ("imported", Some(CertificateDocument { event: Some(receipt.into()), ..certificate.into() }), None)
            }
            Ok((certificate, None)) => ("present", Some(certificate.into()), None),
            Err(failure) => ("refused", None, Some(from_failure(&failure))),
        };
        Self { sha256: item.sha256, outcome: outcome.to_owned(), result, problem }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(import))
}

/// Take existing certificates into the inventory, one by one; each has its own event. One that an issuer of the tenant signed can
/// be revoked here; any other is external: it is listed, found and exported, and only its own issuer can revoke it. They count
/// against the quota while they live, and are not renewed. Repeated with the same Idempotency-Key, or in another request,
/// nothing is taken in twice.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/import", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("certificate:import"))),
    request_body = ImportBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = ImportDocument), Problems))]
async fn import(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<ImportBody>,
) -> Result<Json<ImportDocument>, Error> {
    let bundle = pem_or_der("bundle", &body.bundle)?;
    let items: Vec<ImportItem> = service.import(&caller.once(once), &bundle).await?.into_iter().map(Into::into).collect();
    let count = |outcome| items.iter().filter(|item| item.outcome == outcome).count();
    Ok(Json(ImportDocument { imported: count("imported"), present: count("present"), refused: count("refused"), items }))
}
