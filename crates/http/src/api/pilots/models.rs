//! Lets another generator write, and the one before it again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{ModelRole, ModelSwitchRecord};
use intramuros_types::{ModelSwitchId, PilotRunId, Principal};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::{note_target, who};

/// Switches that are listed.
const LISTED: u32 = 100;

/// A generator to switch to.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SwitchBody {
    /// The model, one that is served (`text.more_models`).
    model: String,
    /// The finished run with the model of today, where they were compared.
    before: Option<String>,
    /// The finished run of the same set with the new one.
    after: Option<String>,
}

impl RequestBody for SwitchBody {
    const FIELDS: &'static [&'static str] = &["model", "before", "after"];
}

/// A switch of models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SwitchDto {
    /// `swi_…`
    id: String,
    /// The model that went.
    from: String,
    /// The model that came.
    to: String,
    /// The runs that were compared: with the one that went, with the one that came.
    runs: Option<[String; 2]>,
    /// Who switched.
    by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    at: OffsetDateTime,
    /// When it was undone.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    rolled_back: Option<OffsetDateTime>,
}

impl From<ModelSwitchRecord> for SwitchDto {
    fn from(record: ModelSwitchRecord) -> Self {
        Self {
            id: record.id.to_string(),
            from: record.from,
            to: record.to,
            runs: record.runs.map(|(before, after)| [before.to_string(), after.to_string()]),
            by: record.by,
            at: record.at,
            rolled_back: record.rolled_back.map(|(at, _)| at),
        }
    }
}

/// Switches of models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SwitchList {
    /// The newest first.
    switches: Vec<SwitchDto>,
}

/// Lists the switches of generators, newest first, up to 100.
#[utoipa::path(get, path = "/api/v1/pilots/models", tag = "pilots",
    responses((status = 200, description = "the switches", body = SwitchList)),
    security(("key" = [])))]
pub(crate) async fn list_model_switches(
    State(state): State<AppState>,
) -> Result<Json<SwitchList>, ApiError> {
    let found = state.ledger.model_switches(Some(ModelRole::Generator), LISTED).await?;
    Ok(Json(SwitchList { switches: found.into_iter().map(Into::into).collect() }))
}

/// Lets another generator that is served take the place of the default one, for questions, assistants
/// and triage, from the next request on; a restart keeps it. What was learnt with the one before
/// (calibrations, readings of tickets) is learnt anew.
#[utoipa::path(post, path = "/api/v1/pilots/models", tag = "pilots",
    request_body = SwitchBody,
    responses((status = 201, description = "it writes", body = SwitchDto),
        (status = 400, description = "it is not served, or writes already"),
        (status = 404, description = "no such run"),
        (status = 409, description = "the runs cannot be compared")),
    security(("key" = [])))]
pub(crate) async fn switch_model(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<SwitchBody>,
) -> Result<(StatusCode, Json<SwitchDto>), ApiError> {
    let runs = match (body.before, body.after) {
        (Some(before), Some(after)) => Some((PilotRunId::new(before), PilotRunId::new(after))),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            let message = "'before' and 'after' are given together, or neither";
            return Err(ApiError::invalid("after", message));
        }
    };
    let switched =
        state.pilots.switch_model(&body.model, runs, &caller.access, &who(&caller)).await?;
    note_target(&extensions, switched.id.as_str());
    Ok((StatusCode::CREATED, Json(switched.into())))
}

/// Undoes the last switch that stands: the generator before it writes again.
#[utoipa::path(post, path = "/api/v1/pilots/models/{switch}/roll-back", tag = "pilots",
    params(("switch" = String, Path, description = "id of the switch")),
    responses((status = 200, description = "undone", body = SwitchDto),
        (status = 400, description = "the model before is not served any more"),
        (status = 404, description = "no such switch"),
        (status = 409, description = "it is not the last one that stands")),
    security(("key" = [])))]
pub(crate) async fn roll_back_model(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(switch): Path<String>,
) -> Result<Json<SwitchDto>, ApiError> {
    let switch = ModelSwitchId::new(switch);
    Ok(Json(state.pilots.roll_back_model(&switch, &who(&caller)).await?.into()))
}
