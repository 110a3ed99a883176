//! Counts measurements by size, for monitoring.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Measurements counted into buckets. Atomics, because who measures (a compute thread at every
/// step) must never wait for who reads; each is independent of the others, so relaxed order is
/// enough.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds of all buckets but the last, ascending; a bound belongs to its bucket.
    bounds: &'static [f64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    /// Millionths: whole numbers can be added up without a lock.
    sum: AtomicU64,
}

/// A [`Histogram`] at a moment. Read bucket by bucket, so that it may be off by the measurements of
/// that moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// Each bucket's upper bound and the measurements in it alone, the last without bound.
    pub buckets: Vec<(f64, u64)>,
    /// All measurements, added up.
    pub sum: f64,
}

impl Distribution {
    /// How many measurements there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

impl Histogram {
    /// Counts into buckets up to each of `bounds`, which ascend, and one beyond.
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts a measurement; what is no number or below 0 counts as 0.
    pub fn observe(&self, value: f64) {
        let value = if value > 0.0 { value } else { 0.0 };
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        // A cast beyond the range gives the nearest that there is.
        self.sum.fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }

    /// Counts a time, in seconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    /// What was counted so far.
    pub fn read(&self) -> Distribution {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        Distribution {
            buckets: bounds.zip(counts).collect(),
            sum: self.sum.load(Ordering::Relaxed) as f64 / 1e6,
        }
    }
}
