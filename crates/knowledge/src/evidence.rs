//! Decides whether a sentence is supported by the passages it was written from.
//!
//! The rule is lexical and strict where invention hurts: every number and reference of the
//! sentence must stand in one passage, and most of its other words must too. Words that repeat
//! the question prove nothing and are left out where others remain. What this cannot see is a
//! wrong combination of right words; quotations let the reader judge.

use std::collections::HashSet;

use crate::citation::Citation;
use crate::search::Hit;
use crate::sentences::sentences;
use crate::words::{Word, words};

/// Share of a sentence's content words that its passage must hold.
const REQUIRED_COVERAGE: f32 = 0.5;

/// What the passages say to a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Support {
    /// It states no fact (`Bonjour`, `Voici les tarifs :`); it passes when a supported sentence
    /// stands beside it.
    NoClaim,
    /// A passage supports it.
    Supported(Box<Citation>),
    /// No passage does.
    Unsupported,
}

/// The retrieved passages, prepared for checking many sentences.
pub(crate) struct Evidence {
    passages: Vec<Prepared>,
    question: HashSet<Word>,
}

struct Prepared {
    hit: Hit,
    /// Words of the passage, its title and its headings.
    words: HashSet<Word>,
    /// The passage's sentences, lines and table rows, which quotations are made of.
    units: Vec<(String, HashSet<Word>)>,
}

impl Evidence {
    /// Prepares `hits` as the evidence for answers to `question`.
    pub(crate) fn new(question: &str, hits: &[Hit]) -> Self {
        let passages = hits.iter().map(Prepared::new).collect();
        Self { passages, question: words(question).into_iter().collect() }
    }

    /// Checks one sentence of an answer.
    pub(crate) fn check(&self, sentence: &str) -> Support {
        let claimed: HashSet<Word> = words(sentence).into_iter().collect();
        if claimed.is_empty() || is_lead_in(sentence) {
            return Support::NoClaim;
        }
        let mut best: Option<(f32, &Prepared)> = None;
        for passage in &self.passages {
            let Some(coverage) = self.coverage(&claimed, &passage.words) else { continue };
            if coverage >= REQUIRED_COVERAGE && best.is_none_or(|(most, _)| coverage > most) {
                best = Some((coverage, passage));
            }
        }
        best.and_then(|(_, passage)| passage.cite(&claimed))
            .map_or(Support::Unsupported, |citation| Support::Supported(Box::new(citation)))
    }

    /// Share of the claimed content words that `held` has; `None` when a number is missing.
    fn coverage(&self, claimed: &HashSet<Word>, held: &HashSet<Word>) -> Option<f32> {
        let number = |word: &&Word| matches!(word, Word::Number(_));
        if claimed.iter().filter(number).any(|word| !held.contains(word)) {
            return None;
        }
        let fresh: Vec<&Word> =
            claimed.iter().filter(|word| !self.question.contains(word)).collect();
        let judged = if fresh.is_empty() { claimed.iter().collect() } else { fresh };
        let found = judged.iter().filter(|word| held.contains(**word)).count();
        Some(found as f32 / judged.len() as f32)
    }
}

impl Prepared {
    fn new(hit: &Hit) -> Self {
        let mut all: HashSet<Word> = words(&hit.text).into_iter().collect();
        all.extend(words(&hit.title));
        all.extend(hit.section_path.iter().flat_map(|heading| words(heading)));
        let units = sentences(&hit.text)
            .into_iter()
            .map(|unit| (unit.to_string(), words(unit).into_iter().collect()));
        Self { words: all, units: units.collect(), hit: hit.clone() }
    }

    /// Quotes the unit that shares most words with the claim; the shorter of equals.
    fn cite(&self, claimed: &HashSet<Word>) -> Option<Citation> {
        // A number weighs more: it is what the reader wants to see confirmed.
        let weight = |word: &Word| match word {
            Word::Number(_) => 3,
            Word::Content(_) => 1,
        };
        let (quote, _) = self.units.iter().max_by_key(|(text, unit)| {
            let shared: i32 = claimed.intersection(unit).map(weight).sum();
            (shared, std::cmp::Reverse(text.len()))
        })?;
        Citation::new(&self.hit, quote)
    }
}

/// Whether a sentence only announces what follows.
fn is_lead_in(sentence: &str) -> bool {
    let text = sentence.trim();
    text.ends_with(':') && !text.chars().any(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests;
