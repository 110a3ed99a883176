//! Makes the figures of extraction: by field, together, and of whole documents.

use std::collections::BTreeMap;

use serde::Serialize;

use super::jobs::NONE;
use crate::pilot::classification::{Classification, Labelled};
use crate::pilot::interval::{Interval, share};
use crate::pilot::run::{Details, ExtractionDetails, FieldMatch, ItemResult};

/// What is known of one field of documents, over all its values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct FieldFigures {
    /// Values that the documents have.
    pub support: usize,
    /// Values that were given.
    pub given: usize,
    /// Both, and the same.
    pub right: usize,
    /// Values that were given where there is none.
    pub invented: usize,
    /// Wrong values that a person was asked to look at.
    pub wrong_flagged: usize,
    /// Wrong values.
    pub wrong: usize,
    /// Share of those given that are right; 0 where there are none.
    pub precision: f64,
    /// Share of those that the documents have that were given rightly; 0 where there are none.
    pub recall: f64,
    /// Their harmonic mean; of a field that no document has, and none was given, 1.
    pub f1: f64,
}

/// What extraction is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExtractionFigures {
    /// By field; the places in lists do not count.
    pub fields: BTreeMap<String, FieldFigures>,
    /// Of all values together.
    pub micro: FieldFigures,
    /// The mean of the fields' F1; 0 of no fields.
    pub macro_f1: f64,
    /// Documents of which every value is right, handed over or not.
    pub documents_right: Option<Interval>,
    /// Kinds of documents, where they are labelled.
    pub types: Option<Classification>,
}

/// The name of a value without its places in lists.
fn field_of(name: &str) -> String {
    let mut field = String::with_capacity(name.len());
    let mut is_place = false;
    for c in name.chars() {
        match c {
            '[' => is_place = true,
            ']' => is_place = false,
            c if !is_place => field.push(c),
            _ => {}
        }
    }
    field
}

/// Computes them of the items that did not fail.
pub(super) fn extraction(items: &[ItemResult]) -> ExtractionFigures {
    let all: Vec<(&ItemResult, &ExtractionDetails)> = items
        .iter()
        .filter_map(|item| match &item.details {
            Details::Extraction(details) => Some((item, details)),
            Details::Search(_) | Details::Chat(_) | Details::Triage(_) => None,
            Details::Failed { .. } => None,
        })
        .collect();
    let mut fields: BTreeMap<String, FieldFigures> = BTreeMap::new();
    let mut micro = FieldFigures::default();
    for field in all.iter().flat_map(|(_, details)| &details.fields) {
        let name = field_of(&field.name);
        for figures in [fields.entry(name).or_default(), &mut micro] {
            figures.count(field.outcome, field.flagged);
        }
    }
    for figures in fields.values_mut().chain([&mut micro]) {
        figures.finish();
    }
    let types: Vec<Labelled> = all
        .iter()
        .filter_map(|(_, details)| details.document_type.as_ref())
        .map(|label| Labelled {
            expected: label.expected.clone(),
            given: label.given.clone().unwrap_or_else(|| NONE.to_owned()),
            confidence: label.confidence.unwrap_or(0.0),
        })
        .collect();
    let sum: f64 = fields.values().map(|figures| figures.f1).sum();
    ExtractionFigures {
        macro_f1: sum / fields.len().max(1) as f64,
        fields,
        micro,
        documents_right: share(
            all.iter().filter(|(item, _)| item.proposal_right == Some(true)).count(),
            all.len(),
        ),
        types: (!types.is_empty()).then(|| Classification::of(&types)),
    }
}

impl FieldFigures {
    fn count(&mut self, outcome: FieldMatch, flagged: bool) {
        let (support, given) = match outcome {
            FieldMatch::Right | FieldMatch::Different => (1, 1),
            FieldMatch::RightlyEmpty => (0, 0),
            FieldMatch::Missing => (1, 0),
            FieldMatch::Invented => (0, 1),
        };
        self.support += support;
        self.given += given;
        self.right += usize::from(outcome == FieldMatch::Right);
        self.invented += usize::from(outcome == FieldMatch::Invented);
        self.wrong += usize::from(!outcome.is_right());
        self.wrong_flagged += usize::from(!outcome.is_right() && flagged);
    }

    fn finish(&mut self) {
        let ratio = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        self.precision = ratio(self.right, self.given);
        self.recall = ratio(self.right, self.support);
        let both = self.given + self.support;
        self.f1 = if both == 0 { 1.0 } else { ratio(2 * self.right, both) };
    }
}
