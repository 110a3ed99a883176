//! Schedules: turns requests into batches for one model thread and tokens back into text.
//!
//! # The straight line
//! A caller hands a [`GenerateRequest`] to [`TextEngine::submit`]. A place in the bounded queue is
//! reserved first ([`EngineError::Overloaded`] otherwise), then the prompt is tokenised on a
//! blocking thread and its length checked. The sequence crosses over to the one model thread, which
//! owns the backend and runs *iterations*: admit (who was served least, as blocks of the KV cache
//! allow), plan one ragged batch (the next token of every stream with drafts of what may follow,
//! and as much of the prompts as fits the time that streams may wait), forward, draw, send. Text
//! comes back through a per-request channel, the [`Generation`].
//!
//! [`EmbedEngine`] has the same shape for encoders: bounded queue → one thread → one answer.
//!
//! # Invariants
//! - The model thread never waits for a client, and waits for work without using the processor.
//! - Dropping a [`Generation`] frees its sequence at the next step, whether it was queued, in
//!   prefill or in decode.
//! - With a seed, or greedily, a request's answer does not depend on what else is running, on what
//!   the prefix cache holds, on drafts, nor on being preempted: all of them only change when a
//!   token is computed, and the backend's arithmetic does not depend on that.
//! - A prompt is never truncated and a parameter never ignored: both are errors that say so.
//! - A panic or an error in a step fails the requests of that batch only; three in a row turn
//!   [`EngineStatus::healthy`] off.
//! - No prompt and no answer is ever logged.
//!
//! # What is absent
//! candle, the model crates, HTTP, and any knowledge of use cases. Chat templates and tokenizers
//! are behind [`TextCodec`](intramuros_backend::TextCodec).

mod assemble;
mod caller;
mod clock;
mod compute;
mod config;
mod constraint;
mod cost;
mod distributions;
mod draft;
mod embed;
mod encoders;
mod error;
mod gate;
mod generation;
mod kv;
mod logprobs;
mod meter;
mod models;
mod pace;
mod request;
mod rerank;
mod sampling;
mod signal;
mod status;
mod tally;
#[cfg(test)]
mod testing;
mod text;
mod tools;
mod validate;

pub use caller::Caller;
pub use config::{EmbedConfig, EngineConfig};
pub use constraint::ConstraintError;
pub use distributions::Distributions;
pub use embed::EmbedEngine;
pub use encoders::Encoders;
pub use error::EngineError;
pub use gate::ComputeGate;
pub use generation::Generation;
pub use intramuros_backend::{
    EmbedCodec, EmbedModelInfo, Embedding, EncodedWords, InputKind, Word,
};
pub use meter::{Consumed, Meter};
pub use models::{LoadModel, ModelLimits, ModelSource, ModelState, TextModels};
pub use request::{
    Completion, Embeddings, GenerateRequest, GenerationEvent, Priority, Prompt, PromptToken,
    TokenLogprob, TokenText, Tools,
};
pub use rerank::{Relevance, Reranker};
pub use status::EngineStatus;
pub use tally::{Tally, TallyReading};
pub use text::TextEngine;
