//! `POST /v1/completions`: continues plain text, without a chat template.

use axum::Json;
use axum::extract::State;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use intramuros_engine::Prompt;
use intramuros_types::{FinishReason, RequestId, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::generation::{
    SamplingFields, StreamOptions, UsageDto, engine_for, finish_reason, is_empty, is_number, submit,
};
use super::sse::{self, ChunkWriter};
use crate::body::{JsonBody, Neutral, RequestBody};
use crate::error::ApiError;
use crate::request_id::{request_id, unix_seconds};
use crate::state::AppState;

/// What OpenAI takes when `max_tokens` is not given.
const DEFAULT_MAX_TOKENS: u32 = 16;

/// A text to continue.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CompletionRequest {
    /// Id of the model, as `/v1/models` lists it.
    model: String,
    /// The text, or its tokens.
    prompt: PromptDto,
    /// Send the answer piece by piece.
    #[serde(default)]
    stream: bool,
    /// What the stream carries beyond the text.
    stream_options: Option<StreamOptions>,
    /// The most tokens to generate; default 16.
    max_tokens: Option<u32>,
    #[serde(flatten)]
    sampling: SamplingFields,
}

/// One prompt. Batches of prompts are not supported: send several requests, they are batched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text, a list of texts or token ids")]
pub(crate) enum PromptDto {
    /// Plain text.
    Text(String),
    /// Token ids of this model.
    Tokens(Vec<u32>),
    /// A list of one text.
    Texts(Vec<String>),
}

impl RequestBody for CompletionRequest {
    const FIELDS: &'static [&'static str] = &[
        "model",
        "prompt",
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
        "seed",
        "stop",
    ];
    const NEUTRAL: &'static [(&'static str, Neutral)] = &[
        ("best_of", Neutral::When(|value| is_number(value, 1.0))),
        ("echo", Neutral::When(|value| *value == false)),
        ("logit_bias", Neutral::When(is_empty)),
        ("logprobs", Neutral::When(|_| false)),
        ("n", Neutral::When(|value| is_number(value, 1.0))),
        ("suffix", Neutral::When(|_| false)),
        ("user", Neutral::Any),
    ];
}

impl PromptDto {
    fn convert(self) -> Result<Prompt, ApiError> {
        match self {
            PromptDto::Text(text) => Ok(Prompt::Text(text)),
            PromptDto::Tokens(tokens) if tokens.is_empty() => {
                Err(ApiError::invalid("prompt", "'prompt' is an empty list"))
            }
            PromptDto::Tokens(tokens) => Ok(Prompt::Tokens(tokens)),
            PromptDto::Texts(mut texts) if texts.len() == 1 => Ok(Prompt::Text(texts.remove(0))),
            PromptDto::Texts(texts) => {
                let count = texts.len();
                let message = format!("'prompt' has {count} texts, 1 is supported per request");
                Err(ApiError::unsupported("prompt", message))
            }
        }
    }
}

/// The continuation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompletionResponse {
    /// `cmpl-` and the request's id.
    id: String,
    /// `text_completion`.
    object: &'static str,
    /// Seconds since the Unix epoch.
    created: i64,
    /// The model that answered.
    model: String,
    /// One choice.
    choices: Vec<CompletionChoice>,
    /// Tokens of the request.
    usage: UsageDto,
}

/// One continuation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompletionChoice {
    /// 0.
    index: u32,
    /// The text.
    text: String,
    /// Always `null`.
    logprobs: Option<Value>,
    /// `stop` or `length`.
    finish_reason: &'static str,
}

/// Continues a text.
#[utoipa::path(post, path = "/v1/completions", tag = "openai",
    request_body = CompletionRequest,
    responses(
        (status = 200, description = "the text, or a stream of chunks", body = CompletionResponse),
        (status = 400, description = "a field is wrong, unsupported, or the prompt is too long"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served"),
        (status = 429, description = "the queue is full; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn completions(
    State(state): State<AppState>,
    extensions: Extensions,
    JsonBody(request): JsonBody<CompletionRequest>,
) -> Result<Response, ApiError> {
    let engine = engine_for(&state, &request.model)?;
    if request.stream_options.is_some() && !request.stream {
        let message = "'stream_options' needs 'stream': true";
        return Err(ApiError::invalid("stream_options", message));
    }
    let max_tokens = request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    let sampling = request.sampling.to_params(Some(max_tokens));
    let generation = submit(engine, &extensions, request.prompt.convert()?, sampling).await?;

    let chunks = CompletionChunks {
        id: completion_id(&request_id(&extensions)),
        created: unix_seconds(),
        model: request.model,
        include_usage: request.stream_options.unwrap_or_default().include_usage,
    };
    if request.stream {
        return Ok(sse::respond(generation, chunks));
    }
    let completion = generation.collect().await?;
    Ok(Json(CompletionResponse {
        id: chunks.id,
        object: "text_completion",
        created: chunks.created,
        model: chunks.model,
        choices: vec![CompletionChoice {
            index: 0,
            text: completion.text,
            logprobs: None,
            finish_reason: finish_reason(completion.reason),
        }],
        usage: completion.usage.into(),
    })
    .into_response())
}

fn completion_id(request: &RequestId) -> String {
    format!("cmpl-{}", request.as_str().trim_start_matches("req_"))
}

/// Writes streamed `text_completion` objects.
struct CompletionChunks {
    id: String,
    created: i64,
    model: String,
    include_usage: bool,
}

impl CompletionChunks {
    fn chunk(&self, choices: Value, usage: Option<UsageDto>) -> Value {
        let mut chunk = json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = json!(usage);
        }
        chunk
    }

    fn piece(&self, text: &str, finish_reason: Option<&str>) -> Value {
        let choice =
            json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish_reason});
        self.chunk(json!([choice]), None)
    }
}

impl ChunkWriter for CompletionChunks {
    fn opening(&self) -> Option<Value> {
        None
    }

    fn text(&self, text: &str) -> Value {
        self.piece(text, None)
    }

    fn finished(&self, reason: FinishReason) -> Value {
        self.piece("", Some(finish_reason(reason)))
    }

    fn usage(&self, usage: Usage) -> Option<Value> {
        self.include_usage.then(|| self.chunk(json!([]), Some(usage.into())))
    }
}
