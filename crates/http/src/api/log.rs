//! `GET /v1/tenants/{tenant}/log`: the tamper-evident log of the tenant's events: checkpoints, proofs, tiles, entries (I14).

use crate::api::common::Query;
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery_app::{Chancery, EventProof, LogEntry, LogEpoch};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The log: its epochs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogDocument {
    /// Each a log of its own, oldest first. A store that was restored from a backup opened the next.
    pub epochs: Vec<LogEpochDocument>,
}

/// An epoch of the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogEpochDocument {
    /// Which, from 1.
    pub epoch: u32,
    /// Its name in its checkpoints.
    pub origin: String,
    /// The key that its checkpoints verify with (C2SP signed-note): keep it outside.
    pub verifier_key: String,
    /// How many leaves it has.
    pub size: u64,
    /// The newest checkpoint (C2SP tlog-checkpoint): keep it outside.
    pub checkpoint: String,
    /// When it was signed.
    pub signed_at: String,
}

/// An event with all that shows that it stands in the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventProofDocument {
    /// The event's id.
    pub id: String,
    /// Its canonical JSON, to the byte.
    pub canonical: String,
    /// The salt that makes the leaf of it, in hexadecimal.
    pub salt: String,
    /// Its leaf hash, SHA-256 in hexadecimal.
    pub leaf: String,
    /// In which epoch of the log.
    pub epoch: u32,
    /// The proof that the leaf is in the log, with the newest checkpoint (C2SP tlog-proof).
    pub proof: String,
}

/// The proof that a log is the beginning of a longer one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConsistencyDocument {
    /// The size of the shorter one.
    pub from: u64,
    /// The size of the longer one.
    pub to: u64,
    /// The proof's hashes (RFC 6962 section 2.1.2), in base64.
    pub hashes: Vec<String>,
}

/// Entries of the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogEntriesDocument {
    /// The entries in their order.
    pub items: Vec<LogEntryDocument>,
}

/// An entry of the log, opened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogEntryDocument {
    /// Its leaf's index.
    pub index: u64,
    /// The event's canonical JSON, to the byte.
    pub canonical: String,
    /// The salt that makes the leaf of it, in hexadecimal.
    pub salt: String,
}

/// Which epoch.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EpochQuery {
    /// Which epoch of the log; by default the newest.
    pub epoch: Option<u32>,
}

/// Between which sizes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsistencyQuery {
    /// Which epoch of the log; by default the newest.
    pub epoch: Option<u32>,
    /// The size of the shorter log; by default 0.
    pub from: Option<u64>,
    /// The size of the longer one; by default that of now.
    pub to: Option<u64>,
}

/// Which tile.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TileQuery {
    /// Which epoch of the log; by default the newest.
    pub epoch: Option<u32>,
    /// The tile's level, from 0, which is the default.
    pub level: Option<u8>,
    /// Its place in the level, from 0, which is the default.
    pub index: Option<u64>,
}

/// Which entries.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntriesQuery {
    /// Which epoch of the log; by default the newest.
    pub epoch: Option<u32>,
    /// Those from 256 times this number on, 256 of them at most; by default the first.
    pub tile: Option<u64>,
}

impl From<LogEpoch> for LogEpochDocument {
    fn from(epoch: LogEpoch) -> Self {
        let LogEpoch { epoch, origin, verifier_key, size, checkpoint, signed_at } = epoch;
        Self { epoch, origin, verifier_key, size, checkpoint, signed_at: signed_at.to_string() }
    }
}

impl From<EventProof> for EventProofDocument {
    fn from(proof: EventProof) -> Self {
        let EventProof { event, canonical, salt, leaf, epoch, proof } = proof;
        Self { id: event.to_string(), canonical, salt: hex::encode(salt), leaf: hex::encode(leaf), epoch, proof }
    }
}

impl From<LogEntry> for LogEntryDocument {
    fn from(entry: LogEntry) -> Self {
        Self { index: entry.index, canonical: entry.canonical, salt: hex::encode(entry.salt) }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(checkpoint))
        .routes(routes!(consistency))
        .routes(routes!(tile))
        .routes(routes!(entries))
        .routes(routes!(prove))
}

/// Show the log of the tenant's events: its epochs with their keys and newest checkpoints.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/log", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id")),
    responses((status = 200, body = LogDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant) -> Result<Json<LogDocument>, Error> {
    let epochs = service.log_epochs(&caller).await?.into_iter().map(Into::into).collect();
    Ok(Json(LogDocument { epochs }))
}

/// Fetch the newest checkpoint, a signed note: keep it where nobody who may write here can change it.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/log/checkpoint", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), EpochQuery),
    responses((status = 200, body = String, content_type = "text/plain"), Problems))]
async fn checkpoint(State(service): State<Chancery>, caller: InTenant, Query(query): Query<EpochQuery>) -> Result<Response, Error> {
    let epoch = service.log_epoch(&caller, query.epoch).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], epoch.checkpoint).into_response())
}

/// Prove that the log of one size is the beginning of that of another.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/log/consistency", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ConsistencyQuery),
    responses((status = 200, body = ConsistencyDocument), Problems))]
async fn consistency(
    State(service): State<Chancery>,
    caller: InTenant,
    Query(query): Query<ConsistencyQuery>,
) -> Result<Json<ConsistencyDocument>, Error> {
    let from = query.from.unwrap_or(0);
    let (to, hashes) = service.log_consistency(&caller, query.epoch, from, query.to).await?;
    let hashes = hashes.iter().map(|hash| BASE64.encode(hash)).collect();
    Ok(Json(ConsistencyDocument { from, to, hashes }))
}

/// Fetch a tile of the log's tree (C2SP tlog-tiles): up to 256 hashes of 32 bytes.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/log/tile", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), TileQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), Problems))]
async fn tile(State(service): State<Chancery>, caller: InTenant, Query(query): Query<TileQuery>) -> Result<Response, Error> {
    let hashes = service.log_tile(&caller, query.epoch, query.level.unwrap_or(0), query.index.unwrap_or(0)).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], hashes).into_response())
}

/// Fetch entries of the log, opened: what an export consists of.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/log/entries", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), EntriesQuery),
    responses((status = 200, body = LogEntriesDocument), Problems))]
async fn entries(
    State(service): State<Chancery>,
    caller: InTenant,
    Query(query): Query<EntriesQuery>,
) -> Result<Json<LogEntriesDocument>, Error> {
    let epoch = service.log_epoch(&caller, query.epoch).await?;
    let items = service.log_entries(&caller, &epoch, query.tile.unwrap_or(0)).await?.into_iter().map(Into::into).collect();
    Ok(Json(LogEntriesDocument { items }))
}

/// Prove that an event stands in the log; 503 in the second before it does.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/events/{event}/proof", tag = "log", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("event" = String, Path, description = "The event's id")),
    responses((status = 200, body = EventProofDocument), Problems))]
async fn prove(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<EventProofDocument>, Error> {
    Ok(Json(service.event_proof(&caller, ids.parse("event")?).await?.into()))
}
