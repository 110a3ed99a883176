//! Shows the jobs, their items and the schedules, and does what people want of jobs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use intramuros_ledger::{
    ItemState, JobItem, JobPage, JobPriority, JobRecord, JobState, JobWish, ScheduleRecord,
};
use intramuros_types::{JobId, KnowledgeBaseId, Principal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

mod seen;

use seen::{may_hear, seen};

const DEFAULT_LIMIT: u32 = 100;

/// Which jobs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobsQuery {
    /// Only those that are `queued`, `running`, `paused`, `done`, `failed` or `cancelled`.
    state: Option<String>,
    /// Only those of this kind.
    kind: Option<String>,
    /// 1 to 1,000; default 100.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Which items of a job to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemsQuery {
    /// Only those that are `pending`, `running`, `done` or `failed`.
    state: Option<String>,
    /// 1 to 1,000; default 100.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<u64>,
}

/// What can be changed of a job.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct JobPatch {
    /// `high`, `normal` or `low`.
    priority: String,
}

impl RequestBody for JobPatch {
    const FIELDS: &'static [&'static str] = &["priority"];
}

/// A page of jobs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    /// The jobs.
    jobs: Vec<JobDto>,
    /// The `cursor` of the next page; null at the end.
    next: Option<String>,
}

/// A piece of work that outlives requests and restarts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobDto {
    /// `job_…`; ids sort by time.
    id: String,
    /// What it does: `ingest`, `reindex`, `calibrate` and others.
    kind: String,
    /// What people read.
    title: String,
    /// The knowledge base that it is about.
    knowledge_base: Option<String>,
    /// `high`, `normal` or `low`.
    priority: &'static str,
    /// `queued`, `running`, `paused`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// `run`, or what a running job was told and has not done yet: `pause`, `cancel`.
    wanted: &'static str,
    /// What the kind was told.
    #[schema(value_type = Object)]
    params: Value,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// Who asked.
    created_by: String,
    /// Not to be begun before.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    not_before: Option<OffsetDateTime>,
    /// When it was begun first.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    started: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    finished: Option<OffsetDateTime>,
    /// Attempts since it last got on.
    attempts: u32,
    /// How many it may have; null without end.
    max_attempts: Option<u32>,
    /// How far it is.
    progress: JobProgressDto,
    /// Why it failed, or why the last attempt did.
    failure: Option<JobFailureDto>,
    /// The schedule that began it.
    schedule: Option<String>,
}

/// How far a job is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobProgressDto {
    /// How much there is; null while that is unknown.
    total: Option<u64>,
    /// How much of it is done.
    done: u64,
    /// How much of it failed for good.
    failed: u64,
    /// Seconds that are left at the pace since it was last taken up; null while that is unknown.
    remaining_seconds: Option<u64>,
}

/// Why a job or an item failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobFailureDto {
    /// A stable name.
    code: String,
    /// What people read.
    detail: String,
}

/// A page of the items of a job, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemList {
    /// The items.
    items: Vec<ItemDto>,
    /// The `cursor` of the next page; null at the end.
    next: Option<u64>,
}

/// One of the things that a job does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemDto {
    /// Its place, from 0.
    ordinal: u64,
    /// What it is called.
    key: String,
    /// `pending`, `running`, `done` or `failed`.
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// Not to be tried before.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    not_before: Option<OffsetDateTime>,
    /// What came of it.
    #[schema(value_type = Object, nullable)]
    result: Option<Value>,
    /// Why it failed, or why the last attempt did.
    failure: Option<JobFailureDto>,
}

/// What begins by the clock.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleList {
    /// By name.
    schedules: Vec<ScheduleDto>,
}

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleDto {
    /// What it is called.
    name: String,
    /// The kind of its jobs.
    kind: String,
    /// The title of its jobs.
    title: String,
    /// When it runs: minute, hour, day, month, day of the week, in the server's time zone.
    cron: String,
    /// When it runs next.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    next_run: OffsetDateTime,
    /// When it ran last.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    last_run: Option<OffsetDateTime>,
    /// The job of that run.
    last_job: Option<String>,
}

impl From<JobRecord> for JobDto {
    fn from(job: JobRecord) -> Self {
        let remaining = job.remaining.filter(|_| job.state == JobState::Running);
        Self {
            id: job.id.to_string(),
            kind: job.kind,
            title: job.title,
            knowledge_base: job.knowledge_base.as_ref().map(KnowledgeBaseId::to_string),
            priority: job.priority.as_str(),
            state: job.state.as_str(),
            wanted: match job.wanted {
                JobWish::Run => "run",
                JobWish::Pause => "pause",
                JobWish::Cancel => "cancel",
            },
            params: job.params,
            created: job.created,
            created_by: job.created_by,
            not_before: job.not_before,
            started: job.started,
            finished: job.finished,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            progress: JobProgressDto {
                total: job.progress.total,
                done: job.progress.done,
                failed: job.progress.failed,
                remaining_seconds: remaining.map(|time| time.as_secs_f64().ceil() as u64),
            },
            failure: job.failure.map(failure),
            schedule: job.schedule,
        }
    }
}

impl From<JobItem> for ItemDto {
    fn from(item: JobItem) -> Self {
        Self {
            ordinal: item.ordinal,
            key: item.key,
            state: item.state.as_str(),
            attempts: item.attempts,
            not_before: item.not_before,
            result: item.result,
            failure: item.failure.map(failure),
        }
    }
}

impl From<ScheduleRecord> for ScheduleDto {
    fn from(schedule: ScheduleRecord) -> Self {
        let ScheduleRecord { name, kind, title, cron, next_run, last_run, last_job } = schedule;
        let last_job = last_job.map(|id| id.to_string());
        Self { name, kind, title, cron, next_run, last_run, last_job }
    }
}

fn failure(reason: intramuros_ledger::FailureReason) -> JobFailureDto {
    JobFailureDto { code: reason.code, detail: reason.text }
}

/// The one of `all` that is called `name`.
pub(super) fn named<T: Copy>(
    param: &'static str,
    name: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, ApiError> {
    let found = all.iter().copied().find(|one| as_str(*one) == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
        let message = format!("'{param}' is '{name}', it must be one of '{}'", names.join("', '"));
        ApiError::invalid(param, message)
    })
}

/// Lists jobs, newest first. Jobs about tickets and pilots that the caller may not read are left out.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobsQuery),
    responses((status = 200, description = "the jobs", body = JobList)),
    security(("key" = [])))]
pub(crate) async fn list_jobs(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    QueryParams(query): QueryParams<JobsQuery>,
) -> Result<Json<JobList>, ApiError> {
    let wanted = query.state.as_deref();
    let page = JobPage {
        state: wanted
            .map(|name| named("state", name, &JobState::ALL, JobState::as_str))
            .transpose()?,
        kind: query.kind,
        after: query.cursor.map(JobId::new),
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let (jobs, next) = state.ledger.list_jobs(&page).await?;
    let mut shown = Vec::with_capacity(jobs.len());
    for job in jobs {
        if may_hear(&state, &caller, &job).await? {
            shown.push(JobDto::from(job));
        }
    }
    Ok(Json(JobList { jobs: shown, next: next.map(|id| id.to_string()) }))
}

/// Shows a job, with its progress.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "id of the job")),
    responses((status = 200, description = "the job", body = JobDto),
        (status = 404, description = "no such job")),
    security(("key" = [])))]
pub(crate) async fn get_job(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<JobDto>, ApiError> {
    Ok(Json(seen(&state, &caller, &JobId::new(id)).await?.into()))
}

/// Lists the items of a job, in their order. The documents that an `ingest` job works on and the
/// placements of a `reindex` job are not among them: knowledge bases list those.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/items", tag = "jobs",
    params(("id" = String, Path, description = "id of the job"), ItemsQuery),
    responses((status = 200, description = "the items", body = ItemList),
        (status = 404, description = "no such job")),
    security(("key" = [])))]
pub(crate) async fn list_items(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<ItemsQuery>,
) -> Result<Json<ItemList>, ApiError> {
    let wanted = query.state.as_deref();
    let wanted =
        wanted.map(|name| named("state", name, &ItemState::ALL, ItemState::as_str)).transpose()?;
    let (from, limit) = (query.cursor.unwrap_or(0), query.limit.unwrap_or(DEFAULT_LIMIT));
    let job = seen(&state, &caller, &JobId::new(id)).await?;
    let items = state.ledger.list_items(&job.id, wanted, from, limit).await?;
    let is_full = items.len() == limit as usize;
    let next = items.last().filter(|_| is_full).map(|last| last.ordinal + 1);
    Ok(Json(ItemList { items: items.into_iter().map(ItemDto::from).collect(), next }))
}

/// Pauses a job. One that runs stops within seconds; what it has done stays.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/pause", tag = "jobs",
    params(("id" = String, Path, description = "id of the job")),
    responses((status = 200, description = "the job", body = JobDto),
        (status = 404, description = "no such job"),
        (status = 409, description = "it is finished, or being cancelled")),
    security(("key" = [])))]
pub(crate) async fn pause_job(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<JobDto>, ApiError> {
    let job = seen(&state, &caller, &JobId::new(id)).await?;
    Ok(Json(state.ledger.pause_job(&job.id).await?.into()))
}

/// Lets a paused job go on, and one that waits for another attempt begin at once.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/resume", tag = "jobs",
    params(("id" = String, Path, description = "id of the job")),
    responses((status = 200, description = "the job", body = JobDto),
        (status = 404, description = "no such job"),
        (status = 409, description = "it is finished, or being cancelled")),
    security(("key" = [])))]
pub(crate) async fn resume_job(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<JobDto>, ApiError> {
    let job = seen(&state, &caller, &JobId::new(id)).await?;
    Ok(Json(state.ledger.resume_job(&job.id).await?.into()))
}

/// Cancels a job. One that runs stops within seconds; what it has done stays.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path, description = "id of the job")),
    responses((status = 200, description = "the job", body = JobDto),
        (status = 404, description = "no such job"),
        (status = 409, description = "it is finished")),
    security(("key" = [])))]
pub(crate) async fn cancel_job(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<JobDto>, ApiError> {
    let job = seen(&state, &caller, &JobId::new(id)).await?;
    Ok(Json(state.ledger.cancel_job(&job.id).await?.into()))
}

/// Tries again what failed of a job, or goes on with one that was cancelled. Items that are done
/// stay done.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs",
    params(("id" = String, Path, description = "id of the job")),
    responses((status = 200, description = "the job", body = JobDto),
        (status = 404, description = "no such job"),
        (status = 409, description = "nothing of it failed, or another job does the same")),
    security(("key" = [])))]
pub(crate) async fn retry_job(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
) -> Result<Json<JobDto>, ApiError> {
    let job = seen(&state, &caller, &JobId::new(id)).await?;
    Ok(Json(state.ledger.retry_failed(&job.id).await?.into()))
}

/// Gives a job that is not finished another priority.
#[utoipa::path(patch, path = "/api/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "id of the job")),
    request_body = JobPatch,
    responses((status = 200, description = "the job", body = JobDto),
        (status = 404, description = "no such job"),
        (status = 409, description = "it is finished")),
    security(("key" = [])))]
pub(crate) async fn update_job(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    JsonBody(patch): JsonBody<JobPatch>,
) -> Result<Json<JobDto>, ApiError> {
    let priority = named("priority", &patch.priority, &JobPriority::ALL, JobPriority::as_str)?;
    let job = seen(&state, &caller, &JobId::new(id)).await?;
    Ok(Json(state.ledger.prioritise_job(&job.id, priority).await?.into()))
}

/// Lists what begins by the clock.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "jobs",
    responses((status = 200, description = "the schedules", body = ScheduleList)),
    security(("key" = [])))]
pub(crate) async fn list_schedules(
    State(state): State<AppState>,
) -> Result<Json<ScheduleList>, ApiError> {
    let found = state.ledger.schedules().await?;
    Ok(Json(ScheduleList { schedules: found.into_iter().map(ScheduleDto::from).collect() }))
}
