//! Turns the fields that chat and plain completions share into an engine request.

use std::collections::BTreeMap;

use intramuros_engine::{Priority, TextEngine};
use intramuros_types::{FinishReason, ModelId, Penalties, SamplingParams, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::model_not_found;
use crate::error::ApiError;
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
    /// Added to the logits of tokens, by token id; −100 to 100.
    pub logit_bias: Option<BTreeMap<String, f32>>,
    /// The same seed and request give the same answer.
    pub seed: Option<i64>,
    /// Text that ends the answer.
    pub stop: Option<Stop>,
}

impl SamplingFields {
    /// The fields' names, for the bodies that these are part of.
    pub(crate) const NAMES: &[&str] = &[
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
        "logit_bias",
        "seed",
        "stop",
    ];

    /// The engine's parameters with `max_tokens` and alternatives to tell for each token.
    ///
    /// # Errors
    /// A key of `logit_bias` that is no token id.
    pub(crate) fn to_params(
        &self,
        max_tokens: Option<u32>,
        logprobs: Option<u32>,
    ) -> Result<SamplingParams, ApiError> {
        let neutral = SamplingParams::default();
        Ok(SamplingParams {
            logit_bias: self.biases()?,
            logprobs,
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
        })
    }

    fn biases(&self) -> Result<Vec<(u32, f32)>, ApiError> {
        let Some(biases) = &self.logit_bias else { return Ok(Vec::new()) };
        let parsed = biases.iter().map(|(token, bias)| {
            let id = token.parse().map_err(|_| {
                let message = format!("'logit_bias' has the key '{token}', which is no token id");
                ApiError::invalid("logit_bias", message)
            })?;
            Ok((id, *bias))
        });
        let mut parsed = parsed.collect::<Result<Vec<_>, ApiError>>()?;
        parsed.sort_by_key(|(token, _)| *token);
        Ok(parsed)
    }
}

/// The answer's length under its two names.
///
/// # Errors
/// When both are given and differ.
pub(crate) fn max_tokens(new: Option<u32>, old: Option<u32>) -> Result<Option<u32>, ApiError> {
    match (new, old) {
        (Some(a), Some(b)) if a != b => Err(ApiError::invalid(
            "max_tokens",
            format!("'max_tokens' is {b} and 'max_completion_tokens' is {a}; send one of them"),
        )),
        (a, b) => Ok(a.or(b)),
    }
}

/// Who waits, by OpenAI's `service_tier`.
///
/// # Errors
/// A tier that is not known here.
pub(crate) fn priority(service_tier: Option<&str>) -> Result<Priority, ApiError> {
    match service_tier {
        None | Some("auto" | "default") => Ok(Priority::Interactive),
        Some("flex") => Ok(Priority::Background),
        Some(other) => {
            let message =
                format!("'service_tier' is '{other}'; known are 'auto', 'default' and 'flex'");
            Err(ApiError::unsupported("service_tier", message))
        }
    }
}

/// Whether a stream ends with the usage.
///
/// # Errors
/// When there are options and no stream.
pub(crate) fn stream_usage(stream: bool, options: Option<StreamOptions>) -> Result<bool, ApiError> {
    if options.is_some() && !stream {
        let message = "'stream_options' needs 'stream': true";
        return Err(ApiError::invalid("stream_options", message));
    }
    Ok(options.unwrap_or_default().include_usage)
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
    /// What the answer's tokens were.
    completion_tokens_details: CompletionTokensDetails,
}

/// What the answer's tokens were.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct CompletionTokensDetails {
    /// Always 0: what a model thinks aloud is part of its text here.
    reasoning_tokens: u32,
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
            completion_tokens_details: CompletionTokensDetails::default(),
        }
    }
}

/// OpenAI's word for why the answer ended.
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::StopText => "stop",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Length => "length",
    }
}

/// The engine that serves `model`, which is loaded if it is not yet.
///
/// # Errors
/// When it is not served, or cannot be loaded now.
pub(crate) async fn engine_for(state: &AppState, model: &str) -> Result<TextEngine, ApiError> {
    if state.text.ids().all(|id| id.as_str() != model) {
        let served: Vec<&str> = state.text.ids().map(ModelId::as_str).collect();
        let served = (!served.is_empty()).then(|| served.join("', '"));
        return Err(model_not_found(model, served.as_deref()));
    }
    Ok(state.text.get(model).await?)
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
