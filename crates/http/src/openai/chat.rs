//! `POST /v1/chat/completions`.

use axum::Json;
use axum::extract::State;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use intramuros_engine::{Completion, GenerationEvent};
use intramuros_types::{RequestId, Usage};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::choices::{Choices, total};
use super::generation::{UsageDto, engine_for, finish_reason};
use super::logprobs::ChatLogprobs;
use super::sse::{self, ChunkWriter};
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::openapi::StreamEvent;
use crate::request_id::{request_id, unix_seconds};
use crate::state::AppState;
use message::ToolCallDto;
use request::ChatRequest;

pub(crate) mod message;
pub(crate) mod request;

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
    /// `n` choices.
    choices: Vec<ChatChoice>,
    /// Tokens of the request.
    usage: UsageDto,
}

/// One answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatChoice {
    /// Its number, from 0.
    index: usize,
    /// The assistant's turn.
    message: AnswerMessage,
    /// Log-probabilities, where they were asked for.
    logprobs: Option<ChatLogprobs>,
    /// `stop`, `length` or `tool_calls`.
    finish_reason: &'static str,
}

/// The assistant's turn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerMessage {
    /// `assistant`.
    role: &'static str,
    /// The text; `null` where there are only tool calls.
    content: Option<String>,
    /// Always `null`.
    refusal: Option<String>,
    /// The tools that are called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallDto>,
}

/// Continues a conversation.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "openai",
    request_body = ChatRequest,
    responses(
        (status = 200, description = "the answer, or a stream of chunks",
            content((ChatResponse = "application/json"), (StreamEvent = "text/event-stream"))),
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
    let engine = engine_for(&state, &request.model).await?;
    let head = Head::new(&request_id(&extensions), request.model.clone());
    let shape = request.shape()?;
    let wanted = request.into_wanted()?;
    let n = wanted.n;
    let choices = Choices::submit(&engine, &extensions, wanted).await?;
    if shape.stream {
        let (include_usage, logprobs) = (shape.include_usage, shape.logprobs);
        let chunks = ChatChunks { head, n, include_usage, logprobs };
        return Ok(sse::respond(choices, chunks));
    }
    let position = choices.queue_position;
    let completions = choices.collect().await?;
    let usage = total(completions.iter().map(|completion| completion.usage), n);
    let choice = |(index, completion)| ChatChoice::new(index, completion, shape.logprobs);
    let mut response = Json(ChatResponse {
        id: head.id,
        object: "chat.completion",
        created: head.created,
        model: head.model,
        choices: completions.into_iter().enumerate().map(choice).collect(),
        usage: usage.into(),
    })
    .into_response();
    sse::tell_position(&mut response, position);
    Ok(response)
}

impl ChatChoice {
    fn new(index: usize, completion: Completion, logprobs: bool) -> Self {
        let Completion { text, tool_calls, logprobs: told, reason, .. } = completion;
        let content = (!text.is_empty() || tool_calls.is_empty()).then_some(text);
        let tool_calls = tool_calls.into_iter().map(ToolCallDto::from).collect();
        let message = AnswerMessage { role: "assistant", content, refusal: None, tool_calls };
        let logprobs = logprobs.then(|| ChatLogprobs::new(told));
        Self { index, message, logprobs, finish_reason: finish_reason(reason) }
    }
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
    n: u32,
    include_usage: bool,
    logprobs: bool,
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

    fn delta(&self, index: usize, delta: Value, finish_reason: Option<&str>) -> Value {
        let choice = json!({
            "index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        });
        self.chunk(json!([choice]), None)
    }
}

impl ChunkWriter for ChatChunks {
    fn opening(&mut self) -> Vec<Value> {
        let opening = |index| self.delta(index, json!({"role": "assistant", "content": ""}), None);
        (0..self.n as usize).map(opening).collect()
    }

    fn event(&mut self, choice: usize, event: GenerationEvent) -> Vec<Value> {
        let chunk = match event {
            GenerationEvent::Prompt(_) | GenerationEvent::Hidden(_) => return Vec::new(),
            GenerationEvent::Text { text, logprobs } => {
                let mut chunk = self.delta(choice, json!({"content": text}), None);
                if self.logprobs {
                    chunk["choices"][0]["logprobs"] = json!(ChatLogprobs::new(logprobs));
                }
                chunk
            }
            GenerationEvent::ToolCall { index, id, name } => {
                let function = json!({"name": name, "arguments": ""});
                let call =
                    json!({"index": index, "id": id, "type": "function", "function": function});
                self.delta(choice, json!({"tool_calls": [call]}), None)
            }
            GenerationEvent::ToolArguments { index, fragment } => {
                let call = json!({"index": index, "function": {"arguments": fragment}});
                self.delta(choice, json!({"tool_calls": [call]}), None)
            }
            GenerationEvent::Finished { reason, .. } => {
                self.delta(choice, json!({}), Some(finish_reason(reason)))
            }
        };
        vec![chunk]
    }

    fn closing(&mut self, usages: Vec<Usage>) -> Vec<Value> {
        if !self.include_usage {
            return Vec::new();
        }
        let usage = total(usages, self.n);
        vec![self.chunk(json!([]), Some(usage.into()))]
    }
}
