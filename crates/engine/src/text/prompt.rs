//! Collects the log-probabilities of a prompt's own tokens.

use intramuros_backend::{Logits, TextCodec};

use super::answer::spell;
use crate::{PromptToken, logprobs};

/// What is known of a prompt so far.
pub(super) struct PromptLogprobs {
    tokens: Vec<PromptToken>,
    /// Alternatives for each token.
    count: usize,
}

impl PromptLogprobs {
    pub(super) fn new(count: u32) -> Self {
        Self { tokens: Vec::new(), count: count as usize }
    }

    /// Takes the logits of the prompt's tokens from position `from` on. Those that were seen
    /// before a preemption are passed over.
    pub(super) fn take(
        &mut self,
        prompt: &[u32],
        from: usize,
        logits: &Logits,
        codec: &dyn TextCodec,
    ) {
        if self.tokens.is_empty() {
            self.tokens
                .extend(prompt.first().map(|token| PromptToken::First(spell(codec, *token))));
        }
        let rows = logits.values.len() / logits.vocab_size.max(1);
        for row in 0..rows {
            let position = from + row + 1;
            let Some(token) = prompt.get(position) else { break };
            if position == self.tokens.len() {
                let text = |token| spell(codec, token);
                let told = logprobs::of(logits.row(row), *token, self.count, text);
                self.tokens.push(PromptToken::Next(told));
            }
        }
    }

    /// All tokens of the prompt.
    pub(super) fn into_tokens(self) -> Vec<PromptToken> {
        self.tokens
    }
}
