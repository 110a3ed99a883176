//! Turns the fields that chat and plain completions share into an engine request.

use axum::http::Extensions;
use intramuros_engine::{GenerateRequest, Generation, Prompt, TextEngine};
use intramuros_types::{FinishReason, Penalties, RequestId, SamplingParams, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::model_not_found;
use crate::error::ApiError;
use crate::request_id::request_id;
use crate::state::AppState;

/// Text that ends the answer: one, or up to 16.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(crate) enum Stop {
    /// One text.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// What a stream carries beyond the text.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamOptions {
    /// Send a last chunk with the usage.
    #[serde(default)]
    pub include_usage: bool,
}

/// How the answer is drawn. Meanings and defaults are OpenAI's; `top_k`, `min_p` and
/// `repetition_penalty` are llama.cpp's.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub(crate) struct SamplingFields {
    /// 0 is greedy; default 1.
    pub temperature: Option<f32>,
    /// Nucleus sampling; default 1.
    pub top_p: Option<f32>,
    /// Keep this many tokens; default 0, all.
    pub top_k: Option<u32>,
    /// Drop tokens below this share of the best one's probability; default 0.
    pub min_p: Option<f32>,
    /// −2 to 2; default 0.
    pub frequency_penalty: Option<f32>,
    /// −2 to 2; default 0.
    pub presence_penalty: Option<f32>,
    /// Above 0; default 1.
    pub repetition_penalty: Option<f32>,
    /// The same seed and request give the same answer.
    pub seed: Option<i64>,
    /// Text that ends the answer.
    pub stop: Option<Stop>,
}

impl SamplingFields {
    /// The engine's parameters with `max_tokens`.
    pub(crate) fn to_params(&self, max_tokens: Option<u32>) -> SamplingParams {
        let neutral = SamplingParams::default();
        SamplingParams {
            temperature: self.temperature.unwrap_or(neutral.temperature),
            top_p: self.top_p.unwrap_or(neutral.top_p),
            top_k: self.top_k.unwrap_or(neutral.top_k),
            min_p: self.min_p.unwrap_or(neutral.min_p),
            penalties: Penalties {
                frequency: self.frequency_penalty.unwrap_or(0.0),
                presence: self.presence_penalty.unwrap_or(0.0),
                repetition: self.repetition_penalty.unwrap_or(1.0),
            },
            seed: self.seed.map(i64::cast_unsigned),
            max_tokens,
            stop: match &self.stop {
                None => Vec::new(),
                Some(Stop::One(text)) => vec![text.clone()],
                Some(Stop::Many(texts)) => texts.clone(),
            },
        }
    }
}

/// Tokens of the request.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct UsageDto {
    /// Tokens of the prompt, template included.
    prompt_tokens: u32,
    /// Tokens of the answer.
    completion_tokens: u32,
    /// Both.
    total_tokens: u32,
    /// Tokens of the prompt that came from the cache.
    prompt_tokens_details: PromptTokensDetails,
}

/// Where the prompt's tokens came from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct PromptTokensDetails {
    /// Tokens that were not computed again.
    cached_tokens: u32,
}

impl From<Usage> for UsageDto {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: PromptTokensDetails { cached_tokens: usage.cached_tokens },
        }
    }
}

/// OpenAI's word for why the answer ended.
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
    }
}

/// The engine that serves `model`.
pub(crate) fn engine_for<'a>(state: &'a AppState, model: &str) -> Result<&'a TextEngine, ApiError> {
    let engine = state.text.as_ref().ok_or_else(|| model_not_found(model, None))?;
    let served = engine.info().id.as_str();
    if served == model { Ok(engine) } else { Err(model_not_found(model, Some(served))) }
}

/// Queues a prompt.
pub(crate) async fn submit(
    engine: &TextEngine,
    extensions: &Extensions,
    prompt: Prompt,
    sampling: SamplingParams,
) -> Result<Generation, ApiError> {
    let id: RequestId = request_id(extensions);
    let request = GenerateRequest { id, prompt, sampling, timeout: None };
    Ok(engine.submit(request).await?)
}

/// Whether a value is the number `neutral`.
pub(crate) fn is_number(value: &Value, neutral: f64) -> bool {
    value.as_f64() == Some(neutral)
}

/// Whether a value is an empty array or object.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
