//! Counts how long requests wait and how large steps are, for monitoring.

use intramuros_types::{Distribution, Histogram};

/// Seconds of a queue.
const WAITS: &[f64] = &[0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Seconds to the first token.
const FIRST_TOKENS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 300.0];
/// Seconds between two tokens.
const GAPS: &[f64] = &[0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.5];
/// Tokens of a step.
const TOKENS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
/// Sequences of a step.
const ROWS: &[f64] = &[1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0];

/// What a compute thread measures. It is the only writer.
#[derive(Debug)]
pub(crate) struct Histograms {
    pub(crate) queue_wait: Histogram,
    pub(crate) first_token: Histogram,
    pub(crate) token_gap: Histogram,
    pub(crate) step_tokens: Histogram,
    pub(crate) step_rows: Histogram,
}

/// How an engine's measurements are distributed since its model was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Distributions {
    /// Seconds from submission to the first step; of an encoder those of what somebody waits for.
    pub queue_wait: Distribution,
    /// Seconds from submission to the first token; of a generator.
    pub first_token: Distribution,
    /// Seconds between two steps that gave the same answer tokens, which is what its reader waits;
    /// of a generator. With drafts a step can give several.
    pub token_gap: Distribution,
    /// Tokens of a forward pass.
    pub step_tokens: Distribution,
    /// Sequences of a forward pass.
    pub step_rows: Distribution,
}

impl Default for Histograms {
    fn default() -> Self {
        Self {
            queue_wait: Histogram::new(WAITS),
            first_token: Histogram::new(FIRST_TOKENS),
            token_gap: Histogram::new(GAPS),
            step_tokens: Histogram::new(TOKENS),
            step_rows: Histogram::new(ROWS),
        }
    }
}

impl Histograms {
    pub(crate) fn read(&self) -> Distributions {
        Distributions {
            queue_wait: self.queue_wait.read(),
            first_token: self.first_token.read(),
            token_gap: self.token_gap.read(),
            step_tokens: self.step_tokens.read(),
            step_rows: self.step_rows.read(),
        }
    }

    /// Notes the size of a forward pass.
    pub(crate) fn step(&self, rows: usize, tokens: usize) {
        self.step_rows.observe(rows as f64);
        self.step_tokens.observe(tokens as f64);
    }
}
