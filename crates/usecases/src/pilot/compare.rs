//! Says how sure a difference between two runs over the same items is.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal};

/// Times that the items are drawn anew.
const ROUNDS: usize = 10_000;
/// Beyond so many items the draws would only draw the normal distribution, and take seconds for it.
const MANY: usize = 5_000;

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
    let first = differences.first().copied().unwrap_or(0.0);
    if differences.iter().all(|difference| *difference == first) {
        // Every draw is the same.
        let p = if first == 0.0 { 1.0 } else { 0.0 };
        return Some(Difference { mean: first, low: first, high: first, p });
    }
    let mean = differences.iter().sum::<f64>() / count as f64;
    if count > MANY {
        return normal(&differences, mean);
    }
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut means: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let drawn = (0..count).map(|_| differences[random.random_range(0..count)]);
            drawn.sum::<f64>() / count as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((ROUNDS - 1) as f64 * share).round() as usize];
    let other = means.iter().filter(|drawn| **drawn * mean <= 0.0).count();
    let p = (2.0 * other as f64 / ROUNDS as f64).min(1.0);
    Some(Difference { mean, low: at(0.025), high: at(0.975), p })
}

/// What the draws of many items come to.
fn normal(differences: &[f64], mean: f64) -> Option<Difference> {
    let count = differences.len() as f64;
    let squares: f64 = differences.iter().map(|one| (one - mean).powi(2)).sum();
    let error = squares.sqrt() / count;
    let bell = Normal::new(0.0, 1.0).ok()?;
    let reach = bell.inverse_cdf(0.975) * error;
    let p = (2.0 * bell.cdf(-(mean / error).abs())).min(1.0);
    Some(Difference { mean, low: mean - reach, high: mean + reach, p })
}

/// How often chance alone gives as uneven a split of `gains` and `losses` or a more uneven one, where
/// items that did not change say nothing.
///
/// Source: McNemar 1947, "Note on the sampling error of the difference between correlated
/// proportions", in its exact form. The bootstrap cannot replace it on few items: three of three that
/// became right are right in every draw.
pub(super) fn uneven(gains: usize, losses: usize) -> f64 {
    let all = (gains + losses) as u64;
    let Ok(coin) = Binomial::new(0.5, all) else { return 1.0 };
    (2.0 * coin.cdf(gains.min(losses) as u64)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{normal, paired, uneven};

    #[test]
    fn few_changes_are_no_proof() {
        // Values of scipy.stats.binomtest(k, n).pvalue.
        for (gains, losses, p) in
            [(0, 0, 1.0), (3, 0, 0.25), (6, 0, 0.03125), (2, 9, 0.065_429_687_5)]
        {
            assert!((uneven(gains, losses) - p).abs() < 1e-9, "{gains} {losses}");
            assert!((uneven(losses, gains) - p).abs() < 1e-9);
        }
        assert!(uneven(60_000, 40_000) < 1e-9);
    }

    #[test]
    fn many_items_are_reckoned_as_fewer_are_drawn() {
        let after = |count: usize| -> Vec<f64> {
            (0..count).map(|at| [1.0, 0.0, -1.0, 0.0, 1.0][at % 5]).collect()
        };
        let drawn = paired(&[0.0; 1_000], &after(1_000)).unwrap();
        let reckoned = normal(&after(1_000), 0.2).unwrap();
        assert!((drawn.mean - 0.2).abs() < 1e-9);
        assert!((drawn.low - reckoned.low).abs() < 3e-3, "{drawn:?} {reckoned:?}");
        assert!((drawn.high - reckoned.high).abs() < 3e-3, "{drawn:?} {reckoned:?}");
        // A difference that is barely there.
        let faint: Vec<f64> =
            (0..10_000).map(|at| if at < 60 { 1.0 } else { -f64::from(at < 100) }).collect();
        let faint = paired(&[0.0; 10_000], &faint).unwrap();
        assert!((0.04..0.06).contains(&faint.p), "{faint:?}");
    }

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
