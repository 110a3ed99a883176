//! Compares two runs of the same set, item by item.
//!
//! Items are hard or easy for both runs alike, so differences are taken per item and drawn anew
//! together (paired bootstrap): that tells smaller differences than two shares with their intervals
//! do. What is told as better or worse is what chance alone would hardly give, by the bootstrap and,
//! of shares, by the exact test of the items that changed; the verdict looks at three shares at once
//! and asks for more of each. Everything else is said to be untold, whatever the shares look like.

use std::collections::HashMap;

use serde::Serialize;

use super::compare::{Difference, paired, uneven};
use super::figures::aligned;
use super::run::{Details, ItemResult, Outcome, Run};

/// What chance gives less often than this is told as a difference: one of twenty, divided by the three
/// shares that the verdict looks at, because each of them may be told by chance.
const LEVEL: f64 = 0.05 / 3.0;
/// Below so many items the bootstrap tells nothing: its draws are too alike.
const FEW: usize = 20;

/// Why two runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// They are of different jobs.
    #[error("the runs are of {before} and of {after}: compare two runs of one job")]
    Job {
        /// The first run's.
        before: &'static str,
        /// The second run's.
        after: &'static str,
    },
    /// They are of different sets, or of a set that was changed between them.
    #[error("the runs are of different sets, or of different versions of one: run both on one set")]
    Set,
    /// No item is in both.
    #[error("the runs have no item in common: wait until both are done")]
    Nothing,
}

/// A figure that runs differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Share of right items.
    Right,
    /// Share of items that were handed over though the server could have done them.
    HandedOver,
    /// Share of wrong items.
    Wrong,
    /// Share of failed items.
    Failed,
    /// Of each item the part that is right: facts, labels, fields, or the gain of the order.
    Quality,
    /// Seconds an item.
    Seconds,
}

impl Measure {
    /// Every figure, in the order of reports.
    pub const ALL: [Measure; 6] = [
        Measure::Right,
        Measure::HandedOver,
        Measure::Wrong,
        Measure::Failed,
        Measure::Quality,
        Measure::Seconds,
    ];

    /// How often chance alone gives the difference of the items' values.
    fn chance(self, before: &[f64], after: &[f64], difference: &Difference) -> f64 {
        match self {
            Measure::Right | Measure::HandedOver | Measure::Wrong | Measure::Failed => {
                let pairs = || before.iter().zip(after);
                let gains = pairs().filter(|(before, after)| after > before).count();
                let losses = pairs().filter(|(before, after)| after < before).count();
                difference.p.max(uneven(gains, losses))
            }
            Measure::Quality | Measure::Seconds if before.len() < FEW => 1.0,
            Measure::Quality | Measure::Seconds => difference.p,
        }
    }

    /// What it is of one item; `None` where it has none.
    fn of(self, item: &ItemResult) -> Option<f64> {
        let share = |wanted| Some(f64::from(u8::from(item.outcome == wanted)));
        match self {
            Measure::Right => share(Outcome::Right),
            Measure::HandedOver => share(Outcome::HandedOver),
            Measure::Wrong => share(Outcome::Wrong),
            Measure::Failed => share(Outcome::Failed),
            Measure::Quality => quality(item),
            Measure::Seconds => Some(item.latency_ms as f64 / 1_000.0),
        }
    }
}

/// How one figure changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// Which figure.
    pub measure: Measure,
    /// The first run's, over the items of both.
    pub before: f64,
    /// The second run's.
    pub after: f64,
    /// The difference, with what it may be by chance.
    pub difference: Difference,
    /// How often chance alone gives it: the larger of what the bootstrap says and, of shares, what
    /// the exact test of the items that changed says; 1 of fewer than 20 items that are no shares.
    pub p: f64,
}

impl Change {
    /// Whether chance alone would hardly give it.
    pub fn is_told(&self) -> bool {
        self.p < LEVEL
    }
}

/// An item of which one run made something right and the other did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Turned {
    /// Which.
    pub id: String,
    /// How it went in the first run.
    pub before: Outcome,
    /// How it went in the second.
    pub after: Outcome,
}

/// What can be said of the second run against the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// More right and not more wrong, or fewer wrong and not fewer right.
    Better,
    /// The other way round.
    Worse,
    /// More right and more wrong, or fewer of both: it does more, or less, by itself.
    Traded,
    /// Both gave the same outcome for every item.
    Same,
    /// What differs may be chance.
    Untold,
}

/// Two runs beside one another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Items that both have.
    pub items: usize,
    /// Items that only one of them has.
    pub left_out: usize,
    /// What can be said.
    pub verdict: Verdict,
    /// Every figure.
    pub changes: Vec<Change>,
    /// Items that became right.
    pub became_right: Vec<Turned>,
    /// Items that were right and are not any more.
    pub no_longer_right: Vec<Turned>,
}

impl Comparison {
    /// Compares `after` with `before`, over the items that both have.
    ///
    /// # Errors
    /// [`ComparisonError`] where the two are not of one set.
    pub fn of(before: &Run, after: &Run) -> Result<Self, ComparisonError> {
        if before.meta.job != after.meta.job {
            let (before, after) = (before.meta.job.as_str(), after.meta.job.as_str());
            return Err(ComparisonError::Job { before, after });
        }
        if before.meta.set.sha256 != after.meta.set.sha256 {
            return Err(ComparisonError::Set);
        }
        let later: HashMap<&str, &ItemResult> =
            after.items.iter().map(|item| (item.id.as_str(), item)).collect();
        let pairs: Vec<(&ItemResult, &ItemResult)> = before
            .items
            .iter()
            .filter_map(|item| Some((item, *later.get(item.id.as_str())?)))
            .collect();
        if pairs.is_empty() {
            return Err(ComparisonError::Nothing);
        }
        let changes = changes(&pairs);
        let turned = |is: &dyn Fn(bool, bool) -> bool| -> Vec<Turned> {
            let right = |item: &ItemResult| item.outcome == Outcome::Right;
            pairs
                .iter()
                .filter(|(before, after)| is(right(before), right(after)))
                .map(|(before, after)| Turned {
                    id: before.id.clone(),
                    before: before.outcome,
                    after: after.outcome,
                })
                .collect()
        };
        let is_same = pairs.iter().all(|(before, after)| before.outcome == after.outcome);
        Ok(Self {
            items: pairs.len(),
            left_out: before.items.len() + after.items.len() - 2 * pairs.len(),
            verdict: if is_same { Verdict::Same } else { verdict(&changes) },
            changes,
            became_right: turned(&|before, after| !before && after),
            no_longer_right: turned(&|before, after| before && !after),
        })
    }

    /// One of the figures.
    pub fn change(&self, measure: Measure) -> Option<&Change> {
        self.changes.iter().find(|change| change.measure == measure)
    }
}

fn changes(pairs: &[(&ItemResult, &ItemResult)]) -> Vec<Change> {
    Measure::ALL
        .iter()
        .filter_map(|measure| {
            let (before, after): (Vec<f64>, Vec<f64>) = pairs
                .iter()
                .filter_map(|(before, after)| measure.of(before).zip(measure.of(after)))
                .unzip();
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let difference = paired(&before, &after)?;
            let p = measure.chance(&before, &after, &difference);
            let (before, after) = (mean(&before), mean(&after));
            Some(Change { measure: *measure, before, after, difference, p })
        })
        .collect()
}

/// The part of an item that is right, 0 to 1; `None` where it has no parts. A failed item has none.
fn quality(item: &ItemResult) -> Option<f64> {
    let part = |right: usize, of: usize| (of > 0).then(|| right as f64 / of as f64);
    match &item.details {
        Details::Search(details) => (!details.relevant.is_empty())
            .then(|| super::ndcg(&aligned(details), &details.relevant)),
        Details::Chat(details) => {
            let found = details.parts.iter().filter(|part| part.found).count();
            let withheld = item.handed_over || !details.forbidden.is_empty();
            part(if withheld { 0 } else { found }, details.parts.len())
        }
        Details::Triage(details) => {
            let labels = details.labels.values();
            let right = labels.filter(|label| label.given.as_ref() == Some(&label.expected));
            part(right.count(), details.labels.len())
        }
        Details::Extraction(details) => {
            let right = details.fields.iter().filter(|field| field.outcome.is_right()).count();
            part(right, details.fields.len())
        }
        // It is left out of the mean: whether it has parts is not known.
        Details::Failed { .. } => None,
    }
}

/// Better is what gains without losing; a gain that costs errors is for a person to weigh.
fn verdict(changes: &[Change]) -> Verdict {
    let sign = |measure: Measure| {
        changes
            .iter()
            .find(|change| change.measure == measure && change.is_told())
            .map_or(0.0, |change| change.difference.mean.signum())
    };
    // Failures are errors of another kind.
    let (right, wrong) = (sign(Measure::Right), sign(Measure::Wrong));
    let failed = sign(Measure::Failed);
    let is_worse = wrong > 0.0 || failed > 0.0;
    let is_better = wrong < 0.0 || failed < 0.0;
    match (right > 0.0 || is_better, right < 0.0 || is_worse) {
        (true, false) => Verdict::Better,
        (false, true) => Verdict::Worse,
        (true, true) => Verdict::Traded,
        (false, false) => Verdict::Untold,
    }
}

#[cfg(test)]
mod tests;
