//! `POST /v1/responses`, the part of it that keeps nothing: each request carries its conversation.

use axum::Json;
use axum::extract::State;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use intramuros_engine::Completion;
use intramuros_types::{FinishReason, ToolCall, Usage};
use serde_json::{Value, json};

use super::choices::Choices;
use super::generation::engine_for;
use super::sse;
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::request_id::{request_id, unix_seconds};
use crate::state::AppState;
use request::ResponsesRequest;
use stream::ResponseEvents;

pub(crate) mod request;
mod stream;

/// Continues a conversation, in the shapes of OpenAI's newer API.
#[utoipa::path(post, path = "/v1/responses", tag = "openai",
    request_body = ResponsesRequest,
    responses(
        (status = 200, description = "the response object, or a stream of its events"),
        (status = 400, description = "a field is wrong, unsupported, or the prompt is too long"),
        (status = 401, description = "no valid key"),
        (status = 404, description = "the model is not served"),
        (status = 429, description = "the queue is full; see Retry-After")),
    security(("key" = [])))]
pub(crate) async fn responses(
    State(state): State<AppState>,
    extensions: Extensions,
    JsonBody(request): JsonBody<ResponsesRequest>,
) -> Result<Response, ApiError> {
    let engine = engine_for(&state, &request.model).await?;
    let id = request_id(&extensions);
    let id = id.as_str().trim_start_matches("req_").to_owned();
    let draft = Draft { id, created_at: unix_seconds(), asked: request.told() };
    let stream = request.stream;
    let choices = Choices::submit(&engine, &extensions, request.into_wanted()?).await?;
    if stream {
        return Ok(sse::respond(choices, ResponseEvents::new(draft)));
    }
    let position = choices.queue_position;
    let mut completions = choices.collect().await?;
    let Some(Completion { text, tool_calls, reason, usage, .. }) = completions.pop() else {
        return Err(ApiError::new(crate::error::Code::Internal, "the answer is missing"));
    };
    let mut output = Vec::new();
    if !text.is_empty() || tool_calls.is_empty() {
        let last = tool_calls.is_empty();
        output.push(draft.message(0, &text, item_status(reason, last)));
    }
    for (at, call) in tool_calls.iter().enumerate() {
        let last = at + 1 == tool_calls.len();
        output.push(draft.function_call(output.len(), call, item_status(reason, last)));
    }
    let mut response = Json(draft.finished(output, reason, usage)).into_response();
    sse::tell_position(&mut response, position);
    Ok(response)
}

/// A response object in the making.
struct Draft {
    id: String,
    created_at: i64,
    /// What the request asked for, as the object repeats it.
    asked: Value,
}

impl Draft {
    fn object(&self, status: &str, output: Vec<Value>) -> Value {
        let mut object = json!({
            "id": format!("resp_{}", self.id),
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "previous_response_id": null,
            "store": false,
            "background": false,
            "truncation": "disabled",
            "output": output,
            "usage": null,
        });
        if let (Some(object), Some(asked)) = (object.as_object_mut(), self.asked.as_object()) {
            object.extend(asked.clone());
        }
        object
    }

    fn finished(&self, output: Vec<Value>, reason: FinishReason, usage: Usage) -> Value {
        let cut = reason == FinishReason::Length;
        let mut object = self.object(if cut { "incomplete" } else { "completed" }, output);
        if cut {
            object["incomplete_details"] = json!({"reason": "max_output_tokens"});
        }
        object["usage"] = json!({
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {"cached_tokens": usage.cached_tokens},
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.total_tokens(),
        });
        object
    }

    fn message(&self, index: usize, text: &str, status: &str) -> Value {
        let content = match status {
            "in_progress" => json!([]),
            _ => json!([output_text(text)]),
        };
        json!({
            "type": "message",
            "id": self.item_id("msg", index),
            "status": status,
            "role": "assistant",
            "content": content,
        })
    }

    fn function_call(&self, index: usize, call: &ToolCall, status: &str) -> Value {
        json!({
            "type": "function_call",
            "id": self.item_id("fc", index),
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": status,
        })
    }

    fn item_id(&self, kind: &str, index: usize) -> String {
        format!("{kind}_{}_{index}", self.id)
    }
}

/// An answer that was cut short is cut in its last item.
fn item_status(reason: FinishReason, last: bool) -> &'static str {
    if last && reason == FinishReason::Length { "incomplete" } else { "completed" }
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}
