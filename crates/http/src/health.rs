//! Answers whether the process lives and whether it takes work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::readiness::{Check, Outcome, checks, reason};
use crate::state::AppState;

/// State of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `unavailable` with the reason.
    status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What its work depends on; only of `/readyz`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<CheckDto>,
}

/// One thing that the server's work depends on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckDto {
    /// `running`, `models`, `generator`, `encoders`, `ledger` or `disk_space`.
    name: &'static str,
    /// `ok`; `warning`, when the server takes work all the same; `failed`.
    status: &'static str,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Check> for CheckDto {
    fn from(Check { name, outcome }: Check) -> Self {
        let (status, reason) = match outcome {
            Outcome::Fine => ("ok", None),
            Outcome::Warning(reason) => ("warning", Some(reason)),
            Outcome::Failed(reason) => ("failed", Some(reason)),
        };
        Self { name, status, reason }
    }
}

/// Says that the process lives. Needs no key.
#[utoipa::path(get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "the process lives", body = Health)))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok", reason: None, checks: Vec::new() })
}

/// Says whether the server takes work: the models answered a warm-up, nothing that the work depends
/// on has failed, and it is not stopping. Needs no key.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "takes work", body = Health),
    (status = 503, description = "does not take work yet, or any more", body = Health)))]
pub(crate) async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let checks = checks(&state).await;
    let reason = reason(&checks).map(str::to_owned);
    let (code, status) = match reason {
        None => (StatusCode::OK, "ok"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let checks = checks.into_iter().map(CheckDto::from).collect();
    (code, Json(Health { status, reason, checks }))
}
