//! Files, lists and deletes labelled sets.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{PilotSetFiled, PilotSetPage, PilotSetRecord};
use intramuros_types::{PilotSetId, Principal};
use intramuros_usecases::pilot::Job;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::super::jobs::named;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::note_target;
use crate::visit::who;

const DEFAULT_LIMIT: u32 = 100;

/// What a labelled set is.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewSetQuery {
    /// What people call it.
    name: String,
    /// `search`, `chat`, `triage` or `extraction`.
    job: String,
    /// Name of the file, whose ending says what it is; else its first character does.
    #[serde(default)]
    file_name: String,
    /// Who may read it, separated by commas; everybody when left out.
    #[serde(default)]
    labels: String,
}

/// Which labelled sets to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SetsQuery {
    /// Only those of this job.
    job: Option<String>,
    /// Only those of this name.
    name: Option<String>,
    /// 1 to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// A labelled set without its items.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PilotSetDto {
    /// `pls_…`
    id: String,
    /// What people call it.
    name: String,
    /// The job that it measures.
    job: String,
    /// Of its items: another file with the same items is the same set.
    sha256: String,
    /// How many items it has.
    items: u64,
    /// How many of them were erased.
    erased: u64,
    /// Who may read it; empty for everybody.
    labels: Vec<String>,
    /// Who filed it.
    created_by: String,
    /// When it was filed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
}

impl From<PilotSetRecord> for PilotSetDto {
    fn from(set: PilotSetRecord) -> Self {
        let PilotSetRecord { id, name, job, sha256, items, erased, labels, created_by, created } =
            set;
        let id = id.to_string();
        Self { id, name, job, sha256, items, erased, labels, created_by, created }
    }
}

/// A page of labelled sets, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PilotSetList {
    /// The sets.
    sets: Vec<PilotSetDto>,
    /// The `cursor` of the next page; null at the end.
    next: Option<String>,
}

/// Files a labelled set: JSON lines or a table (CSV), as docs/measuring.md describes them.
#[utoipa::path(post, path = "/api/v1/pilots/sets", tag = "pilots", params(NewSetQuery),
    request_body(content_type = "*/*", content = Vec<u8>, description = "the file"),
    responses((status = 201, description = "filed", body = PilotSetDto),
        (status = 200, description = "a set of this name with the same items", body = PilotSetDto)),
    security(("key" = [])))]
pub(crate) async fn create_pilot_set(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    QueryParams(query): QueryParams<NewSetQuery>,
    body: Bytes,
) -> Result<(StatusCode, Json<PilotSetDto>), ApiError> {
    let job = named("job", &query.job, &Job::ALL, Job::as_str)?;
    let labels = query.labels.split(',').map(str::trim).filter(|label| !label.is_empty());
    let labels = labels.map(str::to_owned).collect();
    let file = (query.file_name.as_str(), body.to_vec());
    let (access, by) = (&caller.access, who(&caller));
    let filed = state.pilots.create_set((&query.name, job), file, labels, access, &by).await?;
    let (status, set) = match filed {
        PilotSetFiled::New(set) => (StatusCode::CREATED, set),
        PilotSetFiled::Existing(set) => (StatusCode::OK, set),
    };
    note_target(&extensions, set.id.as_str());
    Ok((status, Json(set.into())))
}

/// Lists the labelled sets that the caller may read, newest first.
#[utoipa::path(get, path = "/api/v1/pilots/sets", tag = "pilots", params(SetsQuery),
    responses((status = 200, description = "a page of sets", body = PilotSetList)),
    security(("key" = [])))]
pub(crate) async fn list_pilot_sets(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    QueryParams(query): QueryParams<SetsQuery>,
) -> Result<Json<PilotSetList>, ApiError> {
    let page = PilotSetPage {
        job: query.job,
        name: query.name,
        after: query.cursor.map(PilotSetId::new),
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let (sets, next) = state.ledger.list_pilot_sets(&page, &caller.access).await?;
    let sets = sets.into_iter().map(PilotSetDto::from).collect();
    Ok(Json(PilotSetList { sets, next: next.map(|id| id.to_string()) }))
}

/// Deletes a labelled set with its runs.
#[utoipa::path(delete, path = "/api/v1/pilots/sets/{set}", tag = "pilots",
    params(("set" = String, Path, description = "id of the set")),
    responses((status = 204, description = "deleted"),
        (status = 404, description = "no such set"),
        (status = 409, description = "a threshold in force stands on one of its runs")),
    security(("key" = [])))]
pub(crate) async fn delete_pilot_set(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(set): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.ledger.delete_pilot_set(&PilotSetId::new(set), &caller.access).await?;
    Ok(StatusCode::NO_CONTENT)
}
