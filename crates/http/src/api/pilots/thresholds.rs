//! Puts thresholds in force that keep a promise, lists them and takes them back.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::ThresholdRecord;
use intramuros_types::{PilotRunId, Principal, Scope};
use intramuros_usecases::pilot::Promise;
use intramuros_usecases::pilots::AcceptRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::state::AppState;
use crate::visit::{note_target, who};

/// A promise to keep.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AcceptBody {
    /// The finished run that vouches for it, of an assistant or a triage policy.
    run: String,
    /// The largest share of errors among what is accepted: 0.05 for one in twenty.
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1)]
    max_error: f64,
    /// How sure that is, over sets like this one; default 0.95.
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1)]
    certainty: Option<f64>,
}

impl RequestBody for AcceptBody {
    const FIELDS: &'static [&'static str] = &["run", "max_error", "certainty"];
}

/// A threshold.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ThresholdDto {
    /// `thr_…`
    id: String,
    /// `chat` or `triage`.
    job: String,
    /// The assistant or the policy.
    target: String,
    /// What is at least as confident is answered or sent on without a person.
    threshold: f64,
    /// The bound on errors, its certainty, the share of items that it accepts, and with which models.
    #[schema(value_type = Object)]
    promise: Value,
    /// The run that vouches for it.
    run: String,
    /// Who accepted it.
    accepted_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    accepted: OffsetDateTime,
    /// Whether it is in force.
    active: bool,
}

impl From<ThresholdRecord> for ThresholdDto {
    fn from(record: ThresholdRecord) -> Self {
        Self {
            id: record.id.to_string(),
            job: record.job,
            target: record.target,
            threshold: record.threshold,
            promise: record.promise,
            run: record.run.to_string(),
            accepted_by: record.accepted_by,
            accepted: record.accepted,
            active: record.active,
        }
    }
}

/// Thresholds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ThresholdList {
    /// Those that are in force.
    thresholds: Vec<ThresholdDto>,
}

/// Refuses who may not configure what a threshold is of. Of other jobs there is none.
fn check(caller: &Principal, job: &str) -> Result<(), ApiError> {
    let scope = match job {
        "chat" => Scope::AssistantsWrite,
        "triage" => Scope::TriageManage,
        _ => return Ok(()),
    };
    if caller.may(scope) {
        return Ok(());
    }
    let message = format!("a threshold of {job} needs the scope `{scope}` too");
    Err(ApiError::new(Code::InsufficientScope, message))
}

/// Lists the thresholds that are in force.
#[utoipa::path(get, path = "/api/v1/pilots/thresholds", tag = "pilots",
    responses((status = 200, description = "the thresholds", body = ThresholdList)),
    security(("key" = [])))]
pub(crate) async fn list_thresholds(
    State(state): State<AppState>,
) -> Result<Json<ThresholdList>, ApiError> {
    let found = state.ledger.active_thresholds().await?;
    Ok(Json(ThresholdList { thresholds: found.into_iter().map(Into::into).collect() }))
}

/// Puts the lowest threshold in force that keeps a promise over the items of a run; refused when
/// these are too few, or have too many errors. From then on an assistant answers, and triage sends
/// on, what is at least as confident, unless its configuration has a threshold of its own.
#[utoipa::path(post, path = "/api/v1/pilots/thresholds", tag = "pilots",
    request_body = AcceptBody,
    responses((status = 201, description = "in force", body = ThresholdDto),
        (status = 400, description = "no threshold of this run keeps the promise"),
        (status = 404, description = "no such run"),
        (status = 409, description = "it is not finished, or results of it were erased")),
    security(("key" = [])))]
pub(crate) async fn accept_threshold(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<AcceptBody>,
) -> Result<(StatusCode, Json<ThresholdDto>), ApiError> {
    let run = PilotRunId::new(body.run);
    let record = state.ledger.get_pilot_run(&run, &caller.access).await?;
    check(&caller, &record.job)?;
    let certainty = body.certainty.unwrap_or(0.95);
    let promise = Promise { max_error: body.max_error, certainty };
    let request = AcceptRequest { run, promise, by: who(&caller) };
    let accepted = state.pilots.accept(request, &caller.access).await?;
    note_target(&extensions, accepted.id.as_str());
    Ok((StatusCode::CREATED, Json(accepted.into())))
}

/// Takes the threshold of an assistant (`chat`) or a policy (`triage`) back; the one before it is in
/// force again, where there is one.
#[utoipa::path(delete, path = "/api/v1/pilots/thresholds/{job}/{target}", tag = "pilots",
    params(("job" = String, Path, description = "`chat` or `triage`"),
        ("target" = String, Path, description = "id of the assistant or the policy")),
    responses((status = 200, description = "what is in force now", body = ThresholdList),
        (status = 404, description = "none is in force")),
    security(("key" = [])))]
pub(crate) async fn take_back_threshold(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((job, target)): Path<(String, String)>,
) -> Result<Json<ThresholdList>, ApiError> {
    check(&caller, &job)?;
    state.ledger.take_back_threshold(&job, &target, &who(&caller)).await?;
    list_thresholds(State(state)).await
}
