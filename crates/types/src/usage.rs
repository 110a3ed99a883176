//! Counts what a request consumed and why it ended.

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
