//! Shows how long what is kept, and removes now what was kept long enough.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_datalife::DocumentRule;
use intramuros_ledger::RETENTION;
use intramuros_types::Principal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::jobs::JobDto;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::note_target;

/// How long what is kept; null: for ever.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionDto {
    /// When it runs: minute, hour, day, month, day of the week, in the server's time zone.
    schedule: String,
    /// When it runs next.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    next_run: Option<OffsetDateTime>,
    /// Whether documents are only counted.
    dry_run: bool,
    /// Days.
    kept: KeptDto,
    /// Rules for documents.
    documents: Vec<RuleDto>,
    /// The last run; null when none is remembered.
    last: Option<LastDto>,
}

/// Days that kinds of data are kept; null: for ever.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeptDto {
    /// Entries of the audit trail.
    audit: Option<u64>,
    /// Their sealed contents.
    audit_contents: Option<u64>,
    /// What was consumed.
    usage: Option<u64>,
    /// Jobs that ended.
    jobs: Option<u64>,
    /// Webhook deliveries and e-mails.
    deliveries_and_mails: Option<u64>,
    /// Questions without answer.
    unanswered_questions: Option<u64>,
    /// Reviews that were decided or withdrawn.
    reviews: Option<u64>,
    /// Tickets, with what was learnt from them.
    tickets: Option<u64>,
    /// Pilot runs that ended, and sets without runs.
    pilots: Option<u64>,
    /// Keys that were revoked or have expired.
    keys: Option<u64>,
    /// Reports of erasures.
    erasures: Option<u64>,
}

/// How long documents are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleDto {
    /// Where.
    knowledge_base: String,
    /// Only those with this label.
    label: Option<String>,
    /// Only those that this source brought.
    source: Option<String>,
    /// How many days.
    days: u32,
    /// `arrival`, or `written` for the date that a document has of itself, where it has one.
    from: &'static str,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastDto {
    /// Its job.
    job: JobDto,
    /// What came of its parts, by name: `removed`, or `due` of a dry run.
    #[schema(value_type = Object)]
    parts: Value,
}

/// A run that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunBody {
    /// Whether documents are only counted; as the settings say when left out.
    dry_run: Option<bool>,
}

impl RequestBody for RunBody {
    const FIELDS: &'static [&'static str] = &["dry_run"];
}

impl From<&DocumentRule> for RuleDto {
    fn from(rule: &DocumentRule) -> Self {
        Self {
            knowledge_base: rule.knowledge_base.clone(),
            label: rule.label.clone(),
            source: rule.source.clone(),
            days: rule.days,
            from: if rule.by_own_date { "written" } else { "arrival" },
        }
    }
}

/// Shows how long what is kept, and what the last run removed.
#[utoipa::path(get, path = "/api/v1/retention", tag = "data life",
    responses((status = 200, description = "how long what is kept", body = RetentionDto)),
    security(("key" = [])))]
pub(crate) async fn show_retention(
    State(state): State<AppState>,
) -> Result<Json<RetentionDto>, ApiError> {
    let config = state.data_life.retention();
    let days = |kept: Option<Duration>| kept.map(|kept| kept.as_secs() / (24 * 3600));
    let schedules = state.ledger.schedules().await?;
    let schedule = schedules.into_iter().find(|schedule| schedule.name == RETENTION);
    let last = state.data_life.last_retention().await?;
    Ok(Json(RetentionDto {
        schedule: config.schedule.as_str().to_owned(),
        next_run: schedule.map(|schedule| schedule.next_run),
        dry_run: config.dry_run,
        kept: KeptDto {
            audit: days(config.audit),
            audit_contents: days(config.audit_contents),
            usage: days(config.usage),
            jobs: days(config.jobs),
            deliveries_and_mails: days(Some(config.outbox)),
            unanswered_questions: days(config.questions),
            reviews: days(config.reviews),
            tickets: days(config.tickets),
            pilots: days(config.pilots),
            keys: days(config.keys),
            erasures: days(config.erasures),
        },
        documents: config.documents.iter().map(RuleDto::from).collect(),
        last: last.map(|(job, parts)| LastDto { job: job.into(), parts }),
    }))
}

/// Removes now what was kept long enough. A run that waits or is under way is given back.
#[utoipa::path(post, path = "/api/v1/retention/run", tag = "data life", request_body = RunBody,
    responses((status = 202, description = "the job", body = JobDto)),
    security(("key" = [])))]
pub(crate) async fn run_retention(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<RunBody>,
) -> Result<(StatusCode, Json<JobDto>), ApiError> {
    let (job, _) = state.data_life.begin_retention(body.dry_run, caller.name()).await?;
    note_target(&extensions, job.id.as_str());
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}
