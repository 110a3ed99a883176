//! Serves a page that shows the API; it loads nothing but `/openapi.json` of the same server.

use axum::http::header;
use axum::response::IntoResponse;

const PAGE: &str = include_str!("../assets/docs.html");

/// What the page may do; scripts and styles are in the page itself.
const POLICY: &str = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page.
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, PAGE)
}
