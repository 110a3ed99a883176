//! Creates, lists and erases knowledge bases.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_ledger::{DocumentCounts, KnowledgeBase};
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// A knowledge base to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKnowledgeBase {
    /// A slug that names it for good: lower-case letters, digits and hyphens, up to 63.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    id: String,
    /// What people call it; the id when not given.
    title: Option<String>,
    /// Main language of the documents, ISO 639-1; default `fr`.
    #[schema(pattern = "^[a-z]{2}$")]
    language: Option<String>,
    /// The encoder of its vectors; the default one when not given.
    embedding_model: Option<String>,
}

impl RequestBody for CreateKnowledgeBase {
    const FIELDS: &'static [&'static str] = &["id", "title", "language", "embedding_model"];
}

/// A knowledge base.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnowledgeBaseDto {
    /// The slug.
    id: String,
    /// What people call it.
    title: String,
    /// Main language, ISO 639-1.
    language: String,
    /// The encoder of its vectors.
    embedding_model: String,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// The documents that the key may read, by state.
    documents: CountsDto,
}

/// Documents by state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountsDto {
    /// Waiting.
    pending: u64,
    /// In work.
    indexing: u64,
    /// Searchable.
    ready: u64,
    /// Failed; each says why.
    failed: u64,
}

impl From<DocumentCounts> for CountsDto {
    fn from(counts: DocumentCounts) -> Self {
        let DocumentCounts { pending, indexing, ready, failed, deleting: _ } = counts;
        Self { pending, indexing, ready, failed }
    }
}

impl KnowledgeBaseDto {
    fn new(base: KnowledgeBase, counts: DocumentCounts) -> Self {
        Self {
            id: base.id.to_string(),
            title: base.title,
            language: base.language,
            embedding_model: base.embedding_model.to_string(),
            created: base.created,
            documents: counts.into(),
        }
    }
}

/// The knowledge bases.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnowledgeBaseList {
    /// Every one, by id.
    knowledge_bases: Vec<KnowledgeBaseDto>,
}

/// Creates a knowledge base.
#[utoipa::path(post, path = "/api/v1/knowledge-bases", tag = "knowledge",
    request_body = CreateKnowledgeBase,
    responses((status = 201, description = "created", body = KnowledgeBaseDto),
        (status = 400, description = "a field is wrong"),
        (status = 401, description = "no valid key"),
        (status = 409, description = "the id exists")),
    security(("key" = [])))]
pub(crate) async fn create_knowledge_base(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<CreateKnowledgeBase>,
) -> Result<(StatusCode, Json<KnowledgeBaseDto>), ApiError> {
    let title = request.title.unwrap_or_else(|| request.id.clone());
    let language = request.language.unwrap_or_else(|| "fr".into());
    let id = KnowledgeBaseId::new(request.id);
    let model = request.embedding_model.as_deref();
    let base = state.knowledge.create(id, title, language, model).await?;
    let created = KnowledgeBaseDto::new(base, DocumentCounts::default());
    Ok((StatusCode::CREATED, Json(created)))
}

/// Lists the knowledge bases.
#[utoipa::path(get, path = "/api/v1/knowledge-bases", tag = "knowledge",
    responses((status = 200, description = "every knowledge base", body = KnowledgeBaseList),
        (status = 401, description = "no valid key")),
    security(("key" = [])))]
pub(crate) async fn list_knowledge_bases(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
) -> Result<Json<KnowledgeBaseList>, ApiError> {
    let mut knowledge_bases = Vec::new();
    for base in state.knowledge.list().await? {
        let counts = state.knowledge.counts(&base.id, &access).await?;
        knowledge_bases.push(KnowledgeBaseDto::new(base, counts));
    }
    Ok(Json(KnowledgeBaseList { knowledge_bases }))
}

/// Describes one knowledge base.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    responses((status = 200, description = "the knowledge base", body = KnowledgeBaseDto),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn get_knowledge_base(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
) -> Result<Json<KnowledgeBaseDto>, ApiError> {
    let base = state.knowledge.get(&KnowledgeBaseId::new(kb)).await?;
    let counts = state.knowledge.counts(&base.id, &access).await?;
    Ok(Json(KnowledgeBaseDto::new(base, counts)))
}

/// Erases a knowledge base with its documents and files, which takes a key that may read all of
/// them (label `*`).
#[utoipa::path(delete, path = "/api/v1/knowledge-bases/{kb}", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    responses((status = 204, description = "erased"),
        (status = 401, description = "no valid key"),
        (status = 403, description = "the key may not read everything"),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn delete_knowledge_base(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
) -> Result<StatusCode, ApiError> {
    super::indexes::check(&access)?;
    state.knowledge.delete(&KnowledgeBaseId::new(kb)).await?;
    Ok(StatusCode::NO_CONTENT)
}
