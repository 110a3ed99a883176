//! Erases documents.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// Documents to erase.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct DeleteBody {
    /// 1 to 1,000 ids.
    documents: Vec<String>,
}

impl RequestBody for DeleteBody {
    const FIELDS: &'static [&'static str] = &["documents"];
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletedDto {
    /// How many of the documents, the files within them not counted.
    deleted: usize,
    /// Those that are not there.
    not_found: Vec<String>,
}

/// Erases documents and the files within them in one go, which takes hardly longer than one.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/documents/delete", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    request_body = DeleteBody,
    responses((status = 200, description = "erased", body = DeletedDto),
        (status = 400, description = "a field is wrong"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn delete_documents(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    JsonBody(body): JsonBody<DeleteBody>,
) -> Result<Json<DeletedDto>, ApiError> {
    let mut ids: Vec<DocumentId> = body.documents.into_iter().map(DocumentId::new).collect();
    ids.sort_unstable();
    ids.dedup();
    let kb = KnowledgeBaseId::new(kb);
    let missing = state.knowledge.delete_documents(&kb, &ids, &access).await?;
    let not_found: Vec<String> = missing.into_iter().map(|id| id.to_string()).collect();
    Ok(Json(DeletedDto { deleted: ids.len() - not_found.len(), not_found }))
}

/// Erases a document and the files within it: passages, files and records.
#[utoipa::path(delete, path = "/api/v1/knowledge-bases/{kb}/documents/{document}",
    tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("document" = String, Path, description = "id of the document")),
    responses((status = 204, description = "erased"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such document")),
    security(("key" = [])))]
pub(crate) async fn delete_document(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, document)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (kb, document) = (KnowledgeBaseId::new(kb), DocumentId::new(document));
    state.knowledge.delete_document(&kb, &document, &access).await?;
    Ok(StatusCode::NO_CONTENT)
}
