//! `GET /v1/tenants/{tenant}`: a tenant as its own members see it. The platform's realm is a tenant, too.

use crate::problem::{Error, Problems};
use crate::request::InTenant;
use axum::Json;
use axum::extract::State;
use chancery_app::Chancery;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A tenant's own record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantDocument {
    /// Its id.
    pub id: String,
    /// Its short name.
    pub slug: String,
    /// Where it stands.
    pub status: String,
    /// When it was made.
    pub created_at: String,
    /// Live certificates now.
    pub certificates_live: i64,
    /// Live certificates allowed.
    pub certificates_limit: i64,
    /// Certificates ever issued.
    pub certificates_issued: i64,
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Show the tenant: status and use of quota.
#[utoipa::path(get, path = "/v1/tenants/{tenant}", tag = "tenant", security(("token" = [])),
    extensions(("x-action" = json!("tenant:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = TenantDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant) -> Result<Json<TenantDocument>, Error> {
    let tenant = service.own_tenant(&caller).await?;
    Ok(Json(TenantDocument {
        id: tenant.id.to_string(),
        slug: tenant.record.slug,
        status: tenant.record.status.as_str().to_owned(),
        created_at: tenant.record.created_at.to_string(),
        certificates_live: tenant.certificates.value,
        certificates_limit: tenant.certificates.ceiling,
        certificates_issued: tenant.certificates.total,
    }))
}
