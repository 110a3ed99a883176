//! `POST /v1/tokenize` and `POST /v1/detokenize`. Not in OpenAI's API; fields as in vLLM's.

use axum::Json;
use axum::extract::State;
use intramuros_engine::Prompt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::chat::message::{MessageDto, conversation};
use super::generation::engine_for;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;

/// A text or a conversation to tokenise.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TokenizeRequest {
    /// Id of the model, as `/v1/models` lists it.
    model: String,
    /// A text.
    prompt: Option<String>,
    /// A conversation, which goes through the model's chat template.
    messages: Option<Vec<MessageDto>>,
    /// Of a text: add what the model wants around it (BOS); default true.
    add_special_tokens: Option<bool>,
    /// Tell each token's text too.
    #[serde(default)]
    return_token_strs: bool,
}

impl RequestBody for TokenizeRequest {
    const FIELDS: &'static [&'static str] =
        &["model", "prompt", "messages", "add_special_tokens", "return_token_strs"];
}

/// The tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenizeResponse {
    /// How many there are.
    count: usize,
    /// The most tokens of prompt and answer together.
    max_model_len: u32,
    /// Their ids.
    tokens: Vec<u32>,
    /// Their texts, where they were asked for; what is no whole character is U+FFFD.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_strs: Option<Vec<String>>,
}

/// Tokens to put together.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct DetokenizeRequest {
    /// Id of the model, as `/v1/models` lists it.
    model: String,
    /// Ids of tokens.
    tokens: Vec<u32>,
}

impl RequestBody for DetokenizeRequest {
    const FIELDS: &'static [&'static str] = &["model", "tokens"];
}

/// Their text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DetokenizeResponse {
    /// The text, special tokens as they are written.
    prompt: String,
}

/// Tokenises a text or a conversation.
#[utoipa::path(post, path = "/v1/tokenize", tag = "openai",
    request_body = TokenizeRequest,
    responses((status = 200, description = "the tokens", body = TokenizeResponse),
        (status = 400, description = "neither or both of 'prompt' and 'messages'"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served")),
    security(("key" = [])))]
pub(crate) async fn tokenize(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<TokenizeRequest>,
) -> Result<Json<TokenizeResponse>, ApiError> {
    let engine = engine_for(&state, &request.model).await?;
    let tokens = match (request.prompt, request.messages) {
        (Some(text), None) => {
            engine.tokenize(text, request.add_special_tokens.unwrap_or(true)).await?
        }
        (None, Some(_)) if request.add_special_tokens.is_some() => {
            let message = "'add_special_tokens' belongs to 'prompt'; templates write their own";
            return Err(ApiError::invalid("add_special_tokens", message));
        }
        (None, Some(messages)) => engine.encode(&Prompt::Chat(conversation(&messages)?)).await?,
        _ => {
            let message = "send 'prompt' or 'messages', one of them";
            return Err(ApiError::invalid("prompt", message));
        }
    };
    let token_strs = match request.return_token_strs {
        true => Some(engine.spell(tokens.clone()).await?),
        false => None,
    };
    Ok(Json(TokenizeResponse {
        count: tokens.len(),
        max_model_len: engine.info().context_tokens,
        tokens,
        token_strs,
    }))
}

/// Puts tokens together.
#[utoipa::path(post, path = "/v1/detokenize", tag = "openai",
    request_body = DetokenizeRequest,
    responses((status = 200, description = "the text", body = DetokenizeResponse),
        (status = 400, description = "a token id that the model does not have"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served")),
    security(("key" = [])))]
pub(crate) async fn detokenize(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<DetokenizeRequest>,
) -> Result<Json<DetokenizeResponse>, ApiError> {
    let engine = engine_for(&state, &request.model).await?;
    let known = engine.info().vocab_size;
    if let Some(token) = request.tokens.iter().find(|token| **token as usize >= known) {
        let message = format!("'tokens' has the id {token}; the model has ids below {known}");
        return Err(ApiError::invalid("tokens", message));
    }
    Ok(Json(DetokenizeResponse { prompt: engine.decode(&request.tokens) }))
}
