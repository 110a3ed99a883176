//! Refuses requests that no handler should see: too long a head, what two servers might read
//! differently, a name that is not the server's, and everything while the server stops.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::{ApiError, Code};
use crate::state::AppState;

/// The longest request target; hyper itself refuses beyond 65,534 bytes.
const MAX_URI_BYTES: usize = 8 << 10;
/// The most header lines.
pub(crate) const MAX_HEADERS: usize = 100;
/// The most bytes of header names and values; proxies add some, cookies most.
pub(crate) const MAX_HEADER_BYTES: usize = 32 << 10;

/// When a client that was refused because the server stops should come again.
const AFTER_A_STOP: Duration = Duration::from_secs(10);

/// Paths that are answered until the end, also under any name: who watches over the server asks
/// for them by its address.
const FOR_MONITORS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Headers of which a second one would be another request.
const ONCE: [HeaderName; 3] = [AUTHORIZATION, CONTENT_TYPE, HOST];

/// Lets requests pass that handlers may see.
pub(crate) async fn examine(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    match check(&state, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check(state: &AppState, request: &Request) -> Result<(), ApiError> {
    let for_monitors = FOR_MONITORS.contains(&request.uri().path());
    if state.readiness.is_stopping() && !for_monitors {
        let message = "the server is stopping; try again when it is back";
        let error = ApiError::new(Code::Unavailable, message);
        return Err(ApiError { retry_after: Some(AFTER_A_STOP), ..error });
    }
    check_size(request)?;
    check_once(request.headers())?;
    if !for_monitors {
        check_host(state, request)?;
    }
    check_encoding(request.headers())
}

fn check_size(request: &Request) -> Result<(), ApiError> {
    let uri = request.uri();
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > MAX_URI_BYTES {
        let message =
            format!("the request target has {length} bytes, the limit is {MAX_URI_BYTES}");
        return Err(ApiError::new(Code::UriTooLong, message));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        let message = format!(
            "the request has {} header lines of {bytes} bytes together, the limits are \
             {MAX_HEADERS} and {MAX_HEADER_BYTES}",
            headers.len()
        );
        return Err(ApiError::new(Code::HeadersTooLarge, message));
    }
    Ok(())
}

/// Servers disagree about which of two lines counts, and a proxy before this one may be such.
fn check_once(headers: &HeaderMap) -> Result<(), ApiError> {
    match ONCE.iter().find(|name| headers.get_all(*name).iter().count() > 1) {
        Some(name) => {
            let message = format!("the header '{name}' stands twice; send it once");
            Err(ApiError::new(Code::InvalidRequest, message))
        }
        None => Ok(()),
    }
}

/// A page of a stranger whose name its owner lets point to this machine ("DNS rebinding") calls the
/// server by that name.
fn check_host(state: &AppState, request: &Request) -> Result<(), ApiError> {
    let named = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    if named.is_none() && request.version() == Version::HTTP_11 {
        let message = "the header 'Host' is missing, which HTTP/1.1 asks for";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    let in_target = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let mut called = [named, in_target].into_iter().flatten();
    let nameless = named.is_none() && in_target.is_none() && !state.policy.admits_host("");
    if nameless || !called.all(|host| state.policy.admits_host(host)) {
        let message = "the server is not called by this name; server.allowed_hosts has its names";
        return Err(ApiError::new(Code::HostNotAllowed, message));
    }
    Ok(())
}

/// A compressed body could hold a thousand times what the limits count.
fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let message = "compressed request bodies are not taken; leave 'Content-Encoding' out";
    Err(ApiError::new(Code::UnsupportedMediaType, message))
}
