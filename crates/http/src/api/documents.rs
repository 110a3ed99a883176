//! Uploads, lists, shows and erases documents.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_ledger::{DocumentRecord, FailureReason, Inserted, Page};
use intramuros_types::{Access, DocumentFormat, DocumentId, KnowledgeBaseId, ReadWarning};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::upload;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

const DEFAULT_PAGE: u32 = 100;

/// A document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentDto {
    /// Its id.
    id: String,
    /// The knowledge base it belongs to.
    knowledge_base: String,
    /// The name it was uploaded under.
    file_name: String,
    /// Its media type.
    media_type: String,
    /// Its size.
    bytes: u64,
    /// SHA-256 of its bytes.
    sha256: String,
    /// `pending`, `indexing`, `ready` or `failed`.
    state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureDto>,
    /// Its title, once indexed.
    title: Option<String>,
    /// Its main language, once indexed.
    language: Option<String>,
    /// Number of pages, where the format has them.
    pages: Option<u32>,
    /// Number of passages, once indexed.
    passages: Option<u32>,
    /// The format that was recognised, once indexed: `text`, `markdown`, `html`, `pdf`, `docx`,
    /// `odt`, `xlsx`, `ods`, `csv`, `pptx`, `odp`, `eml`, `image`; `null` for an archive.
    #[schema(value_type = Option<String>)]
    format: Option<DocumentFormat>,
    /// Who wrote it, as it says itself.
    author: Option<String>,
    /// When it was made, as it says itself: a day, or a moment with its time zone.
    written: Option<String>,
    /// When it was last changed, as it says itself.
    modified: Option<String>,
    /// What could not be read well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningDto>,
    /// Its owner's name for it.
    external_id: Option<String>,
    /// The synchronised folder that brought it.
    source: Option<String>,
    /// The document that it was in: an e-mail, an archive.
    parent: Option<String>,
    /// Who may read it; empty for everybody.
    labels: Vec<String>,
    /// Names and values to filter by.
    metadata: BTreeMap<String, String>,
    /// When it was uploaded.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    updated: OffsetDateTime,
}

/// A part of a document that was not read, or not well.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WarningDto {
    /// A stable name, such as `page_without_text`; docs/api.md lists them.
    code: String,
    /// What people read.
    detail: String,
    /// The page it is about.
    page: Option<u32>,
}

impl From<ReadWarning> for WarningDto {
    fn from(warning: ReadWarning) -> Self {
        Self { code: warning.code, detail: warning.text, page: warning.page }
    }
}

/// Why a document could not be indexed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureDto {
    /// A stable name: `empty`, `too_large`, `unsupported_format`, `encrypted`, `no_text`,
    /// `limit_exceeded`, `damaged`, `reader_stopped`, `file_damaged`, `server_failure`.
    code: String,
    /// What people read.
    detail: String,
}

impl From<FailureReason> for FailureDto {
    fn from(reason: FailureReason) -> Self {
        Self { code: reason.code, detail: reason.text }
    }
}

impl From<DocumentRecord> for DocumentDto {
    fn from(record: DocumentRecord) -> Self {
        Self {
            id: record.id.to_string(),
            knowledge_base: record.knowledge_base.to_string(),
            file_name: record.file_name,
            media_type: record.media_type,
            bytes: record.bytes,
            sha256: record.sha256,
            state: record.state.as_str(),
            failure: record.reason.map(FailureDto::from),
            title: record.title,
            language: record.language,
            pages: record.pages,
            passages: record.chunks,
            format: record.format,
            author: record.author,
            written: record.written,
            modified: record.modified,
            warnings: record.warnings.into_iter().map(WarningDto::from).collect(),
            external_id: record.details.external_id,
            source: record.details.source,
            parent: record.parent.map(|id| id.to_string()),
            labels: record.details.labels,
            metadata: record.details.metadata,
            created: record.created,
            updated: record.updated,
        }
    }
}

/// What follows an upload.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadQuery {
    /// Answer only when the document is ready or failed, or the request timeout is near.
    #[serde(default)]
    wait: bool,
}

/// A part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Continue after this document, as `next` said.
    after: Option<String>,
    /// The most documents, 1 to 1,000; default 100.
    limit: Option<u32>,
    /// Only those that this synchronised folder brought.
    source: Option<String>,
    /// Only the one with this external id.
    external_id: Option<String>,
    /// Only those that were in this document.
    parent: Option<String>,
}

/// A page of documents, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentList {
    /// The documents.
    documents: Vec<DocumentDto>,
    /// What to pass as `after` to go on; `null` at the end.
    next: Option<String>,
}

/// The file, as `multipart/form-data`.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "describes the multipart body in the OpenAPI document")]
pub(crate) struct UploadBody {
    /// Any of the formats that docs/api.md lists.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Who may read it, one part a label; none for everybody. The key must hold them.
    labels: Option<Vec<String>>,
    /// A JSON object of texts to filter by.
    metadata: Option<String>,
    /// The owner's name for it: a new file under the same name takes the old one's place.
    external_id: Option<String>,
    /// The synchronised folder that brings it.
    source: Option<String>,
}

/// What to say about a document; fields that are left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateBody {
    /// Who may read it; empty for everybody. The key must hold them.
    labels: Option<Vec<String>>,
    /// Names and values to filter by.
    metadata: Option<BTreeMap<String, String>>,
    /// The owner's name for it; empty for none.
    external_id: Option<String>,
}

impl RequestBody for UpdateBody {
    const FIELDS: &'static [&'static str] = &["labels", "metadata", "external_id"];
}

/// Uploads a document. It is durable when this answers, and searchable when its state is `ready`.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/documents", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"), UploadQuery),
    request_body(content = UploadBody, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "the knowledge base has this content already",
            body = DocumentDto),
        (status = 201, description = "indexed (with wait)", body = DocumentDto),
        (status = 202, description = "queued for indexing", body = DocumentDto),
        (status = 400, description = "the file is missing or empty"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such knowledge base"),
        (status = 413, description = "the file is too large"),
        (status = 507, description = "the server's disk is full; nothing was stored")),
    security(("key" = [])))]
pub(crate) async fn upload_document(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    QueryParams(query): QueryParams<UploadQuery>,
    multipart: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<DocumentDto>), ApiError> {
    let kb = KnowledgeBaseId::new(kb);
    state.knowledge.get(&kb).await?;
    let multipart = upload::check(multipart)?;
    let (upload, details) = upload::receive(&state, multipart).await?;
    let (status, record) = match state.knowledge.add(&kb, upload, details, &access).await? {
        Inserted::New(record) | Inserted::Replaced { record, .. } => (StatusCode::ACCEPTED, record),
        Inserted::Duplicate(record) => (StatusCode::OK, record),
    };
    if !query.wait {
        return Ok((status, Json(record.into())));
    }
    let patience = state.limits.request_timeout.saturating_sub(Duration::from_secs(1));
    match tokio::time::timeout(patience, state.knowledge.indexed(&kb, &record.id, &access)).await {
        Ok(record) => {
            let status = if status == StatusCode::OK { status } else { StatusCode::CREATED };
            Ok((status, Json(record?.into())))
        }
        Err(_) => Ok((status, Json(record.into()))),
    }
}

/// Lists documents, oldest first.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/documents", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"), ListQuery),
    responses((status = 200, description = "a page of documents", body = DocumentList),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn list_documents(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<DocumentList>, ApiError> {
    if query.after.as_ref().is_some_and(|after| !after.starts_with("doc_")) {
        let message = "'after' must be the 'next' of an earlier page, a document id (doc_…)";
        return Err(ApiError::invalid("after", message));
    }
    let page = Page {
        after: query.after.map(DocumentId::new),
        limit: query.limit.unwrap_or(DEFAULT_PAGE),
        source: query.source,
        external_id: query.external_id,
        parent: query.parent.map(DocumentId::new),
    };
    let page = state.knowledge.documents(&KnowledgeBaseId::new(kb), page, &access).await?;
    Ok(Json(DocumentList {
        documents: page.documents.into_iter().map(DocumentDto::from).collect(),
        next: page.next.map(|id| id.to_string()),
    }))
}

/// Describes one document.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/documents/{document}", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("document" = String, Path, description = "id of the document")),
    responses((status = 200, description = "the document", body = DocumentDto),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such document")),
    security(("key" = [])))]
pub(crate) async fn get_document(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, document)): Path<(String, String)>,
) -> Result<Json<DocumentDto>, ApiError> {
    let (kb, document) = (KnowledgeBaseId::new(kb), DocumentId::new(document));
    Ok(Json(state.knowledge.document(&kb, &document, &access).await?.into()))
}

/// Changes what is said about a document, and about the files within it. From this answer on
/// searches go by it.
#[utoipa::path(patch, path = "/api/v1/knowledge-bases/{kb}/documents/{document}",
    tag = "knowledge", request_body = UpdateBody,
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("document" = String, Path, description = "id of the document")),
    responses((status = 200, description = "the document as it is now", body = DocumentDto),
        (status = 400, description = "a field is wrong"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such document"),
        (status = 409, description = "another document has this external id")),
    security(("key" = [])))]
pub(crate) async fn update_document(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, document)): Path<(String, String)>,
    JsonBody(body): JsonBody<UpdateBody>,
) -> Result<Json<DocumentDto>, ApiError> {
    let (kb, document) = (KnowledgeBaseId::new(kb), DocumentId::new(document));
    let record = state.knowledge.document(&kb, &document, &access).await?;
    let mut details = record.details;
    if let Some(labels) = body.labels {
        if record.parent.is_some() && labels != details.labels {
            let message = "the readers of a file within a document are those of the document; \
                           change 'labels' there";
            return Err(ApiError::invalid("labels", message));
        }
        details.labels = labels;
    }
    if let Some(metadata) = body.metadata {
        details.metadata = metadata;
    }
    if let Some(external_id) = body.external_id {
        details.external_id = Some(external_id).filter(|id| !id.is_empty());
    }
    let updated = state.knowledge.update_document(&kb, &document, details, &access).await?;
    Ok(Json(updated.into()))
}
