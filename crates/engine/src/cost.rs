//! Learns how long a step takes, to decide how much to put into the next one.
//!
//! What is learnt decides about speed only. Answers do not depend on it, because they do not
//! depend on what is computed together.

use std::time::Duration;

/// Step sizes, in tokens, that are learnt separately; those between are interpolated.
const SIZES: [usize; 19] =
    [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048];

/// The largest step whose time hardly depends on its size.
const SMALL: usize = 16;

/// Weight of the newest measurement.
const NEWEST: f64 = 0.25;

/// Time of a step by its number of tokens: an exponential mean for each size.
#[derive(Debug, Default)]
pub(crate) struct StepCost {
    /// Seconds; 0 where nothing was measured yet.
    means: [f64; SIZES.len()],
}

impl StepCost {
    /// Notes that a step of `tokens` took `took`.
    pub(crate) fn record(&mut self, tokens: usize, took: Duration) {
        let (at, size) = nearest(tokens);
        // Small steps take nearly the same time whatever their size is, since each reads all
        // weights once; large ones are brought to the size that they are noted under.
        let scale = if size <= SMALL { 1.0 } else { size as f64 / tokens as f64 };
        let seconds = took.as_secs_f64() * scale;
        let mean = &mut self.means[at];
        *mean = if *mean == 0.0 { seconds } else { *mean + NEWEST * (seconds - *mean) };
    }

    /// Seconds that a step of `tokens` will take; `None` before anything was measured.
    pub(crate) fn seconds(&self, tokens: usize) -> Option<f64> {
        let known = || SIZES.iter().zip(self.means).filter(|(_, mean)| *mean > 0.0);
        let below = known().rfind(|(size, _)| **size <= tokens);
        let above = known().find(|(size, _)| **size >= tokens);
        match (below, above) {
            (Some((low, a)), Some((high, b))) if high > low => {
                let share = (tokens - low) as f64 / (high - low) as f64;
                Some(a + share * (b - a).max(0.0))
            }
            (Some((size, mean)), _) => Some(mean * tokens as f64 / *size as f64),
            // Of a smaller step nothing is known but that it is no slower.
            (None, Some((_, mean))) => Some(mean),
            (None, None) => None,
        }
    }

    /// The most tokens, of `1..=most`, of a step within `limit`; `None` before anything was
    /// measured, 0 when not even one fits.
    pub(crate) fn tokens_within(&self, limit: Duration, most: usize) -> Option<usize> {
        let fits = |tokens| Some(self.seconds(tokens)? <= limit.as_secs_f64());
        let (mut low, mut high) = (0, most);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(middle)? {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Some(low)
    }
}

/// The size that a step of `tokens` is noted under.
fn nearest(tokens: usize) -> (usize, usize) {
    let distance = |size: usize| size.abs_diff(tokens);
    let pairs = SIZES.iter().copied().enumerate();
    pairs.min_by_key(|(_, size)| distance(*size)).unwrap_or((0, 1))
}

#[cfg(test)]
mod tests;
