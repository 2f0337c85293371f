//! `/v1/tenants/{tenant}/archive`: where the tenant's archive is, and how it stands.

use crate::api::common::EventRef;
use crate::api::platform::EmptyBody;
use crate::problem::{Error, Problems};
use crate::request::{InTenant, Submitted};
use axum::Json;
use axum::extract::State;
use chancery_app::{Archive, Chancery, Destination};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where the archive is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetArchiveBody {
    /// What kind of place: `folder`, the tenant's own below the one that the operator keeps for archives.
    pub destination: DestinationKind,
}

/// A kind of place for archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationKind {
    /// A folder.
    Folder,
}

/// How the archive stands. What the log records is put there within minutes, the evidence of signatures and withdrawals with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ArchiveDocument {
    /// What kind of place it is; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The epoch of the log that is put there.
    pub epoch: u32,
    /// How many of its entries are there.
    pub exported: u64,
    /// When everything was last found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported_at: Option<String>,
    /// Since when it fails, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
    /// How often in a row it failed.
    pub failures: u32,
    /// Why: `unavailable`, which passes, or `refused`, which somebody has to see to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The event, when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
}

/// That there is no archive any more.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndedArchiveDocument {
    /// The event.
    pub event: EventRef,
}

impl From<Archive> for ArchiveDocument {
    fn from(archive: Archive) -> Self {
        let failing = archive.failing;
        Self {
            destination: Some(archive.destination.kind().to_owned()),
            epoch: archive.epoch,
            exported: archive.exported,
            exported_at: archive.exported_at.map(|at| at.to_string()),
            failing_since: failing.as_ref().map(|(since, ..)| since.to_string()),
            failures: failing.as_ref().map_or(0, |(_, failures, _)| *failures),
            failure: failing.map(|(.., code)| code),
            event: None,
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(set)).routes(routes!(end))
}

/// Show where the archive is and how it stands.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/archive", tag = "archive", security(("token" = [])),
    extensions(("x-action" = json!("archive:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = ArchiveDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant) -> Result<Json<ArchiveDocument>, Error> {
    Ok(Json(service.archive(&caller).await?.map(Into::into).unwrap_or_default()))
}

/// Have everything that the log records, from its beginning on, put into an archive, the evidence of signatures with it.
///
/// It is put there by itself; to another place everything goes anew.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/archive", tag = "archive", security(("token" = [])),
    extensions(("x-action" = json!("archive:write"))),
    request_body = SetArchiveBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = ArchiveDocument), Problems))]
async fn set(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { body, once }: Submitted<SetArchiveBody>,
) -> Result<Json<ArchiveDocument>, Error> {
    let destination = match body.destination {
        DestinationKind::Folder => Destination::Folder,
    };
    let (archive, receipt) = service.set_archive(&caller.once(once), destination).await?;
    Ok(Json(ArchiveDocument { event: Some(receipt.into()), ..archive.into() }))
}

/// Put nothing into the archive any more. What is there stays.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/archive/end", tag = "archive", security(("token" = [])),
    extensions(("x-action" = json!("archive:write"))),
    request_body = EmptyBody, params(("tenant" = String, Path, description = "The tenant's id"),
    ("Idempotency-Key" = Option<String>, Header, description = "Do this once only")),
    responses((status = 200, body = EndedArchiveDocument), Problems))]
async fn end(
    State(service): State<Chancery>,
    InTenant(caller): InTenant,
    Submitted { once, .. }: Submitted<EmptyBody>,
) -> Result<Json<EndedArchiveDocument>, Error> {
    let receipt = service.end_archive(&caller.once(once)).await?;
    Ok(Json(EndedArchiveDocument { event: receipt.into() }))
}
