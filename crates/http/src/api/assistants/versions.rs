//! Publishes assistants, brings earlier versions back, and shows them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use intramuros_types::Principal;
use serde::Deserialize;
use utoipa::IntoParams;

use super::dto::{AssistantVersionDto, AssistantVersionList, PublishBody, RestoreBody};
use super::{check_stored, managed};
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::who;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

/// Which versions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VersionsQuery {
    /// Only those before this number.
    before: Option<u32>,
    /// 1 to 100; default 50.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Publishes the draft: a new version, which answers in conversations that begin from now on.
#[utoipa::path(post, path = "/api/v1/assistants/{assistant}/publish", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug")),
    request_body = PublishBody,
    responses((status = 200, description = "the new version", body = AssistantVersionDto),
        (status = 404, description = "no such assistant"),
        (status = 409, description = "somebody else changed the draft meanwhile")),
    security(("key" = [])))]
pub(crate) async fn publish_assistant(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
    JsonBody(body): JsonBody<PublishBody>,
) -> Result<Json<AssistantVersionDto>, ApiError> {
    // The version is asked for again when it is published, so that nothing else is than was checked.
    let record = managed(&state, &caller, &assistant).await?;
    let id = &record.summary.id;
    if record.summary.version == body.version {
        check_stored(&state, &caller, &record.draft).await?;
    }
    let by = who(&caller);
    Ok(Json(state.ledger.publish_assistant(id, body.version, &body.note, &by).await?.into()))
}

/// Publishes an earlier version again, under a new number. The draft stays as it is.
#[utoipa::path(post, path = "/api/v1/assistants/{assistant}/restore", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug")),
    request_body = RestoreBody,
    responses((status = 200, description = "the new version", body = AssistantVersionDto),
        (status = 404, description = "no such assistant or version"),
        (status = 409, description = "that version answers already")),
    security(("key" = [])))]
pub(crate) async fn restore_assistant(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
    JsonBody(body): JsonBody<RestoreBody>,
) -> Result<Json<AssistantVersionDto>, ApiError> {
    let found = managed(&state, &caller, &assistant).await?.summary;
    let earlier = state.ledger.assistant_version(&found.id, body.number).await?;
    check_stored(&state, &caller, &earlier.config).await?;
    let by = who(&caller);
    Ok(Json(state.ledger.restore_assistant(&found.id, body.number, &body.note, &by).await?.into()))
}

/// Lists the published versions of an assistant, newest first.
#[utoipa::path(get, path = "/api/v1/assistants/{assistant}/versions", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug"), VersionsQuery),
    responses((status = 200, description = "its versions", body = AssistantVersionList),
        (status = 404, description = "no such assistant")),
    security(("key" = [])))]
pub(crate) async fn list_assistant_versions(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
    QueryParams(query): QueryParams<VersionsQuery>,
) -> Result<Json<AssistantVersionList>, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let message = format!("'limit' is {limit}, it must be 1 to {MAX_LIMIT}");
        return Err(ApiError::invalid("limit", message));
    }
    let found = managed(&state, &caller, &assistant).await?.summary;
    let versions = state.ledger.list_assistant_versions(&found.id, query.before, limit).await?;
    Ok(Json(AssistantVersionList { versions: versions.into_iter().map(Into::into).collect() }))
}

/// Shows a published version of an assistant.
#[utoipa::path(get, path = "/api/v1/assistants/{assistant}/versions/{number}",
    tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug"),
        ("number" = u32, Path, description = "the version, from 1")),
    responses((status = 200, description = "the version", body = AssistantVersionDto),
        (status = 404, description = "no such assistant or version")),
    security(("key" = [])))]
pub(crate) async fn get_assistant_version(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((assistant, number)): Path<(String, u32)>,
) -> Result<Json<AssistantVersionDto>, ApiError> {
    let found = managed(&state, &caller, &assistant).await?.summary;
    Ok(Json(state.ledger.assistant_version(&found.id, number).await?.into()))
}
