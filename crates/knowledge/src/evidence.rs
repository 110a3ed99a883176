//! Decides whether a sentence is supported by the passages it was written from.
//!
//! The rule is lexical and strict where invention hurts: every number and reference of the
//! sentence must stand in one line of one passage (a paragraph, a list item, a table row), or in
//! the headings above it, so that the price of the next row does not pass; most of its other
//! words must stand in that passage too, and every name in one of the passages. Words that repeat
//! the question prove nothing and are left out where others remain. What this cannot see is a wrong
//! combination of the words of one line; quotations let the reader judge.

use std::collections::HashSet;

use self::demand::{Demand, Wording};
use crate::citation::Citation;
use crate::search::Hit;
use crate::sentences::sentences;
use crate::words::{Word, tokens, words};

mod demand;

/// Words, folded, that turn a sentence into its opposite.
const NEGATIONS: [&str; 11] =
    ["ne", "n", "pas", "jamais", "aucun", "aucune", "not", "never", "no", "cannot", "without"];

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
    /// Whether [`Demand`]s are made.
    strict: bool,
}

struct Prepared {
    hit: Hit,
    /// Words of the passage, its title and its headings.
    words: HashSet<Word>,
    /// Words of the title and the headings, which every line shares.
    context: HashSet<Word>,
    /// Everything in its order; only where demands are made.
    wording: Option<Wording>,
    lines: Vec<Line>,
}

/// A paragraph, a list item or a table row.
struct Line {
    words: HashSet<Word>,
    /// Its sentences, which quotations are made of.
    sentences: Vec<Sentence>,
}

struct Sentence {
    text: String,
    words: HashSet<Word>,
    negated: bool,
}

impl Evidence {
    /// Prepares `hits` as the evidence for answers to `question`.
    pub(crate) fn new(question: &str, hits: &[Hit]) -> Self {
        let passages = hits.iter().map(|hit| Prepared::new(hit, false)).collect();
        Self { passages, question: words(question).into_iter().collect(), strict: false }
    }

    /// The same for answers that go to customers: names, terms in quotation marks, menu paths,
    /// units, numbers in letters and promises must stand in the very passage that supports the
    /// sentence, and what a passage denies is not affirmed.
    pub(crate) fn strict(question: &str, hits: &[Hit]) -> Self {
        let passages = hits.iter().map(|hit| Prepared::new(hit, true)).collect();
        Self { passages, question: words(question).into_iter().collect(), strict: true }
    }

    /// Whether a sentence has a number, a name, a term or a promise that stands in no passage: it
    /// was not only put badly, it was made up.
    pub(crate) fn is_invented(&self, sentence: &str) -> bool {
        let claimed: HashSet<Word> = words(sentence).into_iter().collect();
        let demand = Demand::of(sentence);
        !self.passages.iter().any(|passage| passage.meets(&demand) && passage.counts(&claimed))
    }

    /// Checks one sentence of an answer.
    pub(crate) fn check(&self, sentence: &str) -> Support {
        let claimed: HashSet<Word> = words(sentence).into_iter().collect();
        if is_lead_in(sentence) {
            return Support::NoClaim;
        }
        if claimed.is_empty() {
            return if is_fragment(sentence) { Support::Unsupported } else { Support::NoClaim };
        }
        let is_known = |name: &Word| self.passages.iter().any(|has| has.words.contains(name));
        if !names(sentence).iter().all(is_known) {
            return Support::Unsupported;
        }
        let demand = self.strict.then(|| Demand::of(sentence));
        let negated = demand.as_ref().map(|_| is_negated(sentence));
        let mut best: Option<(f32, Citation)> = None;
        for passage in &self.passages {
            let coverage = self.coverage(&claimed, &passage.words);
            if coverage < REQUIRED_COVERAGE
                || demand.as_ref().is_some_and(|demand| !passage.meets(demand))
                || best.as_ref().is_some_and(|(most, _)| coverage <= *most)
            {
                continue;
            }
            if let Some(citation) = passage.cite(&claimed, negated) {
                best = Some((coverage, citation));
            }
        }
        best.map_or(Support::Unsupported, |(_, citation)| Support::Supported(Box::new(citation)))
    }

    /// Share of the claimed words that `held` has.
    fn coverage(&self, claimed: &HashSet<Word>, held: &HashSet<Word>) -> f32 {
        let fresh: Vec<&Word> =
            claimed.iter().filter(|word| !self.question.contains(word)).collect();
        let judged = if fresh.is_empty() { claimed.iter().collect() } else { fresh };
        let found = judged.iter().filter(|word| held.contains(**word)).count();
        found as f32 / judged.len() as f32
    }
}

impl Prepared {
    fn new(hit: &Hit, strict: bool) -> Self {
        let mut context: HashSet<Word> = words(&hit.passage.title).into_iter().collect();
        context.extend(hit.passage.section_path.iter().flat_map(|heading| words(heading)));
        let lines: Vec<Line> = hit.passage.text.lines().map(Line::new).collect();
        let mut all = context.clone();
        all.extend(lines.iter().flat_map(|line| line.words.iter().cloned()));
        let wording = strict.then(|| {
            let headings = hit.passage.section_path.iter().map(String::as_str);
            let parts = [hit.passage.title.as_str()].into_iter().chain(headings);
            Wording::new(&parts.chain([hit.passage.text.as_str()]).collect::<Vec<_>>())
        });
        Self { words: all, context, wording, lines, hit: hit.clone() }
    }

    fn meets(&self, demand: &Demand) -> bool {
        self.wording.as_ref().is_none_or(|wording| demand.is_met_by(wording))
    }

    /// Whether one line has all the numbers of the claim.
    fn counts(&self, claimed: &HashSet<Word>) -> bool {
        self.lines.iter().any(|line| self.holds(line, claimed))
    }

    fn holds(&self, line: &Line, claimed: &HashSet<Word>) -> bool {
        let mut numbers = claimed.iter().filter(|word| matches!(word, Word::Number(_)));
        numbers.all(|number| line.words.contains(number) || self.context.contains(number))
    }

    /// Quotes the sentence that shares most with the claim, from the line that shares most and
    /// holds all its numbers; `None` when no line does, or when the claim says the opposite of the
    /// sentence that it shares most with. `negated` says whether the claim denies something, where
    /// that is looked at.
    fn cite(&self, claimed: &HashSet<Word>, negated: Option<bool>) -> Option<Citation> {
        let line = self
            .lines
            .iter()
            .filter(|line| self.holds(line, claimed))
            .max_by_key(|line| shared(claimed, &line.words))?;
        let likeness = |one: &&Sentence| {
            let agrees = negated.is_none_or(|negated| negated == one.negated);
            (shared(claimed, &one.words), agrees, std::cmp::Reverse(one.text.len()))
        };
        let quote = line.sentences.iter().max_by_key(likeness)?;
        if negated.is_some_and(|negated| negated != quote.negated) {
            return None;
        }
        Citation::new(&self.hit, &quote.text)
    }
}

impl Line {
    fn new(text: &str) -> Self {
        let with_words = |sentence: &str| Sentence {
            text: sentence.to_owned(),
            words: words(sentence).into_iter().collect(),
            negated: is_negated(sentence),
        };
        Self {
            words: words(text).into_iter().collect(),
            sentences: sentences(text).into_iter().map(with_words).collect(),
        }
    }
}

/// How much of the claim `unit` has. A number weighs more: it is what readers want confirmed.
fn shared(claimed: &HashSet<Word>, unit: &HashSet<Word>) -> i32 {
    let weight = |word: &Word| match word {
        Word::Number(_) => 3,
        Word::Content(_) => 1,
    };
    claimed.intersection(unit).map(weight).sum()
}

/// Words of `sentence` with a capital letter that does not come from where they stand: names, of
/// people, places, products. What the question calls by a name that no passage knows, an answer
/// must not speak of as if one did.
fn names(sentence: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut at_start = true;
    let apart = |letter: char| letter.is_whitespace() || matches!(letter, '\'' | '’' | '-' | '/');
    for part in sentence.split_inclusive(apart) {
        let word = part.trim_matches(|letter: char| !letter.is_alphanumeric());
        let Some(first) = word.chars().next() else { continue };
        let spelt = word.chars().all(char::is_alphabetic);
        if first.is_uppercase() && spelt && !at_start {
            found.extend(words(word).into_iter().filter(|word| matches!(word, Word::Content(_))));
        }
        let elided = part.ends_with(['\'', '’']);
        let opens = part.trim_end().ends_with([':', '.', '!', '?', '«', '»', '"', '*']);
        at_start = opens || (at_start && elided);
    }
    found
}

/// Whether `sentence` denies something.
fn is_negated(sentence: &str) -> bool {
    tokens(sentence).iter().any(|word| NEGATIONS.contains(&word.as_str()))
}

/// Whether there is not even a word, as in a copied label or a stray letter (`[f]`, `x`).
fn is_fragment(sentence: &str) -> bool {
    let mut words = sentence.split(|letter: char| !letter.is_alphabetic());
    !words.any(|word| word.chars().count() > 1)
}

/// Whether a sentence only announces what follows.
fn is_lead_in(sentence: &str) -> bool {
    let text = sentence.trim();
    text.ends_with(':') && !text.chars().any(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests;
