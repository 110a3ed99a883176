//! Tells what the documents did not answer.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use intramuros_ledger::Unanswered;
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::everything;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

const DEFAULT_LIMIT: u32 = 100;

/// How many questions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnansweredQuery {
    /// 1 to 1,000; default 100.
    limit: Option<u32>,
}

/// Questions that the documents did not answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnansweredList {
    /// The most asked first.
    questions: Vec<UnansweredDto>,
}

/// A question that the documents did not answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnansweredDto {
    /// The same for questions of the same words.
    id: String,
    /// As it was asked last.
    question: String,
    /// How often it was asked.
    times: u64,
    /// When it was asked first.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    first_asked: OffsetDateTime,
    /// When it was asked last.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    last_asked: OffsetDateTime,
}

impl From<Unanswered> for UnansweredDto {
    fn from(one: Unanswered) -> Self {
        let Unanswered { id, question, times, first_asked, last_asked } = one;
        Self { id, question, times, first_asked, last_asked }
    }
}

/// Questions are what people typed.
fn check(access: &Access) -> Result<(), ApiError> {
    everything::check(access, "this shows what others asked")
}

/// Lists the questions of the last `knowledge.unanswered_days` that found nothing, or whose answer
/// the documents did not support.
#[utoipa::path(get, path = "/api/v1/knowledge-bases/{kb}/unanswered", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"), UnansweredQuery),
    responses((status = 200, description = "the questions", body = UnansweredList),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn list_unanswered(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    QueryParams(query): QueryParams<UnansweredQuery>,
) -> Result<Json<UnansweredList>, ApiError> {
    check(&access)?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    let found = state.knowledge.unanswered(&KnowledgeBaseId::new(kb), limit).await?;
    Ok(Json(UnansweredList { questions: found.into_iter().map(UnansweredDto::from).collect() }))
}

/// Forgets every question.
#[utoipa::path(delete, path = "/api/v1/knowledge-bases/{kb}/unanswered", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    responses((status = 204, description = "they are forgotten"),
        (status = 404, description = "no such knowledge base")),
    security(("key" = [])))]
pub(crate) async fn forget_all_unanswered(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
) -> Result<StatusCode, ApiError> {
    check(&access)?;
    state.knowledge.forget_unanswered(&KnowledgeBaseId::new(kb), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets one question.
#[utoipa::path(delete, path = "/api/v1/knowledge-bases/{kb}/unanswered/{question}",
    tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base"),
        ("question" = String, Path, description = "id of the question")),
    responses((status = 204, description = "it is forgotten"),
        (status = 404, description = "no such question")),
    security(("key" = [])))]
pub(crate) async fn forget_unanswered(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path((kb, question)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    check(&access)?;
    state.knowledge.forget_unanswered(&KnowledgeBaseId::new(kb), Some(&question)).await?;
    Ok(StatusCode::NO_CONTENT)
}
