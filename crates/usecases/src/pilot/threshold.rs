//! Finds the confidence from which on results are accepted without a person, for a promise on errors.
//!
//! The confidence of a result is no probability to rely on: small models are sure of nonsense. What
//! can be relied on is counted: of the labelled items that a threshold accepts, so many were wrong,
//! and from that the rate of errors is bounded by an exact binomial test. Because many thresholds are
//! looked at, each test is part of a sequence that was fixed beforehand and ends at the first that
//! fails; else the luckiest threshold would be taken for the best.
//!
//! Source: Angelopoulos et al. 2021, "Learn then Test: Calibrating Predictive Algorithms to Achieve
//! Risk Control" (fixed sequence testing with several starts); Hoeffding 1956 (the binomial bound
//! holds for items of unequal risk).

use serde::Serialize;

use super::interval::{Interval, share, upper};

/// Sequences that are tried, by the errors that their first test may have: the first promises with
/// the fewest items, the others survive an error among the most confident ones.
const STARTS: [usize; 3] = [0, 2, 5];
/// How many those are: the certainty is shared among them.
pub(super) const TESTS: usize = STARTS.len();

/// How many more items each test of a sequence accepts than the one before.
const STEP: f64 = 1.05;

/// A bound on errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Promise {
    /// The largest share of errors among accepted results, above 0 and below 1.
    pub max_error: f64,
    /// How often the promise is to be kept, over sets like this one; above 0 and below 1.
    pub certainty: f64,
}

/// A threshold that keeps a [`Promise`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Results at least as confident are accepted.
    pub confidence: f64,
    /// The share of items that it accepts.
    pub coverage: Interval,
    /// Items that it accepts and that are wrong.
    pub errors: usize,
}

/// Why no threshold keeps a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum TooSmall {
    /// Even without any error there are too few items.
    #[error("{have} labelled items are too few: without a single error it takes {needed}")]
    Set {
        /// Items there are.
        have: usize,
        /// Items that are needed.
        needed: usize,
    },
    /// The items that are decided most confidently have too many errors.
    #[error("the {have} labelled items have too many errors where they are most confident")]
    Margin {
        /// Items there are.
        have: usize,
    },
    /// The promise has no meaning.
    #[error("a promise needs an error and a certainty between 0 and 1")]
    Promise,
}

/// The lowest threshold that keeps `promise`. `items` are the confidence of each labelled result and
/// whether it was right; they must be like the results to come, and none that the confidence was
/// learnt from.
///
/// # Errors
/// [`TooSmall`], never a threshold that the set cannot vouch for.
pub fn accept(items: &[(f64, bool)], promise: Promise) -> Result<Threshold, TooSmall> {
    let is_share = |value: f64| value > 0.0 && value < 1.0;
    if !is_share(promise.max_error) || !is_share(promise.certainty) {
        return Err(TooSmall::Promise);
    }
    let mut sorted = items.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let tail = (1.0 - promise.certainty) / TESTS as f64;
    let have = sorted.len();
    // Without an error, (1 - max_error) ^ items <= tail.
    let needed = (tail.ln() / (1.0 - promise.max_error).ln()).ceil() as usize;
    if have < needed {
        return Err(TooSmall::Set { have, needed });
    }
    let keeps = |accepted: usize, errors: usize| {
        upper(errors, accepted, tail).is_some_and(|rate| rate <= promise.max_error)
    };
    let wrong_before: Vec<usize> = sorted
        .iter()
        .scan(0, |sum, (_, right)| {
            *sum += usize::from(!right);
            Some(*sum)
        })
        .collect();
    let best = STARTS
        .iter()
        .filter_map(|allowed| (needed..=have).find(|accepted| keeps(*accepted, *allowed)))
        .filter_map(|start| last_kept(&sorted, &wrong_before, start, keeps))
        .max()
        .ok_or(TooSmall::Margin { have })?;
    let (Some((confidence, _)), Some(errors), Some(coverage)) =
        (sorted.get(best - 1), wrong_before.get(best - 1), share(best, have))
    else {
        return Err(TooSmall::Margin { have });
    };
    Ok(Threshold { confidence: *confidence, coverage, errors: *errors })
}

/// The number of items that the last test of the sequence from `start` accepts before one fails.
fn last_kept(
    sorted: &[(f64, bool)],
    wrong_before: &[usize],
    start: usize,
    keeps: impl Fn(usize, usize) -> bool,
) -> Option<usize> {
    let mut kept = None;
    let mut accepted = start;
    while accepted <= sorted.len() {
        // Items of one confidence are accepted together.
        let border = sorted.get(accepted - 1)?.0;
        let all = sorted.partition_point(|(confidence, _)| *confidence >= border);
        if !keeps(all, *wrong_before.get(all - 1)?) {
            break;
        }
        kept = Some(all);
        if all == sorted.len() {
            break;
        }
        accepted = ((all as f64 * STEP).ceil() as usize).clamp(all + 1, sorted.len());
    }
    kept
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::{Promise, TooSmall, accept};

    const PROMISE: Promise = Promise { max_error: 0.05, certainty: 0.95 };

    #[test]
    fn small_and_bad_sets_are_refused() {
        let few = vec![(0.9, true); 79];
        assert_eq!(accept(&few, PROMISE), Err(TooSmall::Set { have: 79, needed: 80 }));
        assert!(accept(&vec![(0.9, true); 80], PROMISE).is_ok());
        assert_eq!(accept(&vec![(0.9, false); 500], PROMISE), Err(TooSmall::Margin { have: 500 }));
        let none = Promise { max_error: 0.0, certainty: 0.95 };
        assert_eq!(accept(&few, none), Err(TooSmall::Promise));
        let message = TooSmall::Set { have: 79, needed: 80 }.to_string();
        assert_eq!(message, "79 labelled items are too few: without a single error it takes 80");
    }

    #[test]
    fn what_is_sure_is_accepted_and_what_is_not_is_not() {
        // The surer half is right, the other half is right by a coin.
        let items: Vec<(f64, bool)> =
            (0..1_000).map(|at| (1.0 - f64::from(at) / 1_000.0, at < 500 || at % 2 == 0)).collect();
        let found = accept(&items, PROMISE).unwrap();
        assert!((0.45..=0.55).contains(&found.coverage.share), "{found:?}");
        assert!(found.errors <= 25 && found.confidence < 0.55, "{found:?}");
    }

    /// One set of `size` items, whose chance of being wrong falls with their confidence.
    fn draw(random: &mut ChaCha8Rng, size: usize) -> Vec<(f64, bool)> {
        let item = |_| {
            let confidence: f64 = random.random();
            (confidence, random.random::<f64>() > 0.4 * (1.0 - confidence).powi(2))
        };
        (0..size).map(item).collect()
    }

    #[test]
    fn the_promise_is_kept_as_often_as_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (mut promised, mut broken) = (0, 0);
        for _ in 0..200 {
            if let Ok(found) = accept(&draw(&mut random, 1_000), PROMISE) {
                promised += 1;
                // The mean risk of what is accepted, known from how the items are made.
                let risk = 0.4 * (1.0 - found.confidence).powi(2) / 3.0;
                broken += usize::from(risk > PROMISE.max_error);
            }
        }
        assert!(promised > 150, "{promised}");
        assert!(broken <= 10, "{broken} of 200 sets broke the promise");
    }
}
