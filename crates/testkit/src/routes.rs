//! The addresses that a router knows, as it tells them itself: whoever adds one, in whatever way, is seen here.

use axum::Router;
use std::collections::BTreeSet;

/// Every address. What axum writes of a router for debugging holds `paths: {RouteId(0): "/healthz", …}`, nested ones included.
///
/// # Panics
/// If axum tells it in another way, so that nobody takes silence for an empty router.
pub fn addresses(router: &Router) -> BTreeSet<String> {
    let told = format!("{router:?}");
    let (_, paths) = told.split_once("paths: {").expect("a router tells its paths");
    // The first map is that of the routes, the next one that of the fallback.
    let paths = until_the_end(paths);
    let found: BTreeSet<_> = paths.split("RouteId(").skip(1).filter_map(|route| Some(route.split('"').nth(1)?.to_owned())).collect();
    assert_eq!(found.len(), paths.matches("RouteId(").count(), "a router tells its paths: {paths}");
    found
}

/// Paths hold braces themselves, so the map ends at the first brace outside of a text.
fn until_the_end(text: &str) -> &str {
    let mut quoted = false;
    let end = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        !quoted && *c == '}'
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;

    #[test]
    fn every_way_to_add_a_route_is_seen() {
        let handler = || async { "" };
        let service = axum::routing::any_service(tower::service_fn(|_: axum::extract::Request| async {
            Ok::<_, std::convert::Infallible>(axum::response::Response::new(axum::body::Body::empty()))
        }));
        let router = Router::new()
            .route("/a/{b}", get(handler))
            .route_service("/c", service.clone())
            .nest("/d", Router::new().route("/e", get(handler)))
            .nest_service("/f", service)
            .merge(Router::new().route("/g/{*rest}", get(handler)))
            .fallback(handler);
        let found = addresses(&router);
        for path in ["/a/{b}", "/c", "/d/e", "/f", "/g/{*rest}"] {
            assert!(found.contains(path), "{path}: {found:?}");
        }
        assert!(addresses(&Router::new()).is_empty());
    }
}
