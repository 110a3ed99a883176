//! `POST /v1/embeddings`.

use axum::extract::State;
use axum::http::Extensions;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use intramuros_engine::{EmbedEngine, InputKind, Priority};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{about, model_not_found};
use crate::body::{JsonBody, Neutral, RequestBody};
use crate::compress::NotCompressed;
use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::caller;

/// OpenAI's bound on the inputs of one request.
const MAX_INPUTS: usize = 2048;

/// Texts to embed.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EmbeddingRequest {
    /// Id of the encoder, as `/v1/models` lists it.
    model: String,
    /// One text or up to 2,048.
    input: EmbeddingInput,
    /// `float` (default) or `base64` (little-endian f32).
    #[serde(default)]
    encoding_format: EncodingFormat,
    /// Keep only the first values of each vector and normalise again. Rank quality falls faster
    /// with encoders that were not trained for it.
    dimensions: Option<usize>,
    /// What the texts are for; encoders trained with prefixes (E5) rank badly without them.
    /// Not in OpenAI's API. Default `plain`: the text as it is.
    #[serde(default)]
    input_type: InputType,
}

/// One text or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(crate) enum EmbeddingInput {
    /// One text.
    One(String),
    /// Several.
    Many(Vec<String>),
    /// Token ids: refused, because clients count them with another model's tokenizer.
    Tokens(#[allow(dead_code, reason = "read only to be refused by name")] Vec<u32>),
    /// Lists of token ids: refused likewise.
    TokenLists(#[allow(dead_code, reason = "read only to be refused by name")] Vec<Vec<u32>>),
}

/// How a vector is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EncodingFormat {
    /// A JSON array.
    #[default]
    Float,
    /// Base64 of little-endian f32.
    Base64,
}

/// What the texts are for.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum InputType {
    /// A question or search words.
    Query,
    /// A passage to be found.
    Passage,
    /// As it is.
    #[default]
    Plain,
}

impl RequestBody for EmbeddingRequest {
    const FIELDS: &'static [&'static str] =
        &["model", "input", "encoding_format", "dimensions", "input_type"];
    const NEUTRAL: &'static [(&'static str, Neutral)] = &[("user", Neutral::Any)];
}

/// The vectors.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingResponse {
    /// `list`.
    object: &'static str,
    /// One entry an input, in order.
    data: Vec<EmbeddingDto>,
    /// The encoder.
    model: String,
    /// Tokens of the inputs.
    usage: EmbeddingUsage,
}

/// One vector.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingDto {
    /// `embedding`.
    object: &'static str,
    /// Which input.
    index: usize,
    /// The vector.
    embedding: Vector,
}

/// A vector in the format asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// Base64 of little-endian f32.
    Base64(String),
}

/// Tokens of the inputs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingUsage {
    /// Tokens, special tokens included.
    prompt_tokens: u32,
    /// The same.
    total_tokens: u32,
}

impl EmbeddingInput {
    fn texts(self) -> Result<Vec<String>, ApiError> {
        let texts = match self {
            EmbeddingInput::One(text) => vec![text],
            EmbeddingInput::Many(texts) => texts,
            EmbeddingInput::Tokens(_) | EmbeddingInput::TokenLists(_) => {
                let message = "'input' holds token ids, which belong to another tokenizer; send \
                               text (LangChain: check_embedding_ctx_length=False)";
                return Err(ApiError::unsupported("input", message));
            }
        };
        if texts.is_empty() {
            return Err(ApiError::invalid("input", "'input' is an empty list"));
        }
        if texts.len() > MAX_INPUTS {
            let message = format!("'input' has {} texts, the limit is {MAX_INPUTS}", texts.len());
            return Err(ApiError::invalid("input", message));
        }
        if let Some(index) = texts.iter().position(|text| text.trim().is_empty()) {
            return Err(ApiError::invalid("input", format!("'input[{index}]' is empty")));
        }
        Ok(texts)
    }
}

/// Embeds texts.
#[utoipa::path(post, path = "/v1/embeddings", tag = "openai",
    request_body = EmbeddingRequest,
    responses(
        (status = 200, description = "the vectors, L2-normalised", body = EmbeddingResponse),
        (status = 400, description = "a field is wrong, or a text is too long"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served"),
        (status = 429, description = "the queue is full; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn embeddings(
    State(state): State<AppState>,
    extensions: Extensions,
    JsonBody(request): JsonBody<EmbeddingRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let encoder = encoder(&state, &request.model)?;
    let info = encoder.info();
    let dimension = checked_dimension(request.dimensions, info.dimension)?;
    let kind = match request.input_type {
        InputType::Query => InputKind::Query,
        InputType::Passage => InputKind::Passage,
        InputType::Plain => InputKind::Plain,
    };
    let texts = request.input.texts()?;
    let caller = caller(&extensions, Priority::Interactive);
    let embeddings = encoder.embed(texts, kind, &caller).await;
    let embeddings = embeddings.map_err(|error| about("input", error))?;
    let data = embeddings.vectors.into_iter().enumerate().map(|(index, vector)| {
        let vector = shorten(vector, dimension);
        let embedding = match request.encoding_format {
            EncodingFormat::Float => Vector::Float(vector),
            EncodingFormat::Base64 => Vector::Base64(to_base64(&vector)),
        };
        EmbeddingDto { object: "embedding", index, embedding }
    });
    let tokens = embeddings.tokens;
    let response = Json(EmbeddingResponse {
        object: "list",
        data: data.collect(),
        model: request.model,
        usage: EmbeddingUsage { prompt_tokens: tokens, total_tokens: tokens },
    });
    // Megabytes of digits that hardly get shorter.
    Ok((Extension(NotCompressed), response))
}

/// The encoder that a request names.
pub(super) fn encoder<'a>(state: &'a AppState, model: &str) -> Result<&'a EmbedEngine, ApiError> {
    state.encoders.get(model).ok_or_else(|| {
        let ids: Vec<&str> = state.encoders.ids().into_iter().map(|id| id.as_str()).collect();
        model_not_found(model, Some(&ids.join("', '")))
    })
}

fn checked_dimension(asked: Option<usize>, full: usize) -> Result<usize, ApiError> {
    match asked {
        None => Ok(full),
        Some(dimension) if (1..=full).contains(&dimension) => Ok(dimension),
        Some(dimension) => Err(ApiError::invalid(
            "dimensions",
            format!("'dimensions' is {dimension}, this encoder allows 1 to {full}"),
        )),
    }
}

fn shorten(mut vector: Vec<f32>, dimension: usize) -> Vec<f32> {
    if dimension == vector.len() {
        return vector;
    }
    vector.truncate(dimension);
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
    vector
}

fn to_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}
