//! For operators: is it alive, is it ready, what can it do.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use chancery_app::Chancery;
use std::sync::Arc;
use utoipa::openapi::OpenApi;

pub(crate) fn routes(document: OpenApi) -> Router<Chancery> {
    let document = Arc::new(document);
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(move || async move { Json((*document).clone()) }))
}

/// Ready is who can read the platform's store.
async fn ready(State(service): State<Chancery>) -> (StatusCode, &'static str) {
    match service.is_initialised().await {
        Ok(true) if service.is_restored() => (StatusCode::OK, "ready to be read: restored, run chancery reconcile\n"),
        Ok(true) => (StatusCode::OK, "ready\n"),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "not initialised: run chancery init\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}
