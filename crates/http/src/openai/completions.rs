//! `POST /v1/completions`: continues plain text, without a chat template.

use axum::Json;
use axum::extract::State;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use intramuros_engine::{Completion, GenerationEvent, Prompt};
use intramuros_types::{RequestId, Usage};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::choices::{Choices, total};
use super::generation::{UsageDto, engine_for, finish_reason};
use super::logprobs::CompletionLogprobs;
use super::sse::{self, ChunkWriter};
use crate::body::JsonBody;
use crate::error::ApiError;
use crate::openapi::StreamEvent;
use crate::request_id::{request_id, unix_seconds};
use crate::state::AppState;
use request::CompletionRequest;

pub(crate) mod request;

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
    /// `n` choices for each prompt, in the order of the prompts.
    choices: Vec<CompletionChoice>,
    /// Tokens of the request.
    usage: UsageDto,
}

/// One continuation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompletionChoice {
    /// Its number, from 0.
    index: usize,
    /// The text, behind the prompt where that is echoed.
    text: String,
    /// Log-probabilities, where they were asked for.
    logprobs: Option<CompletionLogprobs>,
    /// `stop` or `length`.
    finish_reason: &'static str,
}

/// Continues a text.
#[utoipa::path(post, path = "/v1/completions", tag = "openai",
    request_body = CompletionRequest,
    responses(
        (status = 200, description = "the text, or a stream of chunks",
            content((CompletionResponse = "application/json"), (StreamEvent = "text/event-stream"))),
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
    let engine = engine_for(&state, &request.model).await?;
    let shape = request.shape()?;
    let mut head = Head {
        id: completion_id(&request_id(&extensions)),
        created: unix_seconds(),
        model: request.model.clone(),
        n: 1,
        logprobs: shape.logprobs,
        echoes: Vec::new(),
    };
    let wanted = request.into_wanted()?;
    head.n = wanted.n;
    if shape.echo {
        let echo = |prompt: &Prompt| match prompt {
            Prompt::Text(text) => text.clone(),
            Prompt::Tokens(tokens) => engine.decode(tokens),
            Prompt::Chat(_) => String::new(),
        };
        head.echoes = wanted.prompts.iter().map(echo).collect();
    }
    let choices = Choices::submit(&engine, &extensions, wanted).await?;
    if shape.stream {
        let chunks =
            CompletionChunks { head, include_usage: shape.include_usage, offsets: Vec::new() };
        return Ok(sse::respond(choices, chunks));
    }
    let position = choices.queue_position;
    let completions = choices.collect().await?;
    let usage = total(completions.iter().map(|completion| completion.usage), head.n);
    let choice = |(index, completion)| head.choice(index, completion);
    let choices = completions.into_iter().enumerate().map(choice).collect();
    let mut response = Json(CompletionResponse {
        id: head.id,
        object: "text_completion",
        created: head.created,
        model: head.model,
        choices,
        usage: usage.into(),
    })
    .into_response();
    sse::tell_position(&mut response, position);
    Ok(response)
}

fn completion_id(request: &RequestId) -> String {
    format!("cmpl-{}", request.as_str().trim_start_matches("req_"))
}

/// What the choices of an answer have in common.
struct Head {
    id: String,
    created: i64,
    model: String,
    n: u32,
    logprobs: bool,
    /// The prompts, where they are echoed.
    echoes: Vec<String>,
}

impl Head {
    /// What stands before the text of a choice.
    fn echo(&self, index: usize) -> &str {
        self.echoes.get(index / self.n.max(1) as usize).map_or("", String::as_str)
    }

    fn choice(&self, index: usize, completion: Completion) -> CompletionChoice {
        let echo = self.echo(index);
        let Completion { prompt, text, logprobs, reason, .. } = completion;
        let offset = echo.chars().count();
        let logprobs = self.logprobs.then(|| CompletionLogprobs::new(&prompt, &logprobs, offset));
        let text = format!("{echo}{text}");
        CompletionChoice { index, text, logprobs, finish_reason: finish_reason(reason) }
    }
}

/// Writes streamed `text_completion` objects.
struct CompletionChunks {
    head: Head,
    include_usage: bool,
    /// Characters that each choice has sent.
    offsets: Vec<usize>,
}

impl CompletionChunks {
    fn chunk(&self, choices: Value, usage: Option<UsageDto>) -> Value {
        let mut chunk = json!({
            "id": self.head.id,
            "object": "text_completion",
            "created": self.head.created,
            "model": self.head.model,
            "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = json!(usage);
        }
        chunk
    }

    fn piece(
        &self,
        index: usize,
        text: &str,
        logprobs: Option<CompletionLogprobs>,
        finish_reason: Option<&str>,
    ) -> Value {
        let logprobs = logprobs.filter(|_| self.head.logprobs);
        let choice = json!({
            "index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason,
        });
        self.chunk(json!([choice]), None)
    }

    fn offset(&mut self, index: usize) -> &mut usize {
        if self.offsets.len() <= index {
            self.offsets.resize(index + 1, 0);
        }
        &mut self.offsets[index]
    }
}

impl ChunkWriter for CompletionChunks {
    fn opening(&mut self) -> Vec<Value> {
        let choices = self.head.echoes.len() * self.head.n as usize;
        // With log-probabilities the prompt comes with its tokens.
        if self.head.logprobs {
            return Vec::new();
        }
        let mut chunks = Vec::with_capacity(choices);
        for index in 0..choices {
            let echo = self.head.echo(index).to_owned();
            *self.offset(index) += echo.chars().count();
            chunks.push(self.piece(index, &echo, None, None));
        }
        chunks
    }

    fn event(&mut self, index: usize, event: GenerationEvent) -> Vec<Value> {
        match event {
            GenerationEvent::Prompt(tokens) => {
                let echo = self.head.echo(index).to_owned();
                let told = CompletionLogprobs::new(&tokens, &[], 0);
                *self.offset(index) += echo.chars().count();
                vec![self.piece(index, &echo, Some(told), None)]
            }
            GenerationEvent::Text { text, logprobs } => {
                let offset = self.offset(index);
                let told = CompletionLogprobs::new(&[], &logprobs, *offset);
                *offset += text.chars().count();
                vec![self.piece(index, &text, Some(told), None)]
            }
            GenerationEvent::Finished { reason, .. } => {
                vec![self.piece(index, "", None, Some(finish_reason(reason)))]
            }
            GenerationEvent::Hidden(_)
            | GenerationEvent::ToolCall { .. }
            | GenerationEvent::ToolArguments { .. } => Vec::new(),
        }
    }

    fn closing(&mut self, usages: Vec<Usage>) -> Vec<Value> {
        if !self.include_usage {
            return Vec::new();
        }
        let usage = total(usages, self.head.n);
        vec![self.chunk(json!([]), Some(usage.into()))]
    }
}
