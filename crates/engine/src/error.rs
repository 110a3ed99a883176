//! Says what can go wrong between a request and its answer.

use std::time::Duration;

use intramuros_backend::BackendError;
use intramuros_types::Fault;

use crate::ConstraintError;

/// An error of an engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The queue is full; the request was not accepted and can be sent again.
    #[error(
        "the {what} queue is full: {queued} of {limit} places are taken, retry in {} s",
        retry_after.as_secs()
    )]
    Overloaded {
        /// Whose queue: `generation` or `embedding`.
        what: &'static str,
        /// Places taken now.
        queued: usize,
        /// Places there are.
        limit: usize,
        /// When to try again, estimated from recent requests; 1 to 60 s.
        retry_after: Duration,
    },
    /// Prompt and answer do not fit the model's context; nothing was cut.
    #[error("{}", too_long(*prompt_tokens, *context_tokens, *max_tokens))]
    PromptTooLong {
        /// Tokens of the prompt, template included.
        prompt_tokens: u32,
        /// The most tokens of prompt and answer together.
        context_tokens: u32,
        /// The answer length that the request asked for, when that is what does not fit.
        max_tokens: Option<u32>,
    },
    /// A field of the request cannot be honoured.
    #[error("{name} {reason}")]
    InvalidParameter {
        /// The field by its name in the API (`temperature`, `frequency_penalty`, `stop`, …), or
        /// `prompt` or `input`.
        name: &'static str,
        /// What is wrong and what is allowed; continues a sentence that starts with the name.
        reason: String,
    },
    /// A limit in the engine's configuration cannot work.
    #[error("engine setting {name} {reason}")]
    InvalidConfig {
        /// The field of [`EngineConfig`](crate::EngineConfig) or
        /// [`EmbedConfig`](crate::EmbedConfig).
        name: &'static str,
        /// What is wrong; continues a sentence that starts with the name.
        reason: String,
    },
    /// The answer's constraint cannot be honoured.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The schema of a tool's arguments cannot be honoured.
    #[error("the parameters of the tool '{tool}': {source}")]
    ToolParameters {
        /// The tool's name.
        tool: String,
        /// Why.
        source: ConstraintError,
    },
    /// A finished answer does not satisfy its constraint, although every token of it did. It was
    /// withheld, or, in a stream, is declared void by this error.
    #[error("the answer {reason}; it may be sent again")]
    ConstraintViolated {
        /// What is violated; continues a sentence that starts with the answer.
        reason: String,
    },
    /// The model cannot call tools.
    #[error(
        "the model {model} cannot call tools: its chat template has no place for them, or \
             writes calls in a format that is not supported"
    )]
    NoTools {
        /// Its id.
        model: String,
    },
    /// The model or its tokenizer refused.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The request took longer than it may, waiting included.
    #[error("the request did not finish within {} s", after.as_secs_f64())]
    TimedOut {
        /// The time it was given.
        after: Duration,
    },
    /// The model takes more memory than there is beside the pinned models, whatever else is
    /// unloaded.
    #[error(
        "the model {model} never fits into the {available_bytes} bytes that text.memory_mib leaves \
         beside the pinned models: {needs}"
    )]
    ModelTooLarge {
        /// Its id.
        model: String,
        /// What it could get at most.
        available_bytes: u64,
        /// What it needs, part by part. Part of the message, so not told again as its cause.
        needs: BackendError,
    },
    /// The engine is stopping or has stopped.
    #[error("the engine is stopping and takes no more work")]
    Stopped,
    /// A step panicked or failed; the requests of its batch are lost, others go on.
    #[error("the model failed while it computed this request; it may be sent again")]
    StepFailed,
    /// The operating system gave no thread to compute on.
    #[error("no thread could be started for the model")]
    Thread(#[source] std::io::Error),
}

impl EngineError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            EngineError::Overloaded { .. }
            | EngineError::TimedOut { .. }
            | EngineError::Stopped => Fault::Capacity,
            EngineError::PromptTooLong { .. }
            | EngineError::InvalidParameter { .. }
            | EngineError::InvalidConfig { .. }
            | EngineError::NoTools { .. } => Fault::User,
            EngineError::Backend(source) => source.fault(),
            EngineError::Constraint(source) | EngineError::ToolParameters { source, .. } => {
                source.fault()
            }
            EngineError::StepFailed | EngineError::ConstraintViolated { .. } => Fault::Bug,
            EngineError::Thread(_) | EngineError::ModelTooLarge { .. } => Fault::Runtime,
        }
    }
}

fn too_long(prompt_tokens: u32, context_tokens: u32, max_tokens: Option<u32>) -> String {
    let (prompt, context) = (grouped(prompt_tokens), grouped(context_tokens));
    match max_tokens {
        None => format!(
            "prompt has {prompt} tokens, the model's context is {context}; shorten the prompt"
        ),
        Some(most) => format!(
            "prompt has {prompt} tokens and max_tokens is {}, the model's context is {context}; \
             shorten the prompt or ask for fewer tokens",
            grouped(most)
        ),
    }
}

/// `9120` as `9,120`.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
