//! Counts what a request consumed and why it ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Tokens of one request, counted with the model's own tokenizer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, template included.
    pub prompt_tokens: u32,
    /// Tokens generated, the end-of-turn token excluded.
    pub completion_tokens: u32,
    /// Tokens of the prompt that were not computed again.
    pub cached_tokens: u32,
}

impl Usage {
    /// Prompt and answer together.
    pub fn total_tokens(&self) -> u32 {
        self.prompt_tokens + self.completion_tokens
    }
}

/// What work took of one model, added up over requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consumption {
    /// Tokens of prompts or of inputs to embed, those from the cache included.
    pub prompt_tokens: u64,
    /// Tokens of prompts that were not computed again.
    pub cached_tokens: u64,
    /// Tokens generated.
    pub completion_tokens: u64,
    /// Share of the time that the model computed: that of a batch goes to its requests by their
    /// tokens.
    pub compute: Duration,
}

impl Consumption {
    /// Prompts and answers together.
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

impl std::ops::AddAssign for Consumption {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        self.compute = self.compute.saturating_add(other.compute);
    }
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended its turn, or the grammar of the answer did.
    Stop,
    /// A stop text was met.
    StopText,
    /// The model ended its turn with tool calls.
    ToolCalls,
    /// `max_tokens` or the end of the context was reached.
    Length,
}
