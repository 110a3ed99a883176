//! Hands out what is known of somebody, as a ZIP.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, header};
use intramuros_datalife::{Export, Person};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId, Principal, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::erasures::PersonBody;
use super::everything;
use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::state::AppState;
use crate::visit::note_documents;

/// Of whom, and which documents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportBody {
    /// Somebody of whom documents speak.
    person: PersonBody,
    /// Where to look; everywhere when left out.
    knowledge_bases: Option<Vec<String>>,
    /// Only these of the documents that are found; all when left out.
    documents: Option<Vec<String>>,
}

impl RequestBody for ExportBody {
    const FIELDS: &'static [&'static str] = &["person", "knowledge_bases", "documents"];
}

/// Exports what the server knows of a user: account, groups, sessions, keys, consumption, entries of
/// the audit trail, jobs; neither passwords nor secrets.
#[utoipa::path(get, path = "/api/v1/users/{user}/export", tag = "data life",
    params(("user" = String, Path, description = "id of the user")),
    responses((status = 200, description = "a ZIP", content_type = "application/zip"),
        (status = 403, description = "it takes the right to read everything"),
        (status = 404, description = "no such user"),
        (status = 429, description = "two exports run; wait for one to end")),
    security(("key" = [])))]
pub(crate) async fn export_user(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(user): Path<String>,
) -> Result<(HeaderMap, Body), ApiError> {
    // Their decisions quote reviews of any label.
    everything::check(&access, "this shows what somebody decided")?;
    Ok(archive(state.data_life.export_user(&UserId::new(user)).await?))
}

/// Exports what the server knows of who signed in, or of the owner of the key.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "data life",
    responses((status = 200, description = "a ZIP", content_type = "application/zip"),
        (status = 409, description = "the key is an application's and has no owner"),
        (status = 429, description = "two exports run; wait for one to end")),
    security(("key" = [])))]
pub(crate) async fn export_me(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Result<(HeaderMap, Body), ApiError> {
    let Some(user) = &caller.user else {
        return Err(ApiError::new(Code::Conflict, "this key belongs to no user"));
    };
    Ok(archive(state.data_life.export_user(user).await?))
}

/// Exports the documents that speak of a person: the files as they came, what is said of them, and
/// where the person is named.
#[utoipa::path(post, path = "/api/v1/exports", tag = "data life", request_body = ExportBody,
    responses((status = 200, description = "a ZIP", content_type = "application/zip"),
        (status = 404, description = "no such knowledge base"),
        (status = 429, description = "two exports run; wait for one to end")),
    security(("key" = [])))]
pub(crate) async fn export_person(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    extensions: Extensions,
    JsonBody(body): JsonBody<ExportBody>,
) -> Result<(HeaderMap, Body), ApiError> {
    let bases: Vec<KnowledgeBaseId> =
        body.knowledge_bases.unwrap_or_default().into_iter().map(KnowledgeBaseId::new).collect();
    let chosen: Vec<DocumentId> =
        body.documents.unwrap_or_default().into_iter().map(DocumentId::new).collect();
    let person = Person::from(body.person);
    let (export, documents) =
        state.data_life.export_person(&person, &bases, &chosen, &access).await?;
    note_documents(&extensions, documents.iter().map(DocumentId::as_str));
    Ok(archive(export))
}

fn archive(export: Export) -> (HeaderMap, Body) {
    let mut headers = HeaderMap::new();
    let disposition = format!("attachment; filename=\"{}\"", export.file_name);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    (headers, Body::from_stream(export.into_stream()))
}
