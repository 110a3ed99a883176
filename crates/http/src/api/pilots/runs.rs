//! Begins, lists and deletes runs of labelled sets.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{PilotOutcome, PilotRunPage, PilotRunRecord};
use intramuros_types::{KnowledgeBaseId, PilotRunId, PilotSetId, Principal, Scope, TriagePolicyId};
use intramuros_usecases::pilots::PilotSettings;
use intramuros_usecases::triage::Effort;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::super::assistants::managed;
use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::note_target;
use crate::visit::who;

const DEFAULT_LIMIT: u32 = 100;

/// A run to begin.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BeginRun {
    /// The labelled set.
    set: String,
    /// Of search and chat: where to look.
    knowledge_base: Option<String>,
    /// Of chat: the id or slug of an assistant, in place of a knowledge base: what is published of it
    /// answers.
    assistant: Option<String>,
    /// The generator, one that is served, in place of the default one.
    model: Option<String>,
    /// Of triage: the policy.
    policy: Option<String>,
    /// Of triage: parts, each of which is decided with the others as examples; 0, when left out, for
    /// no examples.
    #[serde(default)]
    #[schema(maximum = 100)]
    folds: usize,
    /// Of triage: whether the encoder decides alone.
    #[serde(default)]
    quick: bool,
    /// Of search: a relevant document among so many first ones is right; default 5.
    #[serde(default)]
    #[schema(maximum = 10)]
    first: usize,
    /// Of search: whether the generator judges what was found.
    #[serde(default)]
    judged: bool,
}

impl RequestBody for BeginRun {
    const FIELDS: &'static [&'static str] = &[
        "set",
        "knowledge_base",
        "assistant",
        "model",
        "policy",
        "folds",
        "quick",
        "first",
        "judged",
    ];
}

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsQuery {
    /// Only those of this set.
    set: Option<String>,
    /// Only those of this job.
    job: Option<String>,
    /// 1 to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// A run of a labelled set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PilotRunDto {
    /// `plr_…`
    id: String,
    /// The set.
    set: String,
    /// What was measured.
    job: String,
    /// `running`, `finished`, `failed` or `cancelled`.
    state: &'static str,
    /// Why it failed, where it did.
    error: Option<String>,
    /// The job in the background.
    job_id: Option<String>,
    /// Items of the set.
    total: u64,
    /// Items that are done, by how they went.
    done: PilotOutcomes,
    /// Models, index, thresholds, settings and times.
    #[schema(value_type = Object)]
    meta: Value,
    /// Who began it.
    created_by: String,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    ended: Option<OffsetDateTime>,
}

/// Items by how they went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PilotOutcomes {
    /// What was given is right, or was rightly given to a person.
    right: u64,
    /// Given to a person, though the server could have done it.
    handed_over: u64,
    /// What was given is not right.
    wrong: u64,
    /// Nothing came, because of an error.
    failed: u64,
}

impl From<PilotRunRecord> for PilotRunDto {
    fn from(run: PilotRunRecord) -> Self {
        let count = |outcome: PilotOutcome| {
            let place = PilotOutcome::ALL.iter().position(|one| *one == outcome);
            place.and_then(|place| run.done.get(place)).copied().unwrap_or(0)
        };
        let done = PilotOutcomes {
            right: count(PilotOutcome::Right),
            handed_over: count(PilotOutcome::HandedOver),
            wrong: count(PilotOutcome::Wrong),
            failed: count(PilotOutcome::Failed),
        };
        Self {
            id: run.id.to_string(),
            set: run.set.to_string(),
            job: run.job,
            state: run.state.as_str(),
            error: run.error.map(|error| error.text),
            job_id: run.job_id.map(|id| id.to_string()),
            total: run.total,
            done,
            meta: run.meta,
            created_by: run.created_by,
            created: run.created,
            ended: run.ended,
        }
    }
}

/// A page of runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PilotRunList {
    /// The runs.
    runs: Vec<PilotRunDto>,
    /// The `cursor` of the next page; null at the end.
    next: Option<String>,
}

/// Begins a run of a labelled set, in the background.
#[utoipa::path(post, path = "/api/v1/pilots/runs", tag = "pilots", request_body = BeginRun,
    responses((status = 202, description = "it runs", body = PilotRunDto),
        (status = 404, description = "no such set")),
    security(("key" = [])))]
pub(crate) async fn begin_pilot_run(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<BeginRun>,
) -> Result<(StatusCode, Json<PilotRunDto>), ApiError> {
    let assistant = match body.assistant {
        Some(name) => Some(managed(&state, &caller, &name).await?.summary.id),
        None => None,
    };
    let settings = PilotSettings {
        knowledge_base: body.knowledge_base.map(KnowledgeBaseId::new),
        assistant,
        model: body.model,
        policy: body.policy.map(TriagePolicyId::new),
        folds: body.folds,
        effort: if body.quick { Effort::Quick } else { Effort::Full },
        first: body.first,
        judged: body.judged,
    };
    // Its answers are read with the run: who may not ask must not have others asked.
    for (scope, is_used) in [
        (Scope::KnowledgeRead, settings.knowledge_base.is_some()),
        (Scope::AssistantsRead, settings.assistant.is_some()),
        (Scope::TriageRead, settings.policy.is_some()),
    ] {
        if is_used && !caller.may(scope) {
            let message = format!("this run needs the scope `{scope}` too");
            return Err(ApiError::new(Code::InsufficientScope, message));
        }
    }
    let set = PilotSetId::new(body.set);
    let run = state.pilots.begin(&set, settings, &caller.access, &who(&caller)).await?;
    note_target(&extensions, run.id.as_str());
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// Lists the runs that the caller may read, newest first.
#[utoipa::path(get, path = "/api/v1/pilots/runs", tag = "pilots", params(RunsQuery),
    responses((status = 200, description = "a page of runs", body = PilotRunList)),
    security(("key" = [])))]
pub(crate) async fn list_pilot_runs(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    QueryParams(query): QueryParams<RunsQuery>,
) -> Result<Json<PilotRunList>, ApiError> {
    let page = PilotRunPage {
        set: query.set.map(PilotSetId::new),
        job: query.job,
        after: query.cursor.map(PilotRunId::new),
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let (runs, next) = state.ledger.list_pilot_runs(&page, &caller.access).await?;
    let runs = runs.into_iter().map(PilotRunDto::from).collect();
    Ok(Json(PilotRunList { runs, next: next.map(|id| id.to_string()) }))
}

/// Shows a run.
#[utoipa::path(get, path = "/api/v1/pilots/runs/{run}", tag = "pilots",
    params(("run" = String, Path, description = "id of the run")),
    responses((status = 200, description = "the run", body = PilotRunDto),
        (status = 404, description = "no such run")),
    security(("key" = [])))]
pub(crate) async fn get_pilot_run(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(run): Path<String>,
) -> Result<Json<PilotRunDto>, ApiError> {
    let run = state.ledger.get_pilot_run(&PilotRunId::new(run), &caller.access).await?;
    Ok(Json(run.into()))
}

/// Deletes a run with its results.
#[utoipa::path(delete, path = "/api/v1/pilots/runs/{run}", tag = "pilots",
    params(("run" = String, Path, description = "id of the run")),
    responses((status = 204, description = "deleted"),
        (status = 404, description = "no such run"),
        (status = 409, description = "it runs, or a threshold in force stands on it")),
    security(("key" = [])))]
pub(crate) async fn delete_pilot_run(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(run): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.ledger.delete_pilot_run(&PilotRunId::new(run), &caller.access).await?;
    Ok(StatusCode::NO_CONTENT)
}
