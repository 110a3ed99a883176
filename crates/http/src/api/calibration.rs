//! Learns from the test questions of a knowledge base which judgements count as a yes.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_knowledge::CalibrationState;
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::indexes::check;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// What to learn.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewCalibration {
    /// Share of the questions whose passages answer that are to be answered; default 0.9.
    #[schema(minimum = 0.5, maximum = 0.99)]
    kept: Option<f32>,
}

impl RequestBody for NewCalibration {
    const FIELDS: &'static [&'static str] = &["kept"];
}

/// How it goes with the calibration of a knowledge base.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalibrationDto {
    /// What was learnt last.
    learnt: Option<LearntDto>,
    /// Whether that is about the generator and the settings of today; only then it is used.
    applies: bool,
    /// How far the one that runs is.
    running: Option<CalibrationProgress>,
    /// Why the last one since the start of the server ended without result.
    failure: Option<String>,
}

/// What was learnt from test questions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LearntDto {
    /// Who judged, on what.
    judge: String,
    /// From which score on passages answer, 0 to 1.
    threshold: f32,
    /// Share of the answerable that it was to keep.
    kept: f32,
    /// Questions whose document was among the passages.
    answerable: u32,
    /// Those of them that reach the threshold.
    answerable_kept: u32,
    /// Questions whose document was not among the passages; the threshold does not heed them.
    not_found: u32,
    /// Questions that the documents do not answer.
    unanswerable: u32,
    /// Those of them that reach the threshold all the same.
    unanswerable_kept: u32,
    /// When it was learnt.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    measured: OffsetDateTime,
}

/// How far a calibration is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalibrationProgress {
    /// Questions that were judged.
    done: usize,
    /// Questions there are.
    of: usize,
}

impl From<CalibrationState> for CalibrationDto {
    fn from(state: CalibrationState) -> Self {
        let CalibrationState { learnt, applies, running, failure } = state;
        Self {
            learnt: learnt.map(|learnt| LearntDto {
                judge: learnt.judge,
                threshold: learnt.threshold,
                kept: learnt.kept,
                answerable: learnt.answerable,
                answerable_kept: learnt.answerable_kept,
                not_found: learnt.not_found,
                unanswerable: learnt.unanswerable,
                unanswerable_kept: learnt.unanswerable_kept,
                measured: learnt.measured,
            }),
            applies,
            running: running.map(|(done, of)| CalibrationProgress { done, of }),
            failure,
        }
    }
}

/// Says which judgements count as a yes, and how it goes with learning that.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/calibration", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    responses((status = 200, description = "the calibration", body = CalibrationDto),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn get_calibration(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
) -> Result<Json<CalibrationDto>, ApiError> {
    check(&access)?;
    let found = state.knowledge.calibration_state(&KnowledgeBaseId::new(kb)).await?;
    Ok(Json(found.into()))
}

/// Begins to learn from the test questions which judgements count as a yes. Takes as long as it
/// takes the generator to read the passages of each question, and gives way to other requests.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/calibration", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    request_body = NewCalibration,
    responses((status = 202, description = "it was begun", body = CalibrationDto),
        (status = 400, description = "too few test questions, or a field is wrong"),
        (status = 404, description = "no such knowledge base"),
        (status = 409, description = "one runs already"),
        (status = 503, description = "no generator is configured")),
    security(("key" = [])))]
pub(crate) async fn begin_calibration(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    JsonBody(body): JsonBody<NewCalibration>,
) -> Result<(StatusCode, Json<CalibrationDto>), ApiError> {
    check(&access)?;
    let kept = body.kept.unwrap_or(0.9);
    let begun = state.knowledge.begin_calibration(&KnowledgeBaseId::new(kb), kept).await?;
    Ok((StatusCode::ACCEPTED, Json(begun.into())))
}
