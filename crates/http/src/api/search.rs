//! Searches a knowledge base.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use intramuros_knowledge::{Ranking, SearchRequest};
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hit::HitDto;
use super::scope::ScopeFields;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

const DEFAULT_LIMIT: usize = 10;

/// What to look for.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SearchBody {
    /// Words or a question.
    #[schema(max_length = 4000, pattern = r"\S")]
    query: String,
    /// The most passages; default 10.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// How passages are found and ordered; default `hybrid`.
    ranking: Option<RankingDto>,
    /// Where to look.
    #[serde(flatten)]
    scope: ScopeFields,
}

/// How passages are found and ordered.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RankingDto {
    /// By meaning and by words, compared word by word.
    Hybrid,
    /// By the cosine of the whole alone.
    Vectors,
    /// By BM25 alone.
    Words,
}

impl From<RankingDto> for Ranking {
    fn from(ranking: RankingDto) -> Self {
        match ranking {
            RankingDto::Hybrid => Self::Hybrid,
            RankingDto::Vectors => Self::Vectors,
            RankingDto::Words => Self::Words,
        }
    }
}

impl RequestBody for SearchBody {
    const FIELDS: &'static [&'static str] = &["query", "limit", "ranking"];
    const FLATTENED: &'static [&'static str] = ScopeFields::FIELDS;
}

/// The passages, best first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchResponse {
    /// The passages.
    hits: Vec<HitDto>,
}

/// Finds passages by meaning and by words.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/search", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    request_body = SearchBody,
    responses((status = 200, description = "the passages, best first", body = SearchResponse),
        (status = 400, description = "a field is wrong"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such knowledge base"),
        (status = 429, description = "the queue is full; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn search(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    JsonBody(body): JsonBody<SearchBody>,
) -> Result<Json<SearchResponse>, ApiError> {
    let request = SearchRequest {
        query: body.query,
        limit: body.limit.unwrap_or(DEFAULT_LIMIT),
        scope: body.scope.within(&access),
        ranking: body.ranking.map(Ranking::from).unwrap_or_default(),
    };
    let hits = state.knowledge.search(&KnowledgeBaseId::new(kb), &request).await?;
    Ok(Json(SearchResponse { hits: hits.into_iter().map(HitDto::from).collect() }))
}
