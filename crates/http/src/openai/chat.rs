//! `POST /v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use intramuros_engine::Prompt;
use intramuros_types::{FinishReason, Message, RequestId, Role, Usage};
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

/// A conversation to continue.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChatRequest {
    /// Id of the model, as `/v1/models` lists it.
    model: String,
    /// The conversation so far; the last turn is usually the user's.
    messages: Vec<MessageDto>,
    /// Send the answer piece by piece.
    #[serde(default)]
    stream: bool,
    /// What the stream carries beyond the text.
    stream_options: Option<StreamOptions>,
    /// The most tokens to generate.
    max_completion_tokens: Option<u32>,
    /// Older name of `max_completion_tokens`.
    max_tokens: Option<u32>,
    #[serde(flatten)]
    sampling: SamplingFields,
}

/// One turn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageDto {
    /// `system` (or `developer`), `user` or `assistant`.
    role: RoleDto,
    /// The text, or text parts that are joined.
    content: Option<Content>,
    /// Only `null`: chat templates have no place for names.
    name: Option<Value>,
    /// Only `null` or empty: tools are not supported yet.
    tool_calls: Option<Value>,
    /// Only `null`.
    refusal: Option<Value>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleDto {
    /// Instructions.
    System,
    /// Newer name of `system`.
    Developer,
    /// The person or application.
    User,
    /// The model.
    Assistant,
}

/// What is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or a list of text parts")]
pub(crate) enum Content {
    /// Plain text.
    Text(String),
    /// Parts; only those of type `text` are supported.
    Parts(Vec<Part>),
}

/// One part of a message.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Part {
    /// `text`.
    r#type: String,
    /// The text.
    text: Option<String>,
}

impl RequestBody for ChatRequest {
    const FIELDS: &'static [&'static str] = &[
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
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
        ("audio", Neutral::When(|_| false)),
        ("function_call", Neutral::When(|value| value == "none")),
        ("functions", Neutral::When(is_empty)),
        ("logit_bias", Neutral::When(is_empty)),
        ("logprobs", Neutral::When(|value| *value == false)),
        ("metadata", Neutral::Any),
        ("modalities", Neutral::When(|value| *value == json!(["text"]))),
        ("n", Neutral::When(|value| is_number(value, 1.0))),
        ("parallel_tool_calls", Neutral::Any),
        ("prediction", Neutral::When(|_| false)),
        ("prompt_cache_key", Neutral::Any),
        ("reasoning_effort", Neutral::When(|_| false)),
        ("response_format", Neutral::When(|value| *value == json!({"type": "text"}))),
        ("safety_identifier", Neutral::Any),
        ("service_tier", Neutral::When(|value| value == "auto" || value == "default")),
        ("store", Neutral::When(|value| *value == false)),
        ("tool_choice", Neutral::When(|value| value == "none" || value == "auto")),
        ("tools", Neutral::When(is_empty)),
        ("top_logprobs", Neutral::When(|value| is_number(value, 0.0))),
        ("user", Neutral::Any),
        ("verbosity", Neutral::When(|value| value == "medium")),
        ("web_search_options", Neutral::When(|_| false)),
    ];
}

impl ChatRequest {
    fn conversation(&self) -> Result<Vec<Message>, ApiError> {
        if self.messages.is_empty() {
            return Err(ApiError::invalid("messages", "'messages' is empty; send at least one"));
        }
        self.messages.iter().enumerate().map(|(index, message)| message.convert(index)).collect()
    }

    fn max_tokens(&self) -> Result<Option<u32>, ApiError> {
        match (self.max_completion_tokens, self.max_tokens) {
            (Some(a), Some(b)) if a != b => Err(ApiError::invalid(
                "max_tokens",
                format!("'max_tokens' is {b} and 'max_completion_tokens' is {a}; send one of them"),
            )),
            (a, b) => Ok(a.or(b)),
        }
    }
}

impl MessageDto {
    fn convert(&self, index: usize) -> Result<Message, ApiError> {
        let at = |field: &str| format!("messages[{index}].{field}");
        for (field, value) in [("name", &self.name), ("refusal", &self.refusal)] {
            if value.is_some() {
                let message = format!("'{}' is not supported and would be ignored", at(field));
                return Err(ApiError::unsupported(at(field), message));
            }
        }
        if self.tool_calls.as_ref().is_some_and(|calls| !is_empty(calls)) {
            let message = format!("'{}' is not supported yet", at("tool_calls"));
            return Err(ApiError::unsupported(at("tool_calls"), message));
        }
        let role = match self.role {
            RoleDto::System | RoleDto::Developer => Role::System,
            RoleDto::User => Role::User,
            RoleDto::Assistant => Role::Assistant,
        };
        let content = match &self.content {
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => join(parts, &at("content"))?,
            None => {
                let message = format!("'{}' is required", at("content"));
                return Err(ApiError::invalid(at("content"), message));
            }
        };
        Ok(Message::new(role, content))
    }
}

fn join(parts: &[Part], at: &str) -> Result<String, ApiError> {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        match (part.r#type.as_str(), &part.text) {
            ("text", Some(piece)) => text.push_str(piece),
            ("text", None) => {
                let param = format!("{at}[{index}].text");
                return Err(ApiError::invalid(param.clone(), format!("'{param}' is required")));
            }
            (other, _) => {
                let param = format!("{at}[{index}].type");
                let message = format!("'{param}': parts of type '{other}' are not supported");
                return Err(ApiError::unsupported(param, message));
            }
        }
    }
    Ok(text)
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatResponse {
    /// `chatcmpl-` and the request's id.
    id: String,
    /// `chat.completion`.
    object: &'static str,
    /// Seconds since the Unix epoch.
    created: i64,
    /// The model that answered.
    model: String,
    /// One choice.
    choices: Vec<ChatChoice>,
    /// Tokens of the request.
    usage: UsageDto,
}

/// One answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatChoice {
    /// 0.
    index: u32,
    /// The assistant's turn.
    message: AnswerMessage,
    /// Always `null`.
    logprobs: Option<Value>,
    /// `stop` or `length`.
    finish_reason: &'static str,
}

/// The assistant's turn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerMessage {
    /// `assistant`.
    role: &'static str,
    /// The text.
    content: String,
    /// Always `null`.
    refusal: Option<String>,
}

/// Continues a conversation.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "openai",
    request_body = ChatRequest,
    responses(
        (status = 200, description = "the answer, or a stream of chunks", body = ChatResponse),
        (status = 400, description = "a field is wrong, unsupported, or the prompt is too long"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served"),
        (status = 429, description = "the queue is full; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn chat_completions(
    State(state): State<AppState>,
    extensions: Extensions,
    JsonBody(request): JsonBody<ChatRequest>,
) -> Result<Response, ApiError> {
    let engine = engine_for(&state, &request.model)?;
    if request.stream_options.is_some() && !request.stream {
        let message = "'stream_options' needs 'stream': true";
        return Err(ApiError::invalid("stream_options", message));
    }
    let sampling = request.sampling.to_params(request.max_tokens()?);
    let prompt = Prompt::Chat(request.conversation()?);
    let generation = submit(engine, &extensions, prompt, sampling).await?;

    let head = Head::new(&request_id(&extensions), request.model);
    if request.stream {
        let include_usage = request.stream_options.unwrap_or_default().include_usage;
        return Ok(sse::respond(generation, ChatChunks { head, include_usage }));
    }
    let completion = generation.collect().await?;
    Ok(Json(ChatResponse {
        id: head.id,
        object: "chat.completion",
        created: head.created,
        model: head.model,
        choices: vec![ChatChoice {
            index: 0,
            message: AnswerMessage { role: "assistant", content: completion.text, refusal: None },
            logprobs: None,
            finish_reason: finish_reason(completion.reason),
        }],
        usage: completion.usage.into(),
    })
    .into_response())
}

/// What every chunk of an answer repeats.
struct Head {
    id: String,
    created: i64,
    model: String,
}

impl Head {
    fn new(request: &RequestId, model: String) -> Self {
        let id = format!("chatcmpl-{}", request.as_str().trim_start_matches("req_"));
        Self { id, created: unix_seconds(), model }
    }
}

/// Writes `chat.completion.chunk` objects.
struct ChatChunks {
    head: Head,
    include_usage: bool,
}

impl ChatChunks {
    fn chunk(&self, choices: Value, usage: Option<UsageDto>) -> Value {
        let mut chunk = json!({
            "id": self.head.id,
            "object": "chat.completion.chunk",
            "created": self.head.created,
            "model": self.head.model,
            "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = json!(usage);
        }
        chunk
    }

    fn delta(&self, delta: Value, finish_reason: Option<&str>) -> Value {
        let choice = json!({
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        });
        self.chunk(json!([choice]), None)
    }
}

impl ChunkWriter for ChatChunks {
    fn opening(&self) -> Option<Value> {
        Some(self.delta(json!({"role": "assistant", "content": ""}), None))
    }

    fn text(&self, text: &str) -> Value {
        self.delta(json!({"content": text}), None)
    }

    fn finished(&self, reason: FinishReason) -> Value {
        self.delta(json!({}), Some(finish_reason(reason)))
    }

    fn usage(&self, usage: Usage) -> Option<Value> {
        self.include_usage.then(|| self.chunk(json!([]), Some(usage.into())))
    }
}
