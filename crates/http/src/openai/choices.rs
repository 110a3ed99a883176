//! Runs the choices of one request: each is a generation of its own, and they share their prompt.

use axum::http::Extensions;
use futures::stream::{self, Stream, StreamExt as _};
use intramuros_engine::{
    Completion, EngineError, GenerateRequest, Generation, GenerationEvent, Priority, Prompt,
    TextEngine, Tools,
};
use intramuros_types::{KeyId, SamplingParams, Usage};

use super::format::Asked;
use crate::error::{ApiError, Code};
use crate::request_id::request_id;
use crate::track::RequestRecord;

/// The most choices of a request.
const MAX_CHOICES: u32 = 16;

/// What all choices of a request have in common.
pub(crate) struct Wanted {
    /// One prompt, or several of plain completions.
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) sampling: SamplingParams,
    pub(crate) constraint: Option<Asked>,
    pub(crate) tools: Option<Tools>,
    pub(crate) priority: Priority,
    pub(crate) prompt_logprobs: bool,
    /// Choices of each prompt.
    pub(crate) n: u32,
}

/// The generations of one request, in the order of their choices.
pub(crate) struct Choices {
    generations: Vec<Generation>,
    /// What is noted of the request.
    pub(crate) record: RequestRecord,
    /// Requests that waited before the last of them, itself included.
    pub(crate) queue_position: usize,
}

impl Choices {
    /// Queues all choices, or none.
    ///
    /// # Errors
    /// Those of [`TextEngine::submit`], as the API tells them; `n` out of range.
    pub(crate) async fn submit(
        engine: &TextEngine,
        extensions: &Extensions,
        wanted: Wanted,
    ) -> Result<Self, ApiError> {
        let Wanted { prompts, sampling, constraint, tools, priority, prompt_logprobs, n } = wanted;
        if n == 0 || n > MAX_CHOICES {
            let message = format!("'n' is {n}; it must be 1 to {MAX_CHOICES}");
            return Err(ApiError::invalid("n", message));
        }
        let (count, places) = (prompts.len() * n as usize, engine.status().limit);
        if count > places {
            // Waiting would not help: it is more than the queue ever holds.
            let field = if n > 1 { "n" } else { "prompt" };
            let message = format!(
                "the request asks for {count} answers at once and the queue has {places} places \
                 (text.max_queue); ask for fewer"
            );
            return Err(ApiError::invalid(field, message));
        }
        let record = RequestRecord::of(extensions);
        let field = constraint.as_ref().map(|asked| asked.field);
        let constraint = constraint.map(|asked| asked.constraint);
        let mut generations = Vec::new();
        for prompt in prompts {
            for choice in 0..n {
                // Each choice draws for itself, and again the same with the same seed.
                let seed = sampling.seed.map(|seed| seed.wrapping_add(u64::from(choice)));
                let request = GenerateRequest {
                    constraint: constraint.clone(),
                    tools: tools.clone(),
                    priority,
                    client: extensions.get::<KeyId>().cloned(),
                    meter: record.meter.clone(),
                    prompt_logprobs: if prompt_logprobs { usize::MAX } else { 0 },
                    ..GenerateRequest::new(
                        request_id(extensions),
                        prompt.clone(),
                        SamplingParams { seed, ..sampling.clone() },
                    )
                };
                generations
                    .push(engine.submit(request).await.map_err(|error| refused(error, field))?);
            }
        }
        let queue_position = generations.last().map_or(0, Generation::queue_position);
        Ok(Self { generations, record, queue_position })
    }

    /// Waits for all of them. The first error ends all.
    ///
    /// # Errors
    /// Those of [`Generation::collect`].
    pub(crate) async fn collect(self) -> Result<Vec<Completion>, ApiError> {
        let all =
            futures::future::try_join_all(self.generations.into_iter().map(Generation::collect));
        Ok(all.await?)
    }

    /// Events of all of them as they come, each with the number of its choice. Ends after the
    /// first error.
    pub(crate) fn events(
        self,
    ) -> impl Stream<Item = (usize, Result<GenerationEvent, EngineError>)> + Send {
        let numbered = self.generations.into_iter().enumerate().map(|(index, generation)| {
            stream::unfold(generation, move |mut generation| async move {
                let event = generation.next().await?;
                Some(((index, event), generation))
            })
            .boxed()
        });
        stream::select_all(numbered)
    }
}

/// Names the field that an engine's refusal is about. `constraint` is the one that asked for a
/// constraint, if any did.
#[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
fn refused(error: EngineError, constraint: Option<&'static str>) -> ApiError {
    let field = match &error {
        EngineError::NoTools { .. } | EngineError::ToolParameters { .. } => Some("tools"),
        EngineError::Constraint(_) => Some(constraint.unwrap_or("tools")),
        _ => None,
    };
    let error = ApiError::from(error);
    match field {
        Some(field) if error.code == Code::InvalidRequest => {
            ApiError { param: Some(field.into()), ..error }
        }
        _ => error,
    }
}

/// What a request took: its prompts are counted once however many choices they have.
pub(crate) fn total(usages: impl IntoIterator<Item = Usage>, n: u32) -> Usage {
    let mut total = Usage::default();
    for (at, usage) in usages.into_iter().enumerate() {
        if at % n.max(1) as usize == 0 {
            total.prompt_tokens = total.prompt_tokens.saturating_add(usage.prompt_tokens);
            total.cached_tokens = total.cached_tokens.saturating_add(usage.cached_tokens);
        }
        total.completion_tokens = total.completion_tokens.saturating_add(usage.completion_tokens);
    }
    total
}
