//! `GET /v1/tenants/{tenant}/events`: the audit log. The platform's own is that of its realm.

use crate::api::common::{PageQuery, Query, next};
use crate::problem::{Error, Problems};
use crate::request::InTenant;
use axum::Json;
use axum::extract::State;
use chancery_app::{Chancery, EventEntry, Failure};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// An event.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventDocument {
    /// Its id.
    pub id: String,
    /// Its leaf hash, SHA-256 in hexadecimal.
    pub leaf: String,
    /// Its place in the log; absent in its first second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogPlaceDocument>,
    /// What happened: who, when, which act, how it ended, about what.
    #[schema(value_type = Object)]
    pub event: serde_json::Value,
}

/// Where an event stands in the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogPlaceDocument {
    /// In which epoch of the log.
    pub epoch: u32,
    /// Its leaf's index, from 0.
    pub index: u64,
}

/// A page of events.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events, newest first.
    pub items: Vec<EventDocument>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the audit events; each is checked against its leaf hash as it is read.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/events", tag = "audit", security(("token" = [])),
    extensions(("x-action" = json!("event:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), PageQuery),
    responses((status = 200, body = EventPage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(query): Query<PageQuery>) -> Result<Json<EventPage>, Error> {
    let page = query.page()?;
    let entries = service.events(&caller, page).await?;
    let next = next(&entries, page.limit, |entry| entry.id.to_string());
    Ok(Json(EventPage { items: entries.iter().map(document).collect::<Result<_, _>>()?, next }))
}

fn document(entry: &EventEntry) -> Result<EventDocument, Error> {
    let event = serde_json::from_str(&entry.canonical).map_err(|error| Failure::Internal(error.to_string()))?;
    let log = entry.place.map(|(epoch, index)| LogPlaceDocument { epoch, index });
    Ok(EventDocument { id: entry.id.to_string(), leaf: hex::encode(entry.leaf), log, event })
}
