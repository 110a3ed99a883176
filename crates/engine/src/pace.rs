//! Estimates from recent work when a refused client should try again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// What is said before anything was completed.
const UNKNOWN: Duration = Duration::from_secs(5);

/// How long one unit of work took lately: an exponential mean in which the last eight weigh about
/// two thirds. An atomic because the compute thread, its only writer, must not wait for readers.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Microseconds; 0 before the first unit.
    mean_micros: AtomicU64,
}

impl Pace {
    /// Notes that a unit of work took `took`.
    pub(crate) fn record(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / 8).clamp(1, u64::MAX / 8);
        let mean = self.mean_micros.load(Ordering::Relaxed);
        let mean = if mean == 0 { took } else { (mean / 8 * 7).saturating_add(took / 8).max(1) };
        self.mean_micros.store(mean, Ordering::Relaxed);
    }

    /// When a queue of `waiting` units, of which `at_once` are computed at a time, will have
    /// drained: whole seconds, 1 to 60.
    pub(crate) fn retry_after(&self, waiting: usize, at_once: usize) -> Duration {
        let mean = self.mean_micros.load(Ordering::Relaxed);
        if mean == 0 {
            return UNKNOWN;
        }
        let rounds = waiting.div_ceil(at_once.max(1)) as u64;
        let micros = mean.saturating_mul(rounds);
        Duration::from_secs(micros.div_ceil(1_000_000)).clamp(SHORTEST, LONGEST)
    }
}

#[cfg(test)]
mod tests;
