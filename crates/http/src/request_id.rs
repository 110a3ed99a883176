//! Gives every request an id that its log lines, its answer and the client share.

use axum::extract::Request;
use axum::http::{Extensions, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use intramuros_types::RequestId;
use tracing::Instrument as _;
use uuid::Uuid;

const HEADER: &str = "x-request-id";

/// Makes an id, opens the request's log span and answers with the id. A client's own id is not
/// taken over: it could forge another request's log lines.
pub(crate) async fn assign(mut request: Request, next: Next) -> Response {
    let id = RequestId::new(format!("req_{}", Uuid::now_v7().simple()));
    let span = tracing::info_span!(
        "request", id = id.as_str(), method = %request.method(), path = request.uri().path()
    );
    request.extensions_mut().insert(id.clone());
    // Monitors ask every few seconds; their lines would bury the others.
    let probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    let started = std::time::Instant::now();
    async {
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        let elapsed_ms = started.elapsed().as_millis();
        if probe {
            tracing::debug!(status, elapsed_ms, "answered");
        } else {
            tracing::info!(status, elapsed_ms, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// The id of the request that owns `extensions`.
pub(crate) fn request_id(extensions: &Extensions) -> RequestId {
    extensions.get::<RequestId>().cloned().unwrap_or_else(|| RequestId::new("req_unassigned"))
}

/// Seconds since the Unix epoch.
pub(crate) fn unix_seconds() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
