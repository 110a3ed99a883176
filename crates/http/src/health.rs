//! Answers whether the process lives and whether it takes work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::AppState;

/// State of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; `degraded` where only part of the work is taken; `unavailable`.
    status: &'static str,
    /// Why it is not `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Says that the process lives. Needs no key.
#[utoipa::path(get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "the process lives", body = Health)))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok", reason: None })
}

/// Says whether the server takes work: the models answered a warm-up and it is not stopping. With a
/// full or read-only disk it answers questions and takes no documents: 200 with `degraded` and the
/// reason. Needs no key.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "takes work; `degraded`: all but documents", body = Health),
    (status = 503, description = "does not take work yet, or any more", body = Health)))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let failing = !state.text.healthy();
    let reason = match state.readiness.reason() {
        Some(reason) => Some(reason),
        None if failing => Some("the generator failed several steps in a row; see the log"),
        None => None,
    };
    match reason {
        None => {
            let reason = state.readiness.storage_fault();
            let status = if reason.is_some() { "degraded" } else { "ok" };
            (StatusCode::OK, Json(Health { status, reason }))
        }
        Some(reason) => {
            let health = Health { status: "unavailable", reason: Some(reason.into()) };
            (StatusCode::SERVICE_UNAVAILABLE, Json(health))
        }
    }
}
