//! Says how sure a share is that was counted on a few items.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF as _};

/// How often the interval is to hold the true share.
const LEVEL: f64 = 0.95;

/// A share, with what it may be by chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The share that was counted, 0 to 1.
    pub share: f64,
    /// The least that it may truly be.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// Items that were counted.
    pub of: usize,
}

/// `count` of `of` items with its 95 % interval; `None` of no items.
///
/// Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits"; exact, so never too
/// narrow.
pub fn share(count: usize, of: usize) -> Option<Interval> {
    if of == 0 || count > of {
        return None;
    }
    let tail = (1.0 - LEVEL) / 2.0;
    let low = upper(of - count, of, tail).map_or(0.0, |high| 1.0 - high);
    let high = upper(count, of, tail).unwrap_or(1.0);
    Some(Interval { share: count as f64 / of as f64, low, high, of })
}

/// The largest rate under which `count` or fewer of `of` still happen with probability `tail`; `None`
/// where every rate allows it.
pub(super) fn upper(count: usize, of: usize, tail: f64) -> Option<f64> {
    if count >= of {
        return None;
    }
    let beta = Beta::new(count as f64 + 1.0, (of - count) as f64).ok()?;
    Some(beta.inverse_cdf(1.0 - tail))
}

#[cfg(test)]
mod tests {
    use super::{share, upper};

    #[track_caller]
    fn check(count: usize, of: usize, low: f64, high: f64) {
        let found = share(count, of).unwrap();
        assert!((found.low - low).abs() < 5e-4, "{found:?}");
        assert!((found.high - high).abs() < 5e-4, "{found:?}");
    }

    // Values of scipy.stats.binomtest(...).proportion_ci(method="exact").
    #[test]
    fn intervals_are_those_of_the_exact_test() {
        check(0, 10, 0.0, 0.3085);
        check(10, 10, 0.6915, 1.0);
        check(5, 10, 0.1871, 0.8129);
        check(204, 240, 0.7985, 0.8928);
        assert_eq!(share(0, 0), None);
        assert_eq!(share(2, 1), None);
    }

    #[test]
    fn no_failure_in_59_bounds_the_rate_by_a_twentieth() {
        assert!(upper(0, 58, 0.05).unwrap() > 0.05);
        assert!(upper(0, 59, 0.05).unwrap() < 0.05);
        assert_eq!(upper(3, 3, 0.05), None);
    }
}
