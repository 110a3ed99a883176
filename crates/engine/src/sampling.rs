//! Chooses the next token from logits.
//!
//! The order is fixed: bias → penalties → constraint → temperature → top-k → top-p → min-p → draw. Every filter acts on
//! what the one before it left, renormalised, as in the `transformers` and llama.cpp defaults.
//! Source: temperature and top-k, Fan et al. 2018 (Hierarchical Neural Story Generation); top-p,
//! Holtzman et al. 2020 (The Curious Case of Neural Text Degeneration), section 3.1; min-p, Nguyen
//! et al. 2024 (Turning Up the Heat), section 3.
//!
//! Each request has its own generator (ChaCha8 seeded by the request) and takes exactly one number
//! from it a token, so that its draws do not depend on other requests. Ties are broken by the
//! lowest token id, and sums run in a fixed order, so that the same logits give the same token.

mod filter;
mod penalties;
#[cfg(test)]
mod tests;

use intramuros_types::SamplingParams;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use filter::Filter;
use penalties::Seen;

/// Why no token could be chosen: the logits are not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SamplingError {
    /// At least one logit is NaN or positive infinity.
    #[error("the logit of token {token} is not a finite number")]
    NotANumber {
        /// The first such token.
        token: usize,
    },
    /// All logits are negative infinity, or there are none.
    #[error("no token has a probability above zero")]
    NothingPossible,
}

/// Buffers that all sequences of a thread share between calls; they hold no state.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Logits after penalties.
    adjusted: Vec<f32>,
    /// Tokens that are still in the draw.
    candidates: Vec<Candidate>,
}

/// A token in the draw.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    token: u32,
    /// Unnormalised probability, relative to the most likely token's, which is 1.
    weight: f32,
}

/// Excludes tokens by setting their logits to negative infinity.
pub(crate) type Constrain<'a> = &'a mut dyn FnMut(&mut [f32]);

/// Chooses the tokens of one request.
#[derive(Debug)]
pub(crate) struct Sampler {
    filter: Filter,
    /// Added to logits; token ids beyond the vocabulary were refused.
    bias: Vec<(u32, f32)>,
    /// `None` when all penalties are neutral.
    seen: Option<Seen>,
    rng: ChaCha8Rng,
}

impl Sampler {
    /// For a request with validated parameters and this prompt.
    pub(crate) fn new(params: &SamplingParams, prompt: &[u32]) -> Self {
        let seed = params.seed.unwrap_or_else(rand::random);
        Self {
            filter: Filter::new(params),
            bias: params.logit_bias.clone(),
            seen: Seen::new(params.penalties, prompt),
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Chooses a token from a row of logits. Negative infinity excludes a token; `constrain` may
    /// exclude more.
    ///
    /// # Errors
    /// [`SamplingError`] when a logit is NaN or positive infinity, or no token is possible.
    pub(crate) fn sample(
        &mut self,
        logits: &[f32],
        constrain: Option<Constrain<'_>>,
        scratch: &mut Scratch,
    ) -> Result<u32, SamplingError> {
        let Scratch { adjusted, candidates } = scratch;
        let changes = !self.bias.is_empty() || self.seen.is_some() || constrain.is_some();
        let logits = if changes {
            adjusted.clear();
            adjusted.extend_from_slice(logits);
            self.adjust(adjusted);
            if let Some(constrain) = constrain {
                constrain(adjusted);
            }
            adjusted
        } else {
            logits
        };
        let likeliest = argmax(logits)?;
        if self.filter.is_greedy() {
            return Ok(likeliest);
        }
        self.filter.select(logits, logits[likeliest as usize], candidates);
        Ok(draw(candidates, unit_interval(self.rng.next_u64())).unwrap_or(likeliest))
    }

    /// Remembers a token of the answer for the penalties, whether it was drawn or was certain.
    pub(crate) fn remember(&mut self, token: u32) {
        if let Some(seen) = &mut self.seen {
            seen.remember(token);
        }
    }

    fn adjust(&self, logits: &mut [f32]) {
        for (token, bias) in &self.bias {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit += bias;
            }
        }
        if let Some(seen) = &self.seen {
            seen.apply(logits);
        }
    }
}

/// The token with the largest logit, the lowest id among equals.
fn argmax(logits: &[f32]) -> Result<u32, SamplingError> {
    let mut best = f32::NEG_INFINITY;
    let mut token = None;
    for (at, &logit) in logits.iter().enumerate() {
        if logit.is_nan() || logit == f32::INFINITY {
            return Err(SamplingError::NotANumber { token: at });
        }
        if logit > best {
            best = logit;
            token = Some(at);
        }
    }
    token.and_then(|at| u32::try_from(at).ok()).ok_or(SamplingError::NothingPossible)
}

/// The 53 high bits of `random` as a number of `[0, 1)`.
fn unit_interval(random: u64) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    (random >> 11) as f64 * STEP
}

/// The candidate within whose share of the total weight `at` (of `[0, 1)`) falls, in the order of
/// `candidates`.
fn draw(candidates: &[Candidate], at: f64) -> Option<u32> {
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
    let mut left = at * total;
    for candidate in candidates {
        left -= f64::from(candidate.weight);
        if left < 0.0 {
            return Some(candidate.token);
        }
    }
    // Rounding may leave a crumb; it belongs to the last that is possible at all.
    candidates.iter().rev().find(|candidate| candidate.weight > 0.0).map(|last| last.token)
}
