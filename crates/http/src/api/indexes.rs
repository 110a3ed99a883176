//! Makes the index of a knowledge base anew beside the old one, and keeps the questions that it
//! must answer.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_knowledge::IndexState;
use intramuros_ledger::{TestQuestion, Verdict};
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::everything;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// An index to make.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIndexDto {
    /// The encoder; that of the active index when left out.
    embedding_model: Option<String>,
}

impl RequestBody for NewIndexDto {
    const FIELDS: &'static [&'static str] = &["embedding_model"];
}

/// The indexes of a knowledge base.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexList {
    /// The active one, and the one beside it if there is one.
    indexes: Vec<IndexDto>,
}

/// One way in which the passages of a knowledge base were made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexDto {
    /// Counts the indexes of the knowledge base.
    generation: u32,
    /// `active`: searches look in it; `building`: is made beside it; `rejected`: answers the test
    /// questions worse or lacks documents; `previous`: was active before.
    role: &'static str,
    /// The encoder.
    embedding_model: String,
    /// Version of the rules by which documents are cut.
    chunking_version: u32,
    /// Tokens that passages are filled up to.
    chunk_target_tokens: u32,
    /// Tokens that none exceeds.
    chunk_max_tokens: u32,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    started: OffsetDateTime,
    /// When all documents were in it.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    finished: Option<OffsetDateTime>,
    /// How far it is; null for the active one.
    progress: Option<IndexProgressDto>,
    /// What the test questions said; null without questions.
    verdict: Option<VerdictDto>,
}

/// How far an index is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IndexProgressDto {
    /// Documents that can be searched.
    documents: u64,
    /// How many of them are in it as they are now.
    done: u64,
    /// How many of these have no passages in it, because they could not be read again.
    failed: u64,
    /// Seconds until it is complete, at the pace so far; null while that is unknown.
    remaining_seconds: Option<u64>,
}

/// How an index answers the test questions beside the one that was active.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictDto {
    /// How many questions.
    questions: u32,
    /// Share with a relevant document among the first five, by the one that was active.
    recall_at_5_before: f32,
    /// The same by this one.
    recall_at_5: f32,
}

impl From<IndexState> for IndexDto {
    fn from(state: IndexState) -> Self {
        let IndexState { index, progress, remaining } = state;
        Self {
            generation: index.generation,
            role: index.role.as_str(),
            embedding_model: index.embedding_model.to_string(),
            chunking_version: index.chunking.version,
            chunk_target_tokens: index.chunking.target_tokens,
            chunk_max_tokens: index.chunking.max_tokens,
            started: index.started,
            finished: index.finished,
            progress: progress.map(|progress| IndexProgressDto {
                documents: progress.documents,
                done: progress.done,
                failed: progress.failed,
                remaining_seconds: remaining.map(|time| time.as_secs()),
            }),
            verdict: index.verdict.map(VerdictDto::from),
        }
    }
}

impl From<Verdict> for VerdictDto {
    fn from(verdict: Verdict) -> Self {
        let Verdict { questions, recall_at_5_before, recall_at_5 } = verdict;
        Self { questions, recall_at_5_before, recall_at_5 }
    }
}

/// Questions whose documents are known.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestQuestionList {
    /// Up to 10,000, with distinct ids.
    questions: Vec<TestQuestionDto>,
}

impl RequestBody for TestQuestionList {
    const FIELDS: &'static [&'static str] = &["questions"];
}

/// A question whose documents are known.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TestQuestionDto {
    /// A name for it, up to 100 characters.
    id: String,
    /// What is asked, up to 1,000 characters.
    query: String,
    /// File names or external ids of the documents that answer it, up to 100; none where the
    /// documents do not answer.
    relevant: Vec<String>,
}

/// Who decides about an index reads all that it is made of.
pub(crate) fn check(access: &Access) -> Result<(), ApiError> {
    everything::check(access, "this concerns all documents")
}

/// Lists the indexes of a knowledge base, with their progress.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/indexes", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    responses((status = 200, description = "the indexes", body = IndexList),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn list_indexes(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
) -> Result<Json<IndexList>, ApiError> {
    check(&access)?;
    let states = state.knowledge.index_states(&KnowledgeBaseId::new(kb)).await?;
    Ok(Json(IndexList { indexes: states.into_iter().map(IndexDto::from).collect() }))
}

/// Begins to make the index anew beside the active one. It takes over when it is complete and
/// answers the test questions as well.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/indexes", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    request_body = NewIndexDto,
    responses((status = 202, description = "it was begun", body = IndexDto),
        (status = 400, description = "the encoder is not served"),
        (status = 404, description = "no such knowledge base"),
        (status = 409, description = "there is one beside the active one already")),
    security(("key" = [])))]
pub(crate) async fn create_index(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    JsonBody(request): JsonBody<NewIndexDto>,
) -> Result<(StatusCode, Json<IndexDto>), ApiError> {
    check(&access)?;
    let model = request.embedding_model.as_deref();
    let begun = state.knowledge.begin_rebuild(&KnowledgeBaseId::new(kb), model).await?;
    Ok((StatusCode::ACCEPTED, Json(begun.into())))
}

/// Lets an index take the active one's place: one that was rejected, or the previous one again.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/indexes/{generation}/activate",
    tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("generation" = u32, Path, description = "the index")),
    responses((status = 200, description = "it is the active one now", body = IndexDto),
        (status = 404, description = "no such index"),
        (status = 409, description = "it is active, or still being made")),
    security(("key" = [])))]
pub(crate) async fn activate_index(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, generation)): Path<(String, u32)>,
) -> Result<Json<IndexDto>, ApiError> {
    check(&access)?;
    let active = state.knowledge.activate_index(&KnowledgeBaseId::new(kb), generation).await?;
    Ok(Json(active.into()))
}

/// Erases an index that is not the active one; one that is being made is given up.
#[utoipa::path(delete, path = "/api/v1/knowledge-bases/{kb}/indexes/{generation}",
    tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("generation" = u32, Path, description = "the index")),
    responses((status = 204, description = "it is gone"),
        (status = 404, description = "no such index"),
        (status = 409, description = "it is the active one")),
    security(("key" = [])))]
pub(crate) async fn delete_index(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, generation)): Path<(String, u32)>,
) -> Result<StatusCode, ApiError> {
    check(&access)?;
    state.knowledge.discard_index(&KnowledgeBaseId::new(kb), generation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the questions that a new index must answer as well as the old one.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/test-questions", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    responses((status = 200, description = "the questions", body = TestQuestionList),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn list_test_questions(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
) -> Result<Json<TestQuestionList>, ApiError> {
    check(&access)?;
    let questions = state.knowledge.test_questions(&KnowledgeBaseId::new(kb)).await?;
    let dto = |TestQuestion { id, query, relevant }| TestQuestionDto { id, query, relevant };
    Ok(Json(TestQuestionList { questions: questions.into_iter().map(dto).collect() }))
}

/// Replaces the questions that a new index must answer.
#[utoipa::path(put, path = "/api/v1/knowledge-bases/{kb}/test-questions", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    request_body = TestQuestionList,
    responses((status = 204, description = "they are stored"),
        (status = 400, description = "a question is wrong"),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn replace_test_questions(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    JsonBody(request): JsonBody<TestQuestionList>,
) -> Result<StatusCode, ApiError> {
    check(&access)?;
    let question = |TestQuestionDto { id, query, relevant }| TestQuestion { id, query, relevant };
    let questions: Vec<TestQuestion> = request.questions.into_iter().map(question).collect();
    state.knowledge.set_test_questions(&KnowledgeBaseId::new(kb), &questions).await?;
    Ok(StatusCode::NO_CONTENT)
}
