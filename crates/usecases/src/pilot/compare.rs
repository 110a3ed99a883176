//! Says how sure a difference between two runs over the same items is.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Times that the items are drawn anew,
const ROUNDS: usize = 10_000;
/// less often where there are so many items that it makes no difference,
const MAX_DRAWS: usize = 20_000_000;
/// but so often.
const MIN_ROUNDS: usize = 1_000;

/// A difference of means with what it may be by chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// How much more the second run has, per item.
    pub mean: f64,
    /// The middle 95 % of what other draws of the items give: from here,
    pub low: f64,
    /// to here.
    pub high: f64,
    /// Share of draws in which the difference has the other sign, or none; doubled, at most 1.
    pub p: f64,
}

/// The mean of `after - before` over the same items, by the percentile bootstrap; `None` of no
/// items. The draws are the same each time.
///
/// Source: Sakai 2006, "Evaluating evaluation metrics based on the bootstrap"; Efron and Tibshirani
/// 1993, chapter 13.
pub fn paired(before: &[f64], after: &[f64]) -> Option<Difference> {
    let differences: Vec<f64> = before.iter().zip(after).map(|(b, a)| a - b).collect();
    let count = differences.len();
    if count == 0 {
        return None;
    }
    let rounds = (MAX_DRAWS / count).clamp(MIN_ROUNDS, ROUNDS);
    let mean = differences.iter().sum::<f64>() / count as f64;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut means: Vec<f64> = (0..rounds)
        .map(|_| {
            let drawn = (0..count).map(|_| differences[random.random_range(0..count)]);
            drawn.sum::<f64>() / count as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((rounds - 1) as f64 * share).round() as usize];
    let other = means.iter().filter(|drawn| **drawn * mean <= 0.0).count();
    let p = (2.0 * other as f64 / rounds as f64).min(1.0);
    Some(Difference { mean, low: at(0.025), high: at(0.975), p })
}

#[cfg(test)]
mod tests {
    use super::paired;

    #[test]
    fn a_clear_difference_is_sure_and_none_is_not() {
        let before = [0.0; 50];
        let after: Vec<f64> = (0..50).map(|at| f64::from(u8::from(at % 5 != 0))).collect();
        let clear = paired(&before, &after).unwrap();
        assert!((clear.mean - 0.8).abs() < 1e-9);
        assert!(clear.low > 0.6 && clear.high < 0.95 && clear.p < 0.01, "{clear:?}");
        let none = paired(&after, &after).unwrap();
        assert_eq!((none.mean, none.p), (0.0, 1.0));
        assert_eq!(paired(&[], &[]), None);
    }
}
