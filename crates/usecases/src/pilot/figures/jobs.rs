//! Makes the figures that each job has of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::extraction::{ExtractionFigures, extraction};
use crate::pilot::Job;
use crate::pilot::classification::{Classification, Labelled};
use crate::pilot::interval::{Interval, share};
use crate::pilot::judge::same;
use crate::pilot::ranking::{auroc, ndcg, recall, reciprocal_rank, refused_at};
use crate::pilot::run::{ChatDetails, Details, ItemResult, Run, SearchDetails, TriageDetails};

/// What was given where there was no label.
pub(in crate::pilot) const NONE: &str = "∅";

/// Figures of the job of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum JobFigures {
    /// Of the search.
    Search(SearchFigures),
    /// Of the chatbot.
    Chat(ChatFigures),
    /// Of triage.
    Triage(TriageFigures),
    /// Of extraction.
    Extraction(ExtractionFigures),
}

/// What a search is worth. Means over the items that something answers; `None` where there are none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchFigures {
    /// Items that something answers.
    pub answerable: usize,
    /// Items that nothing answers.
    pub unanswerable: usize,
    /// Share of items of which a relevant document is first, among the first five, the first ten.
    pub found_at: [Option<Interval>; 3],
    /// Mean share of the relevant documents among the first one, five, ten.
    pub recall_at: [Option<f64>; 3],
    /// Mean of one divided by the place of the first relevant document.
    pub mrr: Option<f64>,
    /// Mean discounted gain of the first ten.
    pub ndcg: Option<f64>,
    /// The chance that an item that something answers is surer than one that nothing answers.
    pub auroc: Option<f64>,
    /// Share of what nothing answers that is refused where nine of ten others are kept.
    pub refused_at_90: Option<f64>,
}

/// What a chatbot is worth; shares are `None` of no items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatFigures {
    /// Items that the documents answer.
    pub answerable: usize,
    /// Items that they do not.
    pub unanswerable: usize,
    /// Of the answerable, those that were answered at all.
    pub answered: Option<Interval>,
    /// Of the answered, those with every fact and nothing forbidden.
    pub right_of_answered: Option<Interval>,
    /// Of the answered, those with some of the facts.
    pub partly_of_answered: Option<Interval>,
    /// Of the facts of answered items, those that were found.
    pub facts: Option<Interval>,
    /// Of the unanswerable, those that were handed over.
    pub handed_over: Option<Interval>,
    /// Answers with something that they should not have.
    pub forbidden: usize,
}

/// What triage is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriageFigures {
    /// By field.
    pub fields: BTreeMap<String, Classification>,
    /// Fields whose labels came without a confidence: their calibration error says nothing.
    pub without_confidence: BTreeSet<String>,
    /// Items that a person would want to look at first.
    pub ambiguous: usize,
    /// Of those, the ones that were handed over.
    pub ambiguous_handed_over: Option<Interval>,
    /// Of the others, those of which every label is right, handed over or not.
    pub clear_right: Option<Interval>,
    /// Alerts that were to be given, and were not.
    pub alerts_missed: usize,
    /// Alerts that were to be given.
    pub alerts: usize,
}

impl JobFigures {
    /// Computes those of the run's job. Failed items count in no mean.
    pub fn of(run: &Run) -> Self {
        match run.meta.job {
            Job::Search => Self::Search(search(&run.items)),
            Job::Chat => Self::Chat(chat(&run.items)),
            Job::Triage => Self::Triage(triage(&run.items)),
            Job::Extraction => Self::Extraction(extraction(&run.items)),
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The found names as the relevant ones are written, so that case does not count, each once.
pub(in crate::pilot) fn aligned(details: &SearchDetails) -> Vec<String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut aligned = Vec::new();
    for found in &details.found {
        let name = details.relevant.iter().find(|known| same(known, found)).unwrap_or(found);
        if !seen.contains(&name.as_str()) {
            seen.push(name);
            aligned.push(name.clone());
        }
        // Nothing looks further.
        if aligned.len() == 100 {
            break;
        }
    }
    aligned
}

/// A figure of what was found, against what is relevant.
type OfOrder<'a> = &'a dyn Fn(&[String], &[String]) -> Option<f64>;

fn search(items: &[ItemResult]) -> SearchFigures {
    let all: Vec<(&ItemResult, &SearchDetails)> = items
        .iter()
        .filter_map(|item| match &item.details {
            Details::Search(details) => Some((item, details)),
            Details::Chat(_) | Details::Triage(_) | Details::Extraction(_) => None,
            Details::Failed { .. } => None,
        })
        .collect();
    let (answerable, unanswerable): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, details)| !details.relevant.is_empty());
    let orders: Vec<(Vec<String>, &Vec<String>)> =
        answerable.iter().map(|(_, details)| (aligned(details), &details.relevant)).collect();
    let over = |figure: OfOrder<'_>| {
        let values: Vec<f64> =
            orders.iter().filter_map(|(found, relevant)| figure(found, relevant)).collect();
        mean(&values)
    };
    let found_at = [1, 5, 10].map(|first| {
        let is_hit = |order: &&(Vec<String>, &Vec<String>)| {
            order.0.iter().take(first).any(|name| order.1.contains(name))
        };
        share(orders.iter().filter(is_hit).count(), orders.len())
    });
    // What found nothing is as unsure as can be.
    let sure = |items: &[(&ItemResult, &SearchDetails)]| -> Vec<f64> {
        items.iter().map(|(item, _)| item.confidence.unwrap_or(f64::NEG_INFINITY)).collect()
    };
    let (yes, no) = (sure(&answerable), sure(&unanswerable));
    let has_confidence = yes.iter().chain(&no).any(|sure| sure.is_finite());
    SearchFigures {
        answerable: answerable.len(),
        unanswerable: unanswerable.len(),
        found_at,
        recall_at: [1, 5, 10].map(|first| over(&|found, known| recall(found, known, first))),
        mrr: over(&reciprocal_rank),
        ndcg: over(&|found, relevant| Some(ndcg(found, relevant))),
        auroc: if has_confidence { auroc(&yes, &no) } else { None },
        refused_at_90: if has_confidence { refused_at(&yes, &no, 0.9) } else { None },
    }
}

fn chat(items: &[ItemResult]) -> ChatFigures {
    let all: Vec<(&ItemResult, &ChatDetails)> = items
        .iter()
        .filter_map(|item| match &item.details {
            Details::Chat(details) => Some((item, details)),
            Details::Search(_) | Details::Triage(_) | Details::Extraction(_) => None,
            Details::Failed { .. } => None,
        })
        .collect();
    let (answerable, unanswerable): (Vec<_>, Vec<_>) =
        all.iter().partition(|(_, details)| details.answerable);
    let answered: Vec<_> = answerable.iter().filter(|(item, _)| !item.handed_over).collect();
    let is_right = |item: &ItemResult| item.proposal_right == Some(true);
    let facts = answered.iter().flat_map(|(_, details)| &details.parts);
    ChatFigures {
        answerable: answerable.len(),
        unanswerable: unanswerable.len(),
        answered: share(answered.len(), answerable.len()),
        right_of_answered: share(
            answered.iter().filter(|(item, _)| is_right(item)).count(),
            answered.len(),
        ),
        partly_of_answered: share(
            answered.iter().filter(|(_, details)| details.partly).count(),
            answered.len(),
        ),
        facts: share(facts.clone().filter(|part| part.found).count(), facts.count()),
        handed_over: share(
            unanswerable.iter().filter(|(item, _)| item.handed_over).count(),
            unanswerable.len(),
        ),
        forbidden: all
            .iter()
            .filter(|(item, details)| !item.handed_over && !details.forbidden.is_empty())
            .count(),
    }
}

fn triage(items: &[ItemResult]) -> TriageFigures {
    let all: Vec<(&ItemResult, &TriageDetails)> = items
        .iter()
        .filter_map(|item| match &item.details {
            Details::Triage(details) => Some((item, details)),
            Details::Search(_) | Details::Chat(_) | Details::Extraction(_) => None,
            Details::Failed { .. } => None,
        })
        .collect();
    let mut fields: BTreeMap<String, Vec<Labelled>> = BTreeMap::new();
    let mut sure: BTreeSet<String> = BTreeSet::new();
    let (mut alerts, mut alerts_missed) = (0, 0);
    for (name, label) in all.iter().flat_map(|(_, details)| &details.labels) {
        if label.confidence.is_some() {
            sure.insert(name.clone());
        }
        fields.entry(name.clone()).or_default().push(Labelled {
            expected: label.expected.clone(),
            given: label.given.clone().unwrap_or_else(|| NONE.to_owned()),
            confidence: label.confidence.unwrap_or(0.0),
        });
        if name == "alert" && label.expected == "true" {
            alerts += 1;
            alerts_missed += usize::from(label.given.as_deref() != Some("true"));
        }
    }
    let (ambiguous, clear): (Vec<_>, Vec<_>) =
        all.iter().partition(|(_, details)| details.ambiguous);
    let right = |items: &[(&ItemResult, &TriageDetails)]| {
        items.iter().filter(|(item, _)| item.proposal_right == Some(true)).count()
    };
    TriageFigures {
        fields: fields.iter().map(|(name, all)| (name.clone(), Classification::of(all))).collect(),
        without_confidence: fields.into_keys().filter(|name| !sure.contains(name)).collect(),
        ambiguous: ambiguous.len(),
        ambiguous_handed_over: share(
            ambiguous.iter().filter(|(item, _)| item.handed_over).count(),
            ambiguous.len(),
        ),
        clear_right: share(right(&clear), clear.len()),
        alerts_missed,
        alerts,
    }
}
