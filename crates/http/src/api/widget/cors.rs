//! Tells browsers which pages may call: exactly those that the assistants name.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::admit::{known, slug};
use super::{face, is_of};
use crate::state::AppState;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type");
/// Seconds that a browser may remember that it may.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Answers what browsers ask before they call, and tells caches that answers depend on the page. The
/// answer to a call itself says in `admit` whether its page may read it.
pub(crate) async fn cors(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if !is_of(request.uri().path()) {
        return next.run(request).await;
    }
    let mut response = if request.method() == Method::OPTIONS {
        let path = request.uri().path().to_owned();
        preflight(&state, &path, request.headers().get(ORIGIN).cloned()).await
    } else {
        next.run(request).await
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    response
}

/// Browsers ask without the token: where the path has no slug, any assistant's page may ask on, and
/// is refused by the call itself where the token is of another one.
async fn preflight(state: &AppState, path: &str, origin: Option<HeaderValue>) -> Response {
    let allowed = match (slug(path), origin) {
        (_, None) => None,
        (None, origin) => known(state, origin).await,
        (Some(slug), Some(origin)) => {
            let face = face::of_slug(state, slug).await.ok();
            let allows = |origin: &HeaderValue| {
                let text = origin.to_str().unwrap_or_default();
                face.as_ref().is_some_and(|face| face.allows(text))
            };
            Some(origin).filter(allows)
        }
    };
    let Some(origin) = allowed else { return StatusCode::FORBIDDEN.into_response() };
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    response
}
