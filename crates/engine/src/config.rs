//! Holds the limits of both engines and refuses those that cannot work.

use std::time::Duration;

use crate::EngineError;

/// Limits of a [`TextEngine`](crate::TextEngine).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// The most requests that wait; one more is refused as overloaded.
    pub max_queue: usize,
    /// The most sequences that run in one batch.
    pub max_sequences: usize,
    /// The most prompt tokens of one step, over all sequences.
    pub prefill_chunk_tokens: usize,
    /// How long running streams may wait for their next token while prompts are computed: a step
    /// beside streams takes as many prompt tokens as fit, and at least eight.
    pub max_token_gap: Duration,
    /// The most tokens of a draft (prompt-lookup speculation); 0 switches drafts off.
    pub max_draft_tokens: usize,
    /// Whether keys share the prefix cache. Shared, one key can learn from `cached_tokens` and from
    /// the time that an answer takes whether another one sent the same beginning.
    pub share_prefixes: bool,
    /// Answer length of a request that names none; `None` means to the context's end.
    pub default_max_tokens: Option<u32>,
    /// Time from submission to the last token of a request that names none.
    pub request_timeout: Duration,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_queue: 64,
            max_sequences: 8,
            prefill_chunk_tokens: 256,
            max_token_gap: Duration::from_millis(500),
            max_draft_tokens: 8,
            share_prefixes: true,
            default_max_tokens: None,
            request_timeout: Duration::from_secs(600),
        }
    }
}

/// Limits of an [`EmbedEngine`](crate::EmbedEngine).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedConfig {
    /// The most inputs (not requests) that wait, for each priority on its own, so that bulk
    /// indexing cannot take the places of searches.
    pub max_queue_inputs: usize,
    /// The most tokens of one batch; bounds how long a search waits behind bulk work. A longer
    /// single input goes alone.
    pub max_batch_tokens: usize,
}

impl Default for EmbedConfig {
    fn default() -> Self {
        Self { max_queue_inputs: 4096, max_batch_tokens: 512 }
    }
}

/// Tokens of its own that a stream computes in one step at most: one that was drawn, and what a
/// grammar forced behind it. What has more to compute is treated as a prompt.
pub(crate) const STREAM_TOKENS: usize = 16;
/// Rows of logits of a step that prompts may want, for their log-probabilities; bounds the memory
/// that they take.
pub(crate) const MOST_PROMPT_LOGITS: usize = 64;

/// Semaphores hand out at most `u32::MAX` places at once.
const MAX_PLACES: usize = u32::MAX as usize;

impl EngineConfig {
    /// Tokens of the largest batch: a chunk of prompts beside streams with their drafts.
    pub fn largest_batch_tokens(&self) -> usize {
        let stream = STREAM_TOKENS.saturating_add(self.max_draft_tokens);
        self.max_sequences.saturating_mul(stream).saturating_add(self.prefill_chunk_tokens)
    }

    /// Rows of logits of the largest batch: those of streams with their drafts, and those of
    /// prompts whose log-probabilities are wanted.
    pub fn largest_batch_logits(&self) -> usize {
        let stream = self.max_draft_tokens.saturating_add(1);
        self.max_sequences.saturating_mul(stream).saturating_add(MOST_PROMPT_LOGITS)
    }

    /// Refuses limits under which nothing could run.
    ///
    /// # Errors
    /// [`EngineError::InvalidConfig`] that names the field.
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        in_range("max_queue", self.max_queue, MAX_PLACES)?;
        in_range("max_sequences", self.max_sequences, MAX_PLACES)?;
        in_range("prefill_chunk_tokens", self.prefill_chunk_tokens, usize::MAX)?;
        if self.default_max_tokens == Some(0) {
            return Err(invalid("default_max_tokens", "is 0; give at least 1, or leave it out"));
        }
        if self.request_timeout.is_zero() {
            return Err(invalid("request_timeout", "is 0; every request would time out at once"));
        }
        Ok(())
    }
}

impl EmbedConfig {
    /// Refuses limits under which nothing could run.
    ///
    /// # Errors
    /// [`EngineError::InvalidConfig`] that names the field.
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        in_range("max_queue_inputs", self.max_queue_inputs, MAX_PLACES)?;
        in_range("max_batch_tokens", self.max_batch_tokens, usize::MAX)
    }
}

fn in_range(name: &'static str, value: usize, most: usize) -> Result<(), EngineError> {
    if value == 0 {
        return Err(invalid(name, "is 0; give at least 1"));
    }
    if value > most {
        return Err(invalid(name, "is larger than 4,294,967,295; give less"));
    }
    Ok(())
}

fn invalid(name: &'static str, reason: &str) -> EngineError {
    EngineError::InvalidConfig { name, reason: reason.to_owned() }
}
