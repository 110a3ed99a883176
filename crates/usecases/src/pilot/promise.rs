//! Lists what can be promised on errors, at which threshold, and what it would take where nothing
//! can.

use serde::Serialize;

use super::interval::{share, upper};
use super::threshold::{Promise, Threshold, TooSmall, accept};

/// The errors that are asked for.
const ERRORS: [f64; 4] = [0.01, 0.02, 0.05, 0.10];
/// How often they are to be kept.
const CERTAINTIES: [f64; 2] = [0.90, 0.95];
/// Sets beyond that are not advised: nobody labels them.
const MAX_NEEDED: usize = 1_000_000;
/// Shares of surest items that are looked at, at most.
const SIZES: usize = 200;

/// What came of one promise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PromiseRow {
    /// The promise.
    pub promise: Promise,
    /// The threshold that keeps it.
    pub threshold: Option<Threshold>,
    /// Why there is none.
    pub refusal: Option<TooSmall>,
    /// Where there is none: how many labelled items it would take at least, as far as these tell;
    /// `None` where more would not help, because the surest ones are wrong too often.
    pub needed: Option<usize>,
}

/// Tries each usual promise on the confidence of items and whether they were right. Items without a
/// confidence (none, or no number) are never accepted: they lessen the coverage, not the promise.
pub fn promises(items: &[(Option<f64>, bool)]) -> Vec<PromiseRow> {
    let known: Vec<(f64, bool)> = items
        .iter()
        .filter_map(|(confidence, right)| confidence.map(|confidence| (confidence, *right)))
        .filter(|(confidence, _)| confidence.is_finite())
        .collect();
    let all = ERRORS.iter().flat_map(|max_error| {
        CERTAINTIES.iter().map(|certainty| Promise { max_error: *max_error, certainty: *certainty })
    });
    all.map(|promise| row(&known, items.len(), promise)).collect()
}

fn row(known: &[(f64, bool)], all: usize, promise: Promise) -> PromiseRow {
    match accept(known, promise) {
        Ok(mut threshold) => {
            let accepted = known.iter().filter(|(sure, _)| *sure >= threshold.confidence).count();
            threshold.coverage = share(accepted, all).unwrap_or(threshold.coverage);
            PromiseRow { promise, threshold: Some(threshold), refusal: None, needed: None }
        }
        Err(refusal) => {
            let needed = needed(known, all, promise, refusal);
            PromiseRow { promise, threshold: None, refusal: Some(refusal), needed }
        }
    }
}

/// How many items would do: of each share of surest items, the size at which its rate of errors
/// would be sure to be small enough; the least of them all.
fn needed(known: &[(f64, bool)], all: usize, promise: Promise, refusal: TooSmall) -> Option<usize> {
    // So few items cannot tell that more would not help.
    let (least, otherwise) = match refusal {
        TooSmall::Set { needed, .. } => (needed, Some(needed)),
        TooSmall::Margin { .. } => (all + 1, None),
        TooSmall::Promise => return None,
    };
    let mut sorted = known.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let known = sorted.len();
    // As many sizes as can be told apart.
    let step = (known / SIZES).max(5);
    let mut best: Option<usize> = None;
    let mut wrong = 0;
    for (at, (_, right)) in sorted.iter().enumerate() {
        wrong += usize::from(!right);
        let accepted = at + 1;
        // A handful says nothing about a rate, unless there is no more than a handful.
        let is_told = accepted >= 20 || accepted == known;
        if !is_told || !(accepted.is_multiple_of(step) || accepted == known) {
            continue;
        }
        let rate = wrong as f64 / accepted as f64;
        if let Some(size) = size_for(rate, promise) {
            let total = (size as f64 * all as f64 / accepted as f64).ceil() as usize;
            best = Some(best.map_or(total, |best| best.min(total)));
        }
    }
    best.map(|best| best.max(least)).filter(|best| *best <= MAX_NEEDED).or(otherwise)
}

/// The least number of accepted items with that rate of errors that keeps the promise, by doubling
/// and then halving.
fn size_for(rate: f64, promise: Promise) -> Option<usize> {
    if rate >= promise.max_error {
        return None;
    }
    let tail = (1.0 - promise.certainty) / super::threshold::TESTS as f64;
    let keeps = |size: usize| {
        let errors = (rate * size as f64).ceil() as usize;
        upper(errors, size, tail).is_some_and(|bound| bound <= promise.max_error)
    };
    let mut high = 1;
    while !keeps(high) {
        high *= 2;
        if high > MAX_NEEDED {
            return None;
        }
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low.midpoint(high);
        if keeps(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::promises;
    use crate::pilot::TooSmall;

    #[test]
    fn what_cannot_be_promised_says_how_many_items_it_takes() {
        let rows = promises(&vec![(Some(0.9), true); 100]);
        assert_eq!(rows.len(), 8);
        let of = |error: f64, certainty: f64| {
            *rows
                .iter()
                .find(|row| row.promise.max_error == error && row.promise.certainty == certainty)
                .unwrap()
        };
        let kept = of(0.05, 0.95).threshold.unwrap();
        assert_eq!((kept.confidence, kept.coverage.share, kept.errors), (0.9, 1.0, 0));
        let refused = of(0.01, 0.95);
        assert_eq!(refused.refusal, Some(TooSmall::Set { have: 100, needed: 408 }));
        assert_eq!(refused.needed, Some(408));
        // Twice the items are needed where only the surer half is right.
        let half: Vec<(Option<f64>, bool)> =
            (0..200).map(|at| (Some(f64::from(200 - at)), at < 100)).collect();
        let needed = promises(&half)[1].needed.unwrap();
        assert!((816..900).contains(&needed), "{needed}");
    }

    #[test]
    fn more_items_do_not_help_where_the_surest_are_wrong() {
        let coin: Vec<(Option<f64>, bool)> =
            (0..500).map(|at| (Some(f64::from(at)), at % 2 == 0)).collect();
        for row in promises(&coin) {
            assert_eq!((row.threshold, row.needed), (None, None));
            assert!(row.refusal.is_some());
        }
        let none = promises(&[]);
        assert!(none.iter().all(|row| row.threshold.is_none() && row.needed.is_some()));
    }

    #[test]
    fn an_unknown_confidence_is_no_threshold() {
        for unknown in [None, Some(f64::NAN), Some(f64::NEG_INFINITY)] {
            let rows = promises(&vec![(unknown, false); 300]);
            assert!(rows.iter().all(|row| row.threshold.is_none()));
        }
        let mut half = vec![(Some(0.9), true); 1_000];
        half.extend(vec![(None, false); 1_000]);
        let kept = promises(&half)[0].threshold.unwrap();
        assert_eq!((kept.confidence, kept.coverage.share, kept.coverage.of), (0.9, 0.5, 2_000));
    }
}
