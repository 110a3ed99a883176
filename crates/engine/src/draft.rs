//! Guesses the next tokens of a sequence from what it already holds.
//!
//! Answers from documents copy: names, amounts, whole sentences of the prompt. Where the last few
//! tokens occurred before, what followed them then is a *draft* of what follows now. The model
//! checks a draft in one pass, and each token is still drawn from its own logits, so that the
//! answer is the same with and without drafts.
//!
//! Source: Saxena 2023 (Prompt Lookup Decoding); Leviathan et al. 2023 (arXiv 2211.17192) for the
//! verification, of which ours is the case of a draft without a distribution.

use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// Tokens that must agree for a draft; longer agreement is looked for first.
const LONG: usize = 4;
const SHORT: usize = 2;

/// Share of draft tokens that are expected to be right before anything is known.
const FIRST_GUESS: f64 = 0.5;
/// Weight of the newest draft in the acceptance.
const NEWEST: f64 = 0.2;
/// What a step without a draft adds, so that a sequence that stopped drafting tries again.
const HOPE: f64 = 0.01;

/// Drafts of one sequence.
#[derive(Debug)]
pub(crate) struct Drafter {
    /// For each run of tokens the position that followed it last.
    long: HashMap<[u32; LONG], u32>,
    short: HashMap<[u32; SHORT], u32>,
    /// Tokens that are in the maps.
    indexed: usize,
    /// How likely the next draft token is right.
    acceptance: f64,
}

impl Default for Drafter {
    fn default() -> Self {
        Self { long: HashMap::new(), short: HashMap::new(), indexed: 0, acceptance: FIRST_GUESS }
    }
}

impl Drafter {
    /// At most `most` tokens that may follow `tokens`, none when nothing like it was there before.
    /// `tokens` is the same sequence at each call, only longer.
    pub(crate) fn draft(&mut self, tokens: &[u32], most: usize) -> Vec<u32> {
        self.index(tokens);
        let from = tokens.last_chunk().and_then(|run| self.long.get(run));
        let from = from.or_else(|| tokens.last_chunk().and_then(|run| self.short.get(run)));
        let Some(from) = from else { return Vec::new() };
        tokens[*from as usize..].iter().copied().take(most).collect()
    }

    /// How likely a draft's token is right when those before it are.
    pub(crate) fn acceptance(&self) -> f64 {
        self.acceptance
    }

    /// Notes that of a draft of `drafted` tokens the first `accepted` were right. After a wrong
    /// one, nothing is known about the rest.
    pub(crate) fn record(&mut self, drafted: usize, accepted: usize) {
        if drafted == 0 {
            self.acceptance = (self.acceptance + HOPE).min(FIRST_GUESS.max(self.acceptance));
            return;
        }
        let judged = (accepted + 1).min(drafted);
        let share = accepted as f64 / judged as f64;
        self.acceptance += NEWEST * (share - self.acceptance);
    }

    /// Notes every run of `tokens` that something follows.
    fn index(&mut self, tokens: &[u32]) {
        for next in self.indexed.max(1)..tokens.len() {
            let before = &tokens[..next];
            let position = next as u32;
            if let Some(run) = before.last_chunk() {
                self.long.insert(*run, position);
            }
            if let Some(run) = before.last_chunk() {
                self.short.insert(*run, position);
            }
        }
        self.indexed = tokens.len();
    }
}
