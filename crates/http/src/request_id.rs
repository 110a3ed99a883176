//! Tells a request's id, which its log lines, its answer and the client share.

use axum::http::Extensions;
use intramuros_types::RequestId;

/// The id of the request that owns `extensions`.
pub(crate) fn request_id(extensions: &Extensions) -> RequestId {
    extensions.get::<RequestId>().cloned().unwrap_or_else(|| RequestId::new("req_unassigned"))
}

/// Seconds since the Unix epoch.
pub(crate) fn unix_seconds() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
