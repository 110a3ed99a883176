//! The body of `POST /v1/completions`, and what it asks for.

use intramuros_engine::Prompt;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body::{Neutral, RequestBody};
use crate::error::ApiError;
use crate::openai::choices::Wanted;
use crate::openai::format::{self, ResponseFormat, StructuredOutputs};
use crate::openai::generation::{SamplingFields, StreamOptions, is_number, priority, stream_usage};

/// What OpenAI takes when `max_tokens` is not given.
const DEFAULT_MAX_TOKENS: u32 = 16;
/// The most prompts of a request.
const MAX_PROMPTS: usize = 64;

/// A text to continue.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CompletionRequest {
    /// Id of the model, as `/v1/models` lists it.
    pub(super) model: String,
    /// The text or texts, or their tokens.
    prompt: PromptDto,
    /// Send the answer piece by piece.
    #[serde(default)]
    stream: bool,
    /// What the stream carries beyond the text.
    stream_options: Option<StreamOptions>,
    /// Continuations of each prompt, 1 to 16; default 1.
    n: Option<u32>,
    /// The most tokens to generate; default 16. 0 with `echo` and `logprobs`.
    max_tokens: Option<u32>,
    /// Send the prompt before its continuation.
    #[serde(default)]
    echo: bool,
    /// Tell log-probabilities, with this many likeliest alternatives, 0 to 20. With `echo` those
    /// of the prompt too, for which it is computed anew.
    logprobs: Option<u32>,
    /// What the answer must be: text, a JSON object, JSON of a schema.
    response_format: Option<ResponseFormat>,
    /// What the answer must be: a schema, an expression, a choice, a grammar.
    structured_outputs: Option<StructuredOutputs>,
    /// `auto` or `default`; `flex` is computed when nobody else waits.
    service_tier: Option<String>,
    #[serde(flatten)]
    sampling: SamplingFields,
}

/// One prompt or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text, a list of texts, token ids or lists of token ids")]
pub(crate) enum PromptDto {
    /// Plain text.
    Text(String),
    /// Token ids of this model.
    Tokens(Vec<u32>),
    /// Several texts.
    Texts(Vec<String>),
    /// Token ids of several prompts.
    TokenLists(Vec<Vec<u32>>),
}

impl RequestBody for CompletionRequest {
    const FIELDS: &'static [&'static str] = &[
        "model",
        "prompt",
        "stream",
        "stream_options",
        "n",
        "max_tokens",
        "echo",
        "logprobs",
        "response_format",
        "structured_outputs",
        "service_tier",
    ];
    const FLATTENED: &'static [&'static str] = SamplingFields::NAMES;
    const NEUTRAL: &'static [(&'static str, Neutral)] = &[
        ("best_of", Neutral::When(|value| is_number(value, 1.0))),
        ("suffix", Neutral::When(|_| false)),
        ("user", Neutral::Any),
    ];
}

impl PromptDto {
    fn convert(self) -> Result<Vec<Prompt>, ApiError> {
        let prompts: Vec<Prompt> = match self {
            PromptDto::Text(text) => vec![Prompt::Text(text)],
            // An empty list reads as one of tokens, whatever it should have been.
            PromptDto::Tokens(tokens) if tokens.is_empty() => Vec::new(),
            PromptDto::Tokens(tokens) => vec![Prompt::Tokens(tokens)],
            PromptDto::Texts(texts) => texts.into_iter().map(Prompt::Text).collect(),
            PromptDto::TokenLists(lists) => lists.into_iter().map(Prompt::Tokens).collect(),
        };
        let count = prompts.len();
        if count == 0 || count > MAX_PROMPTS {
            let message = format!("'prompt' has {count} prompts; send 1 to {MAX_PROMPTS}");
            return Err(ApiError::invalid("prompt", message));
        }
        Ok(prompts)
    }
}

/// How the answer is sent.
pub(super) struct Shape {
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) logprobs: bool,
    pub(super) echo: bool,
}

impl CompletionRequest {
    /// How the answer is to be sent.
    pub(super) fn shape(&self) -> Result<Shape, ApiError> {
        Ok(Shape {
            stream: self.stream,
            include_usage: stream_usage(self.stream, self.stream_options)?,
            logprobs: self.logprobs.is_some(),
            echo: self.echo,
        })
    }

    /// What is to be generated.
    pub(super) fn into_wanted(self) -> Result<Wanted, ApiError> {
        let max_tokens = Some(self.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS));
        Ok(Wanted {
            prompts: self.prompt.convert()?,
            sampling: self.sampling.to_params(max_tokens, self.logprobs)?,
            constraint: format::constraint(self.response_format, self.structured_outputs)?,
            tools: None,
            priority: priority(self.service_tier.as_deref())?,
            prompt_logprobs: self.echo && self.logprobs.is_some(),
            n: self.n.unwrap_or(1),
        })
    }
}
