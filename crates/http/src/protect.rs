//! Tells browsers what an answer of the server is not for, and lets the pages call it that may.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::api::widget;
use crate::policy::HttpPolicy;

/// What every answer says unless its handler says something else.
const HEADERS: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Answers hold what the company keeps within its walls; no cache on the way should.
    (CACHE_CONTROL, "no-store"),
];

/// How long a browser may remember that an origin is allowed.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Adds the headers that browsers go by.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Lets pages of the configured origins call; `None` when there are none. Keys travel in a header
/// that a page must know, so credentials of the browser are never allowed.
pub(crate) fn cross_origin(policy: &HttpPolicy) -> Option<CorsLayer> {
    if policy.cors_origins.is_empty() {
        return None;
    }
    let origins = policy.cors_origins.clone();
    // Of the paths of web pages each assistant says by itself who may.
    let may = move |origin: &HeaderValue, request: &Parts| {
        !widget::is_of(request.uri.path()) && origins.iter().any(|known| known.0 == *origin)
    };
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(may))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // Client libraries send headers of their own; none of them is trusted here.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("x-queue-position"),
            HeaderName::from_static("x-ratelimit-limit-requests"),
            HeaderName::from_static("x-ratelimit-remaining-requests"),
            HeaderName::from_static("x-ratelimit-reset-requests"),
            HeaderName::from_static("x-ratelimit-limit-tokens"),
            HeaderName::from_static("x-ratelimit-remaining-tokens"),
            HeaderName::from_static("x-ratelimit-reset-tokens"),
            HeaderName::from_static("x-budget-limit-tokens"),
            HeaderName::from_static("x-budget-remaining-tokens"),
            RETRY_AFTER,
            CONTENT_DISPOSITION,
        ])
        .max_age(REMEMBERED);
    Some(layer)
}
