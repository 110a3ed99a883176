//! Tells how it goes with the folders that the server watches.

use axum::extract::State;
use axum::{Extension, Json};
use intramuros_knowledge::{FolderFailure, FolderReport};
use intramuros_types::Access;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::everything;
use crate::error::ApiError;
use crate::state::AppState;

/// The folders of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FolderList {
    /// In the order of the configuration.
    folders: Vec<FolderDto>,
}

/// A folder that a knowledge base is kept in step with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FolderDto {
    /// Where it is on the server.
    path: String,
    /// The knowledge base.
    knowledge_base: String,
    /// The `source` of its documents.
    source: String,
    /// Who may read its documents; empty for everyone.
    labels: Vec<String>,
    /// When the last look at it ended; null before the first.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    looked: Option<OffsetDateTime>,
    /// Files that are documents or become some.
    files: usize,
    /// Files that are left aside: other formats, hidden, links.
    skipped: usize,
    /// Documents brought since the start of the server.
    added: u64,
    /// Documents whose content or details were changed since then.
    changed: u64,
    /// Documents erased since then.
    removed: u64,
    /// What could not be taken, up to 100.
    failures: Vec<FolderFailureDto>,
    /// Why nothing was done at the last look, if so.
    problem: Option<String>,
}

/// A file that could not be taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FolderFailureDto {
    /// Its place in the folder.
    file: String,
    /// Why.
    reason: String,
}

impl From<FolderReport> for FolderDto {
    fn from(report: FolderReport) -> Self {
        Self {
            path: report.folder.path.display().to_string(),
            knowledge_base: report.folder.knowledge_base.to_string(),
            source: report.folder.source,
            labels: report.folder.labels,
            looked: report.looked,
            files: report.files,
            skipped: report.skipped,
            added: report.added,
            changed: report.changed,
            removed: report.removed,
            failures: report.failures.into_iter().map(FolderFailureDto::from).collect(),
            problem: report.problem,
        }
    }
}

impl From<FolderFailure> for FolderFailureDto {
    fn from(failure: FolderFailure) -> Self {
        Self { file: failure.file, reason: failure.reason }
    }
}

/// Lists the watched folders, with how the last look at each went. For keys that may read
/// everything: the names of files tell about documents.
#[utoipa::path(get, path = "/api/v1/folders", tag = "knowledge",
    responses((status = 200, description = "the folders", body = FolderList)),
    security(("key" = [])))]
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn list_folders(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
) -> Result<Json<FolderList>, ApiError> {
    everything::check(&access, "this shows the watched folders")?;
    let folders = state.knowledge.folders().into_iter().map(FolderDto::from).collect();
    Ok(Json(FolderList { folders }))
}
