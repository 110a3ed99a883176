//! `POST /v1/rerank`: orders documents by how well they answer a query. Not in OpenAI's API; fields
//! as in Cohere's and Jina's.

use axum::Json;
use axum::extract::State;
use axum::http::Extensions;
use intramuros_engine::{Caller, InputKind, Priority, Relevance, Reranker};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::about;
use super::embeddings::encoder;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::caller;

/// The most documents of a request.
const MAX_DOCUMENTS: usize = 1000;

/// Documents that are given to a cross-encoder at a time.
const PART: usize = 16;

/// A query and documents.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RerankRequest {
    /// Id of the model, as `/v1/models` lists it.
    model: String,
    /// The question.
    query: String,
    /// 1 to 1,000 texts.
    documents: Vec<RerankDocument>,
    /// Tell only the best of them.
    top_n: Option<usize>,
    /// Send the documents back with their scores.
    #[serde(default)]
    return_documents: bool,
}

/// A document.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or an object with a text")]
pub(crate) enum RerankDocument {
    /// Its text.
    Text(String),
    /// Its text.
    Object {
        /// Its text.
        text: String,
    },
}

impl RequestBody for RerankRequest {
    const FIELDS: &'static [&'static str] =
        &["model", "query", "documents", "top_n", "return_documents"];
}

/// The documents, best first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RerankResponse {
    /// The model that judged.
    model: String,
    /// Best first.
    results: Vec<RankedDto>,
    /// Tokens of the request.
    usage: RerankUsage,
}

/// A document and its score.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankedDto {
    /// Its place in the request.
    index: usize,
    /// Of a cross-encoder 0 to 1; of an encoder the cosine of its vectors of query and document,
    /// −1 to 1, comparable between documents of one query only.
    relevance_score: f32,
    /// The document, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<RerankDocument>,
}

/// Tokens of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RerankUsage {
    /// Of query and documents.
    total_tokens: u32,
}

/// Orders documents by how well they answer a query.
#[utoipa::path(post, path = "/v1/rerank", tag = "openai",
    request_body = RerankRequest,
    responses((status = 200, description = "the documents, best first", body = RerankResponse),
        (status = 400, description = "a field is wrong, or a text is too long"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served"),
        (status = 429, description = "the queue is full; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn rerank(
    State(state): State<AppState>,
    extensions: Extensions,
    JsonBody(request): JsonBody<RerankRequest>,
) -> Result<Json<RerankResponse>, ApiError> {
    let count = request.documents.len();
    if count == 0 || count > MAX_DOCUMENTS {
        let message = format!("'documents' has {count} texts; send 1 to {MAX_DOCUMENTS}");
        return Err(ApiError::invalid("documents", message));
    }
    if request.top_n == Some(0) {
        return Err(ApiError::invalid("top_n", "'top_n' is 0; ask for at least 1"));
    }
    let caller = caller(&extensions, Priority::Interactive);
    let texts = request.documents.iter().map(|document| document.text().to_owned()).collect();
    let relevance = score(&state, &caller, &request.model, (request.query, texts)).await?;
    let mut results: Vec<RankedDto> = relevance
        .scores
        .into_iter()
        .enumerate()
        .map(|(index, relevance_score)| RankedDto {
            index,
            relevance_score,
            document: request.return_documents.then(|| request.documents[index].clone()),
        })
        .collect();
    results.sort_by(|a, b| {
        b.relevance_score.total_cmp(&a.relevance_score).then(a.index.cmp(&b.index))
    });
    results.truncate(request.top_n.unwrap_or(count));
    let usage = RerankUsage { total_tokens: relevance.tokens };
    Ok(Json(RerankResponse { model: request.model, results, usage }))
}

/// How well each of `texts` answers `query`, by the cross-encoder or the encoder `model`.
async fn score(
    state: &AppState,
    caller: &Caller,
    model: &str,
    (query, texts): (String, Vec<String>),
) -> Result<Relevance, ApiError> {
    if let Some(reranker) = state.encoders.reranker()
        && reranker.info().id.as_str() == model
    {
        return score_in_parts(reranker, caller, &query, &texts).await;
    }
    let encoder = encoder(state, model)?;
    let embed = |texts, kind| encoder.embed(texts, kind, caller);
    let query = embed(vec![query], InputKind::Query).await;
    let query = query.map_err(|error| about("query", error))?;
    let passages = embed(texts, InputKind::Passage).await;
    let passages = passages.map_err(|error| about("documents", error))?;
    let asked = query.vectors.first().map_or(&[][..], Vec::as_slice);
    let cosine = |vector: &Vec<f32>| asked.iter().zip(vector).map(|(a, b)| a * b).sum();
    Ok(Relevance {
        scores: passages.vectors.iter().map(cosine).collect(),
        tokens: query.tokens.saturating_add(passages.tokens),
    })
}

/// Searches use the same cross-encoder, first come first served: they get in between two parts.
async fn score_in_parts(
    reranker: &Reranker,
    caller: &Caller,
    query: &str,
    texts: &[String],
) -> Result<Relevance, ApiError> {
    let mut all = Relevance { scores: Vec::with_capacity(texts.len()), tokens: 0 };
    for (first, part) in (0..).step_by(PART).zip(texts.chunks(PART)) {
        let (query, part) = (query.to_owned(), part.to_vec());
        let scored = reranker.score(query, part, false, caller).await;
        let scored = scored.map_err(|error| {
            let error = about("documents", error);
            let message = format!("of the documents from {first} on, {}", error.message);
            if first > 0 { ApiError { message, ..error } } else { error }
        })?;
        all.scores.extend(scored.scores);
        all.tokens = all.tokens.saturating_add(scored.tokens);
    }
    Ok(all)
}

impl RerankDocument {
    fn text(&self) -> &str {
        match self {
            RerankDocument::Text(text) | RerankDocument::Object { text } => text,
        }
    }
}
