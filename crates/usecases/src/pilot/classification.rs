//! Computes what labels are worth: accuracy, F1, confusion, calibration.

use std::collections::BTreeMap;

use serde::Serialize;

use super::interval::{Interval, share};

/// Bands of confidence that calibration is judged in.
const BANDS: usize = 10;

/// One item: what is right, and what was given how surely.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Labelled {
    /// The right label.
    pub expected: String,
    /// The label that was given.
    pub given: String,
    /// How sure it was, 0 to 1.
    pub confidence: f64,
}

impl Labelled {
    /// Whether the label is right.
    pub fn is_right(&self) -> bool {
        self.expected == self.given
    }
}

/// What the labels of a run are worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// Share of right labels; `None` of no items.
    pub accuracy: Option<Interval>,
    /// The mean of the F1 of the labels that items have, or were given.
    pub macro_f1: f64,
    /// By how much, on average, confidence is off the share of right labels in its band.
    pub calibration_error: f64,
    /// Each label.
    pub classes: BTreeMap<String, Class>,
    /// How many items of the first label were given the second.
    pub confusion: BTreeMap<String, BTreeMap<String, usize>>,
}

/// What is known of one label.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Class {
    /// Items that have it.
    pub support: usize,
    /// Items that were given it.
    pub given: usize,
    /// Both.
    pub right: usize,
    /// Share of those given it that have it; 0 where there are none.
    pub precision: f64,
    /// Share of those that have it that were given it; 0 where there are none.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
}

impl Classification {
    /// Computes it all.
    pub fn of(items: &[Labelled]) -> Self {
        let mut classes: BTreeMap<String, Class> = BTreeMap::new();
        let mut confusion: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for item in items {
            classes.entry(item.expected.clone()).or_default().support += 1;
            let given = classes.entry(item.given.clone()).or_default();
            given.given += 1;
            given.right += usize::from(item.is_right());
            let row = confusion.entry(item.expected.clone()).or_default();
            *row.entry(item.given.clone()).or_default() += 1;
        }
        for class in classes.values_mut() {
            class.precision = ratio(class.right, class.given);
            class.recall = ratio(class.right, class.support);
            class.f1 = ratio(2 * class.right, class.given + class.support);
        }
        let sum: f64 = classes.values().map(|class| class.f1).sum();
        let off = |band: &Band| (band.confidence - band.right.share).abs() * band.right.of as f64;
        Self {
            accuracy: share(items.iter().filter(|item| item.is_right()).count(), items.len()),
            macro_f1: sum / classes.len().max(1) as f64,
            calibration_error: reliability(items).iter().map(off).sum::<f64>()
                / items.len().max(1) as f64,
            classes,
            confusion,
        }
    }
}

fn ratio(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

/// Items of about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is right.
    pub right: Interval,
}

/// The items by tenths of confidence, least sure first; tenths without items are left out.
///
/// Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2.
pub fn reliability(items: &[Labelled]) -> Vec<Band> {
    let mut bands: Vec<Vec<&Labelled>> = vec![Vec::new(); BANDS];
    for item in items {
        let at = (item.confidence.clamp(0.0, 1.0) * BANDS as f64) as usize;
        if let Some(band) = bands.get_mut(at.min(BANDS - 1)) {
            band.push(item);
        }
    }
    let figures = |band: Vec<&Labelled>| {
        let right = band.iter().filter(|item| item.is_right()).count();
        let sum: f64 = band.iter().map(|item| item.confidence).sum();
        Some(Band { confidence: sum / band.len() as f64, right: share(right, band.len())? })
    };
    bands.into_iter().filter_map(figures).collect()
}

/// The largest share of items, most confident first, of whose labels at least `precision` are right.
/// What a threshold would have given on the very items it is read from: good to compare two runs by,
/// no promise for others ([`accept`](super::accept) gives one).
pub fn coverage_at(items: &[Labelled], precision: f64) -> f64 {
    let mut sorted: Vec<&Labelled> = items.iter().collect();
    sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut right = 0;
    let mut covered = 0;
    for (at, item) in sorted.iter().enumerate() {
        right += usize::from(item.is_right());
        // Items of one confidence are accepted together.
        let next = sorted.get(at + 1).map(|next| next.confidence);
        if next != Some(item.confidence) && right as f64 >= precision * (at + 1) as f64 {
            covered = at + 1;
        }
    }
    ratio(covered, items.len())
}

#[cfg(test)]
mod tests {
    use super::{Classification, Labelled, coverage_at, reliability};

    fn items(all: &[(&str, &str, f64)]) -> Vec<Labelled> {
        let item = |(expected, given, confidence): &(&str, &str, f64)| Labelled {
            expected: (*expected).to_owned(),
            given: (*given).to_owned(),
            confidence: *confidence,
        };
        all.iter().map(item).collect()
    }

    #[test]
    fn figures_are_those_of_the_confusion() {
        let all = items(&[("a", "a", 0.9), ("a", "b", 0.9), ("b", "b", 0.3), ("c", "c", 0.3)]);
        let found = Classification::of(&all);
        let a = found.classes["a"];
        assert_eq!((a.support, a.given, a.right), (2, 1, 1));
        assert!((a.precision - 1.0).abs() < 1e-9 && (a.recall - 0.5).abs() < 1e-9);
        assert!((a.f1 - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(found.confusion["a"]["b"], 1);
        assert!((found.macro_f1 - (2.0 / 3.0 + 2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-9);
        // 0.9 said, half right; 0.3 said, all right.
        assert!((found.calibration_error - (0.4 + 0.7) / 2.0).abs() < 1e-9);
        assert_eq!(reliability(&all).len(), 2);
        assert_eq!(Classification::of(&[]).accuracy, None);
    }

    #[test]
    fn coverage_counts_items_of_one_confidence_together() {
        let all = items(&[("a", "a", 0.9), ("a", "a", 0.8), ("a", "b", 0.8), ("a", "b", 0.1)]);
        assert!((coverage_at(&all, 0.95) - 0.25).abs() < 1e-9);
        assert!((coverage_at(&all, 0.6) - 0.75).abs() < 1e-9);
        assert!((coverage_at(&all, 0.5) - 1.0).abs() < 1e-9);
        assert!(coverage_at(&[], 0.5).abs() < 1e-9);
    }
}
