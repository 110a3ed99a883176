//! Collects the log-probabilities of a prompt's last tokens.

use intramuros_backend::{Logits, TextCodec};

use super::answer::spell;
use crate::{PromptToken, logprobs};

/// What is known of a prompt so far.
pub(super) struct PromptLogprobs {
    /// Position of the first token that is told.
    first: usize,
    tokens: Vec<PromptToken>,
    /// Alternatives for each token.
    count: usize,
}

impl PromptLogprobs {
    /// For the last `last` of the tokens of `prompt`, with `count` alternatives each.
    pub(super) fn new(prompt: &[u32], last: usize, count: u32, codec: &dyn TextCodec) -> Self {
        let first = prompt.len().saturating_sub(last);
        let beginning = prompt.first().filter(|_| first == 0);
        let tokens = beginning.map(|token| PromptToken::First(spell(codec, *token)));
        Self { first, tokens: tokens.into_iter().collect(), count: count as usize }
    }

    /// Position of the first token whose logits are wanted: those of one tell of the next.
    pub(super) fn from(&self) -> usize {
        self.first.saturating_sub(1)
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
        let rows = logits.values.len() / logits.vocab_size.max(1);
        for row in 0..rows {
            let position = from + row + 1;
            let Some(token) = prompt.get(position) else { break };
            if position == self.first + self.tokens.len() {
                let text = |token| spell(codec, token);
                let told = logprobs::of(logits.row(row), *token, self.count, text);
                self.tokens.push(PromptToken::Next(told));
            }
        }
    }

    /// The tokens that were asked for.
    pub(super) fn into_tokens(self) -> Vec<PromptToken> {
        self.tokens
    }
}
