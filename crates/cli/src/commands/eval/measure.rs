//! Computes what a ranking is worth.

use std::collections::HashSet;

use intramuros_usecases::pilot::ndcg;
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

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_passage_is_shown_when_most_of_its_words_are() {
        assert!(covers("La caution est de 1 500 €, rendue.", "la CAUTION est de 1 500 €"));
        assert!(!covers("La caution.", "La caution est de 1 500 €."));
        assert!(!covers("x", "…"));
    }
}
