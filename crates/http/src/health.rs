//! Answers whether the process lives and whether it takes work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::readiness::{Check, Outcome, Standing, checks, standing};
use crate::state::AppState;

/// State of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; `degraded` where only part of the work is taken; `unavailable`.
    status: &'static str,
    /// Why it is not `ok`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What its work depends on; only of `/readyz`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<CheckDto>,
}

/// One thing that the server's work depends on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckDto {
    /// `running`, `models`, `generator`, `encoders`, `ledger`, `disk` or `disk_space`.
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

/// Says whether the server takes work: the models answered a warm-up, nothing that all of it depends
/// on has failed, and it is not stopping. With a full or read-only disk it answers questions and takes
/// no documents: 200 with `degraded` and the reason. Needs no key.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "takes work; `degraded`: all but documents", body = Health),
    (status = 503, description = "does not take work yet, or any more", body = Health)))]
pub(crate) async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let checks = checks(&state).await;
    let (standing, reason) = standing(&checks);
    let code = match standing {
        Standing::Ready | Standing::Degraded => StatusCode::OK,
        Standing::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let checks = checks.into_iter().map(CheckDto::from).collect();
    (code, Json(Health { status: standing.name(), reason, checks }))
}
