//! Computes what a ranking is worth.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::set::Question;

/// The words of the labelled passage that what is shown must have.
const PASSAGE_COVERAGE: f64 = 0.8;

/// What one question gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) id: String,
    pub(super) style: Option<String>,
    /// Names of the documents, each once, best first.
    pub(super) documents: Vec<String>,
    /// Place of the first document that answers, from 1; `None` when none was found.
    pub(super) rank: Option<usize>,
    /// Normalised discounted cumulative gain of the first ten.
    pub(super) ndcg: f64,
    /// Whether the highlighted sentences of the best document, which the labelled passage is of,
    /// have that passage; `None` without label, or when it is not among the first ten.
    pub(super) highlighted: Option<bool>,
    /// The same for the whole passages that are shown.
    pub(super) shown: Option<bool>,
    /// What the best hit is worth; refusals go by it.
    pub(super) relevance: f64,
    /// Time of the search.
    pub(super) milliseconds: f64,
}

/// A hit as it is measured.
pub(super) struct Found {
    pub(super) document: String,
    pub(super) text: String,
    pub(super) highlights: String,
    pub(super) relevance: f64,
}

impl Found {
    /// A hit of the server's answer, of the document called `name`.
    pub(super) fn new(hit: &Value, name: String) -> Self {
        let text = |value: &Value| value["text"].as_str().unwrap_or_default().to_owned();
        let sentences = hit["highlights"].as_array().into_iter().flatten().map(text);
        let reason = &hit["reason"];
        let relevance = ["late_interaction", "similarity", "lexical"]
            .iter()
            .find_map(|name| reason[*name].as_f64())
            .unwrap_or_default();
        Self {
            document: name,
            text: text(hit),
            highlights: sentences.collect::<Vec<_>>().join(" "),
            relevance,
        }
    }
}

/// Measures what was found for a question.
pub(super) fn outcome(question: &Question, hits: &[Found], milliseconds: f64) -> Outcome {
    let mut documents: Vec<String> = Vec::new();
    for hit in hits {
        if !documents.contains(&hit.document) {
            documents.push(hit.document.clone());
        }
    }
    let is_relevant = |name: &String| question.relevant.contains(name);
    let rank = documents.iter().position(is_relevant).map(|at| at + 1);
    let best = question
        .relevant
        .first()
        .filter(|best| documents.iter().position(|name| name == *best).is_some_and(|at| at < 10));
    let holds = |part: fn(&Found) -> &String| {
        let (passage, best) = (question.passage.as_ref()?, best?);
        let shown = hits.iter().filter(|hit| hit.document == *best).map(part);
        let shown: Vec<&str> = shown.map(String::as_str).collect();
        Some(covers(&shown.join(" "), passage))
    };
    Outcome {
        id: question.id.clone(),
        style: question.style.clone(),
        rank,
        ndcg: ndcg(&documents, &question.relevant),
        highlighted: holds(|hit| &hit.highlights),
        shown: holds(|hit| &hit.text),
        // Not an infinity, which JSON does not have.
        relevance: hits.first().map_or(f64::MIN, |hit| hit.relevance),
        documents,
        milliseconds,
    }
}

/// Gain by the order of `relevant`, best first. Source: Järvelin and Kekäläinen 2002, with linear
/// gains.
fn ndcg(documents: &[String], relevant: &[String]) -> f64 {
    let gain = |name: &String| {
        relevant.iter().position(|known| known == name).map_or(0, |at| relevant.len() - at) as f64
    };
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        (2_u32..).zip(gains.take(10)).map(|(at, gain)| gain / f64::from(at).log2()).sum()
    };
    let ideal = discounted(&mut relevant.iter().map(gain));
    if ideal == 0.0 {
        return 0.0;
    }
    discounted(&mut documents.iter().map(gain)) / ideal
}

/// Whether `text` has most words of `passage`.
fn covers(text: &str, passage: &str) -> bool {
    let held: HashSet<String> = words(text).collect();
    let wanted: HashSet<String> = words(passage).collect();
    if wanted.is_empty() {
        return false;
    }
    let found = wanted.iter().filter(|word| held.contains(*word)).count();
    found as f64 >= PASSAGE_COVERAGE * wanted.len() as f64
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// How well `relevance` tells answerable from unanswerable: the chance that an answerable question
/// has the higher one. Source: Hanley and McNeil 1982; ties count half.
pub(super) fn auroc(answerable: &[f64], unanswerable: &[f64]) -> Option<f64> {
    if answerable.is_empty() || unanswerable.is_empty() {
        return None;
    }
    let wins: f64 = answerable
        .iter()
        .flat_map(|a| unanswerable.iter().map(move |u| (a, u)))
        .map(|(a, u)| {
            if a > u {
                1.0
            } else if a < u {
                0.0
            } else {
                0.5
            }
        })
        .sum();
    Some(wins / (answerable.len() * unanswerable.len()) as f64)
}

/// Share of the unanswerable that are refused by the threshold that keeps `kept` of the answerable.
pub(super) fn refused_at(answerable: &[f64], unanswerable: &[f64], kept: f64) -> Option<f64> {
    let mut sorted = answerable.to_vec();
    sorted.sort_by(f64::total_cmp);
    // A hair more, because 0.1 of 10 is 0.999… in binary.
    let lost = ((1.0 - kept) * sorted.len() as f64 + 1e-9).floor() as usize;
    let threshold = *sorted.get(lost)?;
    if unanswerable.is_empty() {
        return None;
    }
    let refused = unanswerable.iter().filter(|relevance| **relevance < threshold).count();
    Some(refused as f64 / unanswerable.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::{auroc, covers, ndcg, refused_at};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn check_ndcg(found: &[&str], relevant: &[&str], expected: f64) {
        let value = ndcg(&names(found), &names(relevant));
        assert!((value - expected).abs() < 1e-4, "{value}");
    }

    #[test]
    fn order_counts() {
        check_ndcg(&["a", "x"], &["a"], 1.0);
        check_ndcg(&["x", "a"], &["a"], 0.63093);
        check_ndcg(&["a", "b"], &["a", "b"], 1.0);
        check_ndcg(&["b", "a"], &["a", "b"], 0.85972);
        check_ndcg(&["x"], &["a"], 0.0);
        check_ndcg(&["x"], &[], 0.0);
    }

    #[test]
    fn a_passage_is_shown_when_most_of_its_words_are() {
        assert!(covers("La caution est de 1 500 €, rendue.", "la CAUTION est de 1 500 €"));
        assert!(!covers("La caution.", "La caution est de 1 500 €."));
        assert!(!covers("x", "…"));
    }

    #[test]
    fn refusals_go_by_the_threshold_that_keeps_most_answers() {
        let answerable = [0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.44, 0.43, 0.42, 0.1];
        assert_eq!(auroc(&answerable, &[0.0]), Some(1.0));
        assert_eq!(auroc(&[0.5], &[0.5, 0.4]), Some(0.75));
        assert_eq!(auroc(&[], &[0.5]), None);
        assert_eq!(refused_at(&answerable, &[0.41, 0.2, 0.95, 0.3], 0.9), Some(0.75));
        assert_eq!(refused_at(&answerable, &[0.05, 0.2], 1.0), Some(0.5));
    }
}
