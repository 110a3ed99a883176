//! Searches a knowledge base.

use axum::extract::{Path, State};
use axum::http::Extensions;
use axum::{Extension, Json};
use intramuros_knowledge::{Caller, Judgement, Ranking, SearchRequest};
use intramuros_types::{Access, KeyId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hit::HitDto;
use super::scope::ScopeFields;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::request_id::request_id;
use crate::state::AppState;
use crate::track::RequestRecord;

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
    /// The most passages of one document; no bound when left out.
    #[schema(minimum = 1, maximum = 100)]
    per_document: Option<usize>,
    /// How passages are found and ordered; default `hybrid`.
    ranking: Option<RankingDto>,
    /// Whether the generator judges if the passages answer; default `none`.
    #[serde(default)]
    judge: JudgeDto,
    /// Where to look.
    #[serde(flatten)]
    scope: ScopeFields,
}

/// Whether the generator judges what was found. It reads the first five passages, which takes
/// seconds on a CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JudgeDto {
    /// It is not asked.
    #[default]
    None,
    /// Its judgement is told beside the passages.
    Report,
    /// Passages that do not answer are not told.
    Require,
}

/// How passages are found and ordered.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RankingDto {
    /// By meaning and by words, compared word by word.
    Hybrid,
    /// The same, the best twenty then by how likely the generator finds the question after each;
    /// better for questions in a layman's words, and takes seconds on a CPU.
    Likelihood,
    /// By the cosine of the whole alone.
    Vectors,
    /// By BM25 alone.
    Words,
}

impl From<RankingDto> for Ranking {
    fn from(ranking: RankingDto) -> Self {
        match ranking {
            RankingDto::Hybrid => Self::Hybrid,
            RankingDto::Likelihood => Self::Likelihood,
            RankingDto::Vectors => Self::Vectors,
            RankingDto::Words => Self::Words,
        }
    }
}

impl RequestBody for SearchBody {
    const FIELDS: &'static [&'static str] = &["query", "limit", "per_document", "ranking", "judge"];
    const FLATTENED: &'static [&'static str] = ScopeFields::FIELDS;
}

/// The passages, best first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchResponse {
    /// The passages.
    hits: Vec<HitDto>,
    /// Whether they answer, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    judgement: Option<JudgementDto>,
}

/// Whether the passages answer the question, as the generator judges.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JudgementDto {
    /// Whether they do: `score` reaches `threshold`.
    answers: bool,
    /// How well they do, 0 to 1. No probability of being right.
    score: f32,
    /// From where on it counts as a yes.
    threshold: f32,
    /// Whether the threshold was learnt from the test questions of the knowledge base.
    calibrated: bool,
    /// The generator.
    model: String,
}

impl From<Judgement> for JudgementDto {
    fn from(judgement: Judgement) -> Self {
        Self {
            answers: judgement.answers(),
            score: judgement.score,
            threshold: judgement.threshold,
            calibrated: judgement.calibrated,
            model: judgement.model.to_string(),
        }
    }
}

/// Who asks, as the generator knows them.
pub(crate) fn caller(extensions: &Extensions) -> Caller {
    Caller {
        id: request_id(extensions),
        client: extensions.get::<KeyId>().cloned(),
        meter: RequestRecord::of(extensions).meter,
    }
}

/// Finds passages by meaning and by words.
#[utoipa::path(post, path = "/api/v1/knowledge-bases/{kb}/search", tag = "knowledge",
    params(("kb" = String, Path, description = "id of the knowledge base")),
    request_body = SearchBody,
    responses((status = 200, description = "the passages, best first", body = SearchResponse),
        (status = 400, description = "a field is wrong"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "no such knowledge base"),
        (status = 429, description = "the queue is full; see Retry-After"),
        (status = 503, description = "the generator was asked for, and none is configured")),
    security(("key" = [])))]
pub(crate) async fn search(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(kb): Path<String>,
    extensions: Extensions,
    JsonBody(body): JsonBody<SearchBody>,
) -> Result<Json<SearchResponse>, ApiError> {
    let request = SearchRequest {
        query: body.query,
        limit: body.limit.unwrap_or(DEFAULT_LIMIT),
        per_document: body.per_document,
        scope: body.scope.within(&access),
        ranking: body.ranking.map(Ranking::from).unwrap_or_default(),
        caller: caller(&extensions),
    };
    let kb = KnowledgeBaseId::new(kb);
    let (hits, judgement) = if body.judge == JudgeDto::None {
        (state.knowledge.search(&kb, &request).await?, None)
    } else {
        let (mut hits, judgement) = state.knowledge.search_judged(&kb, &request).await?;
        if body.judge == JudgeDto::Require && !judgement.answers() {
            hits.clear();
        }
        (hits, Some(judgement))
    };
    Ok(Json(SearchResponse {
        hits: hits.into_iter().map(HitDto::from).collect(),
        judgement: judgement.map(JudgementDto::from),
    }))
}
