//! `/v1/tenants/{tenant}/certificates/{certificate}/pkcs12`: a private key made here with its certificate and chain, in one file.

use crate::api::common::EventRef;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_app::{Chancery, FilePassword, FriendlyName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

/// How the file is to be made. The password does not print and is erased when dropped (I9).
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pkcs12Body {
    /// The file's password: 12 to 128 printable ASCII characters. It is not kept; without it the file opens nowhere.
    #[schema(value_type = String)]
    pub password: Zeroizing<String>,
    /// What programs call the entry, 1 to 64 characters; by default it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
}

/// A PKCS#12 file.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Pkcs12Document {
    /// The file, base64 of DER: private key, certificate and chain without the root. Acknowledge the private key when it is stored
    /// safely; then it is erased here.
    pub pkcs12: String,
    /// The event of the fetch.
    pub event: EventRef,
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(pkcs12))
}

/// Fetch the private key made here with its certificate and chain as a PKCS#12 file under a password. It is a fetch of the private
/// key: it may be repeated until that is acknowledged, and each is an event.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/certificates/{certificate}/pkcs12", tag = "certificates", security(("token" = [])),
    extensions(("x-action" = json!("private-key:release"))), request_body = Pkcs12Body,
    params(("tenant" = String, Path, description = "The tenant's id"),
    ("certificate" = String, Path, description = "The certificate's id")),
    responses((status = 200, body = Pkcs12Document), (status = 410, body = crate::problem::Problem,
    content_type = "application/problem+json"), Problems))]
async fn pkcs12(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    ids: Ids,
    // I9: of a request that is done once a hash of its body is kept, by which a password could be guessed. Each fetch is one anyway.
    Submitted { body, once: _ }: Submitted<Pkcs12Body>,
) -> Result<Json<Pkcs12Document>, Error> {
    let password = FilePassword::new(body.password).map_err(|error| Error::field("password", error))?;
    let name = body.friendly_name.map(FriendlyName::new).transpose().map_err(|error| Error::field("friendly_name", error))?;
    let (file, receipt) = service.fetch_pkcs12(&caller, ids.parse("certificate")?, password, name).await?;
    Ok(Json(Pkcs12Document { pkcs12: STANDARD.encode(file), event: receipt.into() }))
}
