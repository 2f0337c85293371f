//! All routes in one place, and what surrounds every request: its id, limits, and what happens to a panic.

use crate::problem::{Error, Problem};
use crate::request::RequestId;
use crate::{api, operations, pki};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use chancery_app::{Chancery, Failure};
use chancery_domain::enforced;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{License, OpenApi, PathItem};
use utoipa_axum::router::OpenApiRouter;

/// Longest body, in bytes.
const BODY: usize = 256 * 1024;
/// Longest time for a request.
const TIME: Duration = Duration::from_secs(30);

/// The server's routes over the service.
pub fn router(service: Chancery) -> Router {
    let (documented, document) = documented().split_for_parts();
    surrounded(documented.merge(operations::routes(document)).merge(pki::routes()), service)
}

/// The public PKI addresses alone, for a listener without TLS: who checks a certificate cannot be asked to check ours first.
pub fn public_router(service: Chancery) -> Router {
    surrounded(pki::routes(), service)
}

fn surrounded(routes: Router<Chancery>, service: Chancery) -> Router {
    routes
        .fallback(|| async { Error::App(Failure::NotFound) })
        .method_not_allowed_fallback(|| async {
            Error::Request(StatusCode::METHOD_NOT_ALLOWED, "method", "this address knows other methods: see /openapi.json".to_owned())
        })
        .layer(DefaultBodyLimit::max(if enforced!("limit.body") { BODY } else { usize::MAX }))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(service.clone(), identify))
        .with_state(service)
}

/// The OpenAPI document, generated from the routes.
pub fn document() -> OpenApi {
    documented().split_for_parts().1
}

fn documented() -> OpenApiRouter<Chancery> {
    let mut router = api::routes();
    let document = router.get_openapi_mut();
    document.info.title = "Chancery".to_owned();
    // What stands there otherwise is about the library that generates the document.
    document.info.contact = None;
    let mut license = License::new("Apache-2.0 OR MIT");
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    document.info.license = Some(license);
    document.info.description = Some(
        "Certificates for many tenants. A POST with the parameter Idempotency-Key is done once for each key; the others keep no record of \
              it, and each is done anew. Errors are problem documents (RFC 9457)."
            .to_owned(),
    );
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An account's token")).build();
    let signature = "An RFC 9421 signature by a key of the account, with Signature-Input; docs/authentication.md says what it covers";
    let signature = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("Signature", signature)));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    components.add_security_scheme("signature", signature);
    document.paths.paths.values_mut().for_each(name_operations);
    router
}

/// Handlers are called `list` and `show` in each file; in the document each operation has a name of its own.
fn name_operations(item: &mut PathItem) {
    let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    for operation in operations.into_iter().flatten() {
        let tag = operation.tags.iter().flatten().next();
        // Whatever takes a bearer token takes a signature.
        if let Some(security) = operation.security.as_mut().filter(|_| tag.is_some_and(|tag| tag != "enrolment")) {
            security.push(SecurityRequirement::new::<_, [&str; 0], &str>("signature", []));
        }
        operation.operation_id = tag.zip(operation.operation_id.as_ref()).map(|(tag, handler)| format!("{tag}.{handler}"));
    }
}

/// Gives the request an id, which its events carry, and puts it into the answer.
async fn identify(State(service): State<Chancery>, mut request: Request, next: Next) -> Response {
    let id = service.request_id();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let started = service.elapsed();
    let mut response = in_time(TIME, next.run(request)).await;
    let millis = service.elapsed().saturating_sub(started).as_millis();
    tracing::info!(request = id, %method, path, status = response.status().as_u16(), millis, "request");
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.request_id = Some(id.clone());
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        response = Response::from_parts(parts, serde_json::to_vec(&problem).unwrap_or_default().into());
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The answer, if it comes in time. Whoever gives up waiting loses nothing: what was committed stands under its Idempotency-Key.
async fn in_time(time: Duration, answer: impl Future<Output = Response>) -> Response {
    let late = |_| Error::App(Failure::Unavailable("the request took too long".to_owned())).into_response();
    let time = if enforced!("limit.time") { time } else { time * 1000 };
    tokio::time::timeout(time, answer).await.unwrap_or_else(late)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The panic's text may hold anything, so it is not repeated (I9); the hook has logged where it happened.
    Error::App(Failure::Internal("a handler panicked".to_owned())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_given_up() {
        let late = in_time(Duration::from_millis(20), std::future::pending());
        let late = tokio::time::timeout(Duration::from_secs(10), late).await.expect("it is given up");
        assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
        let slow = in_time(TIME, async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            StatusCode::NO_CONTENT.into_response()
        });
        assert_eq!(slow.await.status(), StatusCode::NO_CONTENT);
    }
}
