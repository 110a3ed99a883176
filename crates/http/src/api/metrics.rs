//! Hands out the figures of the server for Prometheus.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::error::{ApiError, Code};
use crate::metrics::write;
use crate::state::AppState;

/// All figures of the server in Prometheus' text format, or in OpenMetrics where `Accept` names it.
#[utoipa::path(get, path = "/metrics", tag = "status",
    responses((status = 200, description = "the figures", body = String,
        content_type = "text/plain")),
    security(("key" = [])))]
pub(crate) async fn metrics(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let written = write(&state, &headers).await;
    let (content_type, body) =
        written.map_err(|_| ApiError::new(Code::Internal, "the figures could not be written"))?;
    Ok(([(CONTENT_TYPE, content_type)], body))
}
