//! Makes the figures that an engineer looks for: those of the job, and what its confidence is worth.

use serde::Serialize;

use super::jobs::JobFigures;
use crate::pilot::classification::{Band, Labelled, coverage_at, reliability};
use crate::pilot::promise::{PromiseRow, promises};
use crate::pilot::ranking::auroc;
use crate::pilot::run::{Details, ItemResult, Run};

/// Points of a curve that are kept: more cannot be seen.
const MAX_POINTS: usize = 200;
/// The precisions at which coverage is told.
pub(in crate::pilot) const PRECISIONS: [f64; 4] = [0.90, 0.95, 0.98, 0.99];

/// What an engineer looks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineerFigures {
    /// Of the job.
    pub job: JobFigures,
    /// What its confidence is worth; `None` where no item has one.
    pub sureness: Option<Sureness>,
    /// What can be promised at which threshold.
    pub promises: Vec<PromiseRow>,
}

/// What the confidence of proposals is worth. Items without a proposal or a confidence are not in it,
/// but in shares of all items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sureness {
    /// Items with a proposal and a confidence.
    pub items: usize,
    /// By how much confidence is off the share of right proposals, on average over tenths.
    pub calibration_error: f64,
    /// The tenths of confidence.
    pub bands: Vec<Band>,
    /// The chance that a right proposal is surer than a wrong one; `None` where all are right, or
    /// none.
    pub auroc: Option<f64>,
    /// The largest share of these items at which so many of 100 are right, read from these items.
    pub coverage: Vec<(f64, f64)>,
    /// What thresholds would accept, the highest first.
    pub curve: Vec<Point>,
}

/// What a threshold would accept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Proposals at least as sure are accepted.
    pub threshold: f64,
    /// Share of all items of the run that is accepted.
    pub coverage: f64,
    /// Share of those that is right.
    pub precision: f64,
}

impl EngineerFigures {
    /// Computes them.
    pub fn of(run: &Run) -> Self {
        Self {
            job: JobFigures::of(run),
            sureness: Sureness::of(&run.items),
            promises: promises(&proposals(&run.items, None)),
        }
    }
}

/// The confidence of each item and whether what was proposed is right, to find thresholds with
/// ([`promises`]): of whole items, or of one field of messages where `field` names it. An item without a
/// proposal has no confidence; one whose right label of that field is not known is left out.
pub fn proposals(items: &[ItemResult], field: Option<&str>) -> Vec<(Option<f64>, bool)> {
    let whole = |item: &ItemResult| match item.proposal_right {
        Some(right) => (item.confidence, right),
        None => (None, false),
    };
    let Some(field) = field else { return items.iter().map(whole).collect() };
    let of_field = |item: &ItemResult| match &item.details {
        Details::Triage(details) => details.labels.get(field).map(|label| match &label.given {
            Some(given) => (label.confidence, *given == label.expected),
            None => (None, false),
        }),
        Details::Failed { .. } => Some((None, false)),
        Details::Search(_) | Details::Chat(_) | Details::Extraction(_) => None,
    };
    items.iter().filter_map(of_field).collect()
}

impl Sureness {
    /// Computes it; `None` where no item has a proposal with a confidence.
    pub fn of(items: &[ItemResult]) -> Option<Self> {
        let known: Vec<(f64, bool)> =
            items.iter().filter_map(|item| item.confidence.zip(item.proposal_right)).collect();
        if known.is_empty() {
            return None;
        }
        let labelled: Vec<Labelled> = known
            .iter()
            .map(|(confidence, right)| Labelled {
                expected: "right".to_owned(),
                given: if *right { "right" } else { "wrong" }.to_owned(),
                confidence: *confidence,
            })
            .collect();
        let bands = reliability(&labelled);
        let off = |band: &Band| (band.confidence - band.right.share).abs() * band.right.of as f64;
        let of = |wanted: bool| -> Vec<f64> {
            known.iter().filter(|(_, right)| *right == wanted).map(|(sure, _)| *sure).collect()
        };
        Some(Self {
            items: known.len(),
            calibration_error: bands.iter().map(off).sum::<f64>() / known.len() as f64,
            bands,
            auroc: auroc(&of(true), &of(false)),
            coverage: PRECISIONS.map(|least| (least, coverage_at(&labelled, least))).to_vec(),
            curve: curve(known, items.len()),
        })
    }
}

/// What each threshold would accept of `all` items, thinned out to [`MAX_POINTS`].
fn curve(mut known: Vec<(f64, bool)>, all: usize) -> Vec<Point> {
    known.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut points: Vec<Point> = Vec::new();
    let mut right = 0;
    for (at, (threshold, is_right)) in known.iter().enumerate() {
        right += usize::from(*is_right);
        // Items of one confidence are accepted together.
        if known.get(at + 1).is_some_and(|next| next.0 == *threshold) {
            continue;
        }
        points.push(Point {
            threshold: *threshold,
            coverage: (at + 1) as f64 / all as f64,
            precision: right as f64 / (at + 1) as f64,
        });
    }
    let step = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    points
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at % step == 0 || *at == last)
        .map(|(_, point)| point)
        .collect()
}
