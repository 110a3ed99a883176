//! Tells how long a request waited for models and what they took, to whoever watches over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use intramuros_types::Consumption;

/// Noted into by the models that work for one request, read by whoever watches over it. Atomics
/// because a model's thread writes and must never wait for a reader. Clones are the same tally.
/// Nothing is taken out of it, other than of a [`Meter`](crate::Meter).
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Notes>);

/// Times are microseconds plus one; 0 is none yet.
#[derive(Debug, Default)]
struct Notes {
    queue_wait: AtomicU64,
    first_token: AtomicU64,
    prompt_tokens: AtomicU64,
    cached_tokens: AtomicU64,
    generated_tokens: AtomicU64,
}

/// A [`Tally`] at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TallyReading {
    /// The longest that one of the generations waited before it ran; `None` when none ran.
    pub queue_wait: Option<Duration>,
    /// Time from the submission of the generation that wrote first to its first token.
    pub first_token: Option<Duration>,
    /// Tokens of prompts and inputs, computed or taken from the cache.
    pub prompt_tokens: u64,
    /// Those of them that came from the cache.
    pub cached_tokens: u64,
    /// Tokens that were written.
    pub generated_tokens: u64,
}

impl Tally {
    /// What was noted so far.
    pub fn read(&self) -> TallyReading {
        let time = |noted: &AtomicU64| {
            noted.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_micros)
        };
        let count = |noted: &AtomicU64| noted.load(Ordering::Relaxed);
        TallyReading {
            queue_wait: time(&self.0.queue_wait),
            first_token: time(&self.0.first_token),
            prompt_tokens: count(&self.0.prompt_tokens),
            cached_tokens: count(&self.0.cached_tokens),
            generated_tokens: count(&self.0.generated_tokens),
        }
    }

    /// Notes that a generation begins to run after `wait`.
    pub(crate) fn began(&self, wait: Duration) {
        self.0.queue_wait.fetch_max(micros(wait), Ordering::Relaxed);
    }

    /// Notes a generation's first token; only the first of all counts.
    pub(crate) fn wrote(&self, after: Duration) {
        let (relaxed, noted) = (Ordering::Relaxed, micros(after));
        // Fails when another generation was first, whose time stays.
        let _ = self.0.first_token.compare_exchange(0, noted, relaxed, relaxed);
    }

    /// Notes what a model took.
    pub(crate) fn took(&self, consumption: &Consumption) {
        let add = |noted: &AtomicU64, tokens| {
            noted.fetch_add(tokens, Ordering::Relaxed);
        };
        add(&self.0.prompt_tokens, consumption.prompt_tokens);
        add(&self.0.cached_tokens, consumption.cached_tokens);
        add(&self.0.generated_tokens, consumption.completion_tokens);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1).saturating_add(1)
}
