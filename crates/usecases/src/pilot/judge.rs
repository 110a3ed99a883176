//! Says whether what the server gave for an item is right.
//!
//! No second model judges: a model that judges is itself wrong now and then, and nobody could say how
//! often. Answers are right when they have every fact that the label lists and nothing that it
//! forbids; labels and values are compared. Where a person would be milder, the set can list more
//! spellings.

use serde::{Deserialize, Serialize};

use super::run::{
    ChatDetails, ChatGiven, Details, Given, ItemResult, LabelResult, Outcome, Part, SearchDetails,
    SearchGiven, TriageDetails, TriageGiven,
};
use super::set::{ChatItem, Content, Item, SearchItem, TriageItem};

mod extraction;
mod tokens;

pub(super) use tokens::has_tokens;

/// How strictly items are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeRules {
    /// A search is right when a relevant document is among so many first ones.
    pub first: usize,
}

impl Default for JudgeRules {
    /// The first five, what a person looks at.
    fn default() -> Self {
        Self { first: 5 }
    }
}

/// Compares what was `given` for `item` with its labels. An answer of another job is a failure.
pub fn judge(item: &Item, given: Given, latency_ms: u64, rules: JudgeRules) -> ItemResult {
    let judged = match (&item.content, given) {
        (Content::Search(item), Given::Search(given)) => search(item, given, rules),
        (Content::Chat(item), Given::Chat(given)) => chat(item, given),
        (Content::Triage(item), Given::Triage(given)) => triage(item, given),
        (Content::Extraction(item), Given::Extraction(given)) => extraction::judge(item, given),
        (_, Given::Failed { code }) => failed(code),
        (_, Given::Search(_) | Given::Chat(_) | Given::Triage(_) | Given::Extraction(_)) => {
            failed("other_job".to_owned())
        }
    };
    ItemResult {
        id: item.id.clone(),
        outcome: judged.outcome,
        handed_over: judged.handed_over,
        proposal_right: judged.proposal_right,
        // What is no number can be compared with no threshold.
        confidence: judged.confidence.filter(|confidence| confidence.is_finite()),
        latency_ms,
        details: judged.details,
    }
}

/// What a job's comparison found.
struct Judged {
    outcome: Outcome,
    handed_over: bool,
    proposal_right: Option<bool>,
    confidence: Option<f64>,
    details: Details,
}

/// The outcome of a proposal, which may have been withheld; `over_is_right` where a person is to do
/// the item.
fn outcome(handed_over: bool, over_is_right: bool, proposal_right: Option<bool>) -> Outcome {
    match (handed_over, over_is_right, proposal_right) {
        (true, true, _) | (false, _, Some(true)) => Outcome::Right,
        (true, false, _) => Outcome::HandedOver,
        (false, _, Some(false) | None) => Outcome::Wrong,
    }
}

fn failed(code: String) -> Judged {
    Judged {
        outcome: Outcome::Failed,
        handed_over: false,
        proposal_right: None,
        confidence: None,
        details: Details::Failed { code },
    }
}

fn search(item: &SearchItem, given: SearchGiven, rules: JudgeRules) -> Judged {
    let is_relevant = |found: &String| item.relevant.iter().any(|known| same(known, found));
    let is_right = given.found.iter().take(rules.first).any(is_relevant);
    let handed_over = given.refused || given.found.is_empty();
    let proposal_right = (!given.found.is_empty()).then_some(is_right);
    Judged {
        outcome: outcome(handed_over, item.relevant.is_empty(), proposal_right),
        handed_over,
        proposal_right,
        confidence: given.confidence,
        details: Details::Search(SearchDetails {
            relevant: item.relevant.clone(),
            found: given.found,
        }),
    }
}

/// Whether two names are one, whatever their case.
pub(super) fn same(a: &str, b: &str) -> bool {
    a == b || a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn chat(item: &ChatItem, given: ChatGiven) -> Judged {
    let answer = tokens::Tokens::of(&given.answer);
    let has = |fact: &str| fact.split('|').any(|spelling| answer.has(spelling));
    let parts: Vec<Part> = item
        .answer_parts
        .iter()
        .map(|part| Part { expected: part.clone(), found: has(part) })
        .collect();
    let forbidden: Vec<String> = item.must_not.iter().filter(|text| has(text)).cloned().collect();
    let all = parts.iter().all(|part| part.found);
    let some = parts.iter().any(|part| part.found);
    // Facts say more than sources: only where there are none do sources decide.
    let is_drawn_from = !parts.is_empty()
        || given.sources.iter().any(|source| item.relevant.iter().any(|name| same(name, source)));
    let is_right = item.answerable && all && is_drawn_from && forbidden.is_empty();
    let proposal_right = (!given.answer.trim().is_empty()).then_some(is_right);
    Judged {
        outcome: outcome(given.handed_over, !item.answerable, proposal_right),
        handed_over: given.handed_over,
        proposal_right,
        confidence: given.confidence,
        details: Details::Chat(ChatDetails {
            answerable: item.answerable,
            answer: given.answer,
            partly: some && !all && forbidden.is_empty(),
            parts,
            forbidden,
            relevant: if item.answer_parts.is_empty() { item.relevant.clone() } else { Vec::new() },
            sources: given.sources,
        }),
    }
}

fn triage(item: &TriageItem, given: TriageGiven) -> Judged {
    let alert = item.alert.map(|alert| alert.to_string());
    let labels: std::collections::BTreeMap<String, LabelResult> = [
        ("category", &item.category),
        ("urgency", &item.urgency),
        ("team", &item.team),
        ("alert", &alert),
    ]
    .into_iter()
    .filter_map(|(field, expected)| {
        let guess = given.labels.get(field).cloned().unwrap_or_default();
        let confidence = guess.confidence.filter(|confidence| confidence.is_finite());
        let expected = expected.clone()?;
        Some((field.to_owned(), LabelResult { expected, given: guess.label, confidence }))
    })
    .collect();
    let is_right = labels.values().all(|label| label.given.as_ref() == Some(&label.expected));
    let is_given = labels.values().any(|label| label.given.is_some());
    let ambiguous = item.ambiguous == Some(true);
    // Where nothing is known but that it is clear, what was not handed over is right.
    let proposal_right =
        (is_given || labels.is_empty()).then_some(is_right && !(labels.is_empty() && ambiguous));
    let least = labels.values().filter_map(|label| label.confidence).reduce(f64::min);
    Judged {
        outcome: outcome(given.handed_over, ambiguous, proposal_right),
        handed_over: given.handed_over,
        proposal_right,
        confidence: given.confidence.or(least),
        details: Details::Triage(TriageDetails { labels, ambiguous }),
    }
}

#[cfg(test)]
mod tests;
