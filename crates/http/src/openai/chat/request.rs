//! The body of `POST /v1/chat/completions`, and what it asks for.

use intramuros_engine::Prompt;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::message::{MessageDto, conversation};
use crate::body::{Neutral, RequestBody};
use crate::error::ApiError;
use crate::openai::choices::Wanted;
use crate::openai::format::{self, ResponseFormat, StructuredOutputs};
use crate::openai::generation::{
    SamplingFields, StreamOptions, is_empty, max_tokens, priority, stream_usage,
};
use crate::openai::tools::{self, ToolChoiceDto, ToolDto};

/// A conversation to continue.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ChatRequest {
    /// Id of the model, as `/v1/models` lists it.
    pub(super) model: String,
    /// The conversation so far; the last turn is usually the user's.
    messages: Vec<MessageDto>,
    /// Send the answer piece by piece.
    #[serde(default)]
    stream: bool,
    /// What the stream carries beyond the text.
    stream_options: Option<StreamOptions>,
    /// Answers to draw, 1 to 16; default 1.
    n: Option<u32>,
    /// The most tokens to generate.
    max_completion_tokens: Option<u32>,
    /// Older name of `max_completion_tokens`.
    max_tokens: Option<u32>,
    /// Tell the log-probability of each token.
    #[serde(default)]
    logprobs: bool,
    /// Likeliest alternatives to tell for each token, 0 to 20.
    top_logprobs: Option<u32>,
    /// What the answer must be: text, a JSON object, JSON of a schema.
    response_format: Option<ResponseFormat>,
    /// What the answer must be: a schema, an expression, a choice, a grammar.
    structured_outputs: Option<StructuredOutputs>,
    /// Functions that the model may call.
    #[serde(default)]
    tools: Vec<ToolDto>,
    /// Whether it must.
    tool_choice: Option<ToolChoiceDto>,
    /// Whether it may call several at once; default true.
    parallel_tool_calls: Option<bool>,
    /// `auto` or `default`; `flex` is computed when nobody else waits.
    service_tier: Option<String>,
    #[serde(flatten)]
    sampling: SamplingFields,
}

impl RequestBody for ChatRequest {
    const FIELDS: &'static [&'static str] = &[
        "model",
        "messages",
        "stream",
        "stream_options",
        "n",
        "max_completion_tokens",
        "max_tokens",
        "logprobs",
        "top_logprobs",
        "response_format",
        "structured_outputs",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "service_tier",
    ];
    const FLATTENED: &'static [&'static str] = SamplingFields::NAMES;
    const NEUTRAL: &'static [(&'static str, Neutral)] = &[
        ("audio", Neutral::When(|_| false)),
        ("function_call", Neutral::When(|value| value == "none")),
        ("functions", Neutral::When(is_empty)),
        ("metadata", Neutral::Any),
        ("modalities", Neutral::When(|value| *value == json!(["text"]))),
        ("prediction", Neutral::When(|_| false)),
        ("prompt_cache_key", Neutral::Any),
        ("reasoning_effort", Neutral::When(|_| false)),
        ("safety_identifier", Neutral::Any),
        ("store", Neutral::When(|value| *value == false)),
        ("user", Neutral::Any),
        ("verbosity", Neutral::When(|value| value == "medium")),
        ("web_search_options", Neutral::When(|_| false)),
    ];
}

/// How the answer is sent.
pub(super) struct Shape {
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) logprobs: bool,
}

impl ChatRequest {
    /// How the answer is to be sent.
    pub(super) fn shape(&self) -> Result<Shape, ApiError> {
        let include_usage = stream_usage(self.stream, self.stream_options)?;
        Ok(Shape { stream: self.stream, include_usage, logprobs: self.logprobs })
    }

    /// What is to be generated.
    pub(super) fn into_wanted(self) -> Result<Wanted, ApiError> {
        let max_tokens = max_tokens(self.max_completion_tokens, self.max_tokens)?;
        if self.top_logprobs.is_some_and(|count| count > 0) && !self.logprobs {
            let message = "'top_logprobs' needs 'logprobs': true";
            return Err(ApiError::invalid("top_logprobs", message));
        }
        let logprobs = self.logprobs.then(|| self.top_logprobs.unwrap_or(0));
        let parallel = self.parallel_tool_calls.unwrap_or(true);
        Ok(Wanted {
            prompts: vec![Prompt::Chat(conversation(&self.messages)?)],
            sampling: self.sampling.to_params(max_tokens, logprobs)?,
            constraint: format::constraint(self.response_format, self.structured_outputs)?,
            tools: tools::convert(self.tools, self.tool_choice, parallel)?,
            priority: priority(self.service_tier.as_deref())?,
            prompt_logprobs: false,
            n: self.n.unwrap_or(1),
        })
    }
}
