//! Lowers the logits of tokens that were already seen.

use std::collections::{HashMap, HashSet};

use intramuros_types::Penalties;

/// What a request has seen so far.
#[derive(Debug)]
pub(crate) struct Seen {
    penalties: Penalties,
    /// Occurrences in the answer.
    answer: HashMap<u32, u32>,
    /// Tokens of prompt and answer; empty while `repetition` is neutral.
    all: HashSet<u32>,
}

impl Seen {
    /// `None` when `penalties` change nothing.
    pub(crate) fn new(penalties: Penalties, prompt: &[u32]) -> Option<Self> {
        if penalties == Penalties::default() {
            return None;
        }
        let repetition = penalties.repetition != 1.0;
        let all = if repetition { prompt.iter().copied().collect() } else { HashSet::new() };
        Some(Self { penalties, answer: HashMap::new(), all })
    }

    /// Applies the penalties in place: first repetition to tokens of prompt and answer
    /// (`l > 0 ? l / r : l · r`), then frequency and presence to tokens of the answer
    /// (`l − count · frequency − presence`). Tokens outside of `logits` are ignored.
    ///
    /// Source: Keskar et al. 2019 (CTRL), section 4.1; OpenAI API reference, "frequency and
    /// presence penalties".
    pub(crate) fn apply(&self, logits: &mut [f32]) {
        let Penalties { frequency, presence, repetition } = self.penalties;
        for &token in &self.all {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = if *logit > 0.0 { *logit / repetition } else { *logit * repetition };
            }
        }
        for (&token, &count) in &self.answer {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit -= count as f32 * frequency + presence;
            }
        }
    }

    /// Notes a token of the answer.
    pub(crate) fn remember(&mut self, token: u32) {
        *self.answer.entry(token).or_insert(0) += 1;
        if self.penalties.repetition != 1.0 {
            self.all.insert(token);
        }
    }
}
