//! Turns texts into weighted pieces of words, and tells which words of a text speak for a label.
//!
//! Pieces of three to five letters find inflected and misspelt words again; those that occur in many
//! examples weigh little. Pieces are hashed, so that no list of them is kept: with 32,768 places
//! collisions are rare enough to do no harm.
//!
//! Source: Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval"; Weinberger
//! et al. 2009, "Feature hashing for large scale multitask learning" (arXiv 0902.2206).

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::logistic::{Logistic, Row};

/// Places that pieces are hashed to.
pub(super) const PLACES: usize = 1 << 15;
/// Letters of a piece.
const SHORTEST: usize = 3;
const LONGEST: usize = 5;
/// Of a text, the characters that are looked at.
const MAX_CHARS: usize = 4_000;
/// Letters below which a word is not shown as a reason.
const MIN_SHOWN: usize = 3;
/// Of what the first reason weighs, what another one must weigh.
const SHOWN: f32 = 0.25;

/// How much each piece weighs, from how many of the examples have it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    weights: Vec<f32>,
}

/// A word of a text with the places of its pieces.
struct Word {
    text: String,
    pieces: Vec<u32>,
}

impl Words {
    /// Weighs pieces by these texts.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut found = vec![0_u32; PLACES];
        let mut count = 0.0;
        for text in texts {
            count += 1.0;
            let mut places: Vec<u32> = pieces(text).collect();
            places.sort_unstable();
            places.dedup();
            for place in places {
                found[place as usize] += 1;
            }
        }
        let weight = |found: &u32| ((1.0_f32 + count) / (1.0 + *found as f32)).ln() + 1.0;
        Self { weights: found.iter().map(weight).collect() }
    }

    /// A text as a row of length 1.
    pub(super) fn row(&self, text: &str) -> Row {
        let mut counts: HashMap<u32, f32> = HashMap::new();
        for place in pieces(text) {
            *counts.entry(place).or_default() += 1.0;
        }
        let mut values: Vec<(u32, f32)> = counts
            .into_iter()
            .map(|(place, count)| (place, (1.0 + count.ln()) * self.weights[place as usize]))
            .collect();
        values.sort_unstable_by_key(|(place, _)| *place);
        let length = values.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        values.iter_mut().for_each(|(_, value)| *value /= length.max(f32::MIN_POSITIVE));
        Row::Sparse(values)
    }

    /// The words of a text that speak most for `label`, most first, as they are written.
    pub(super) fn reasons(
        &self,
        learnt: &Logistic,
        text: &str,
        label: usize,
        most: usize,
    ) -> Vec<String> {
        let Row::Sparse(values) = self.row(text) else { return Vec::new() };
        let values: HashMap<u32, f32> = values.into_iter().collect();
        let mut scored: Vec<(f32, String)> = Vec::new();
        for word in words(text).filter(|word| word.text.chars().count() >= MIN_SHOWN) {
            let speaks = |place: &u32| {
                values.get(place).map_or(0.0, |value| value * learnt.weight(label, *place as usize))
            };
            let score = word.pieces.iter().map(speaks).sum::<f32>();
            let is_known = scored.iter().any(|(_, known)| fold(known) == fold(&word.text));
            if score > 0.0 && !is_known {
                scored.push((score, word.text));
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let least = scored.first().map_or(0.0, |(score, _)| score * SHOWN);
        let shown = scored.into_iter().filter(|(score, _)| *score >= least);
        shown.take(most).map(|(_, word)| word).collect()
    }
}

/// Lower case without accents.
pub(super) fn fold(text: &str) -> String {
    text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect()
}

fn pieces(text: &str) -> impl Iterator<Item = u32> {
    words(text).flat_map(|word| word.pieces)
}

fn words(text: &str) -> impl Iterator<Item = Word> {
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    text[..end]
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| Word { pieces: pieces_of(&fold(word)), text: word.to_owned() })
}

/// The places of a word's pieces; its ends are marked.
fn pieces_of(word: &str) -> Vec<u32> {
    let letters: Vec<char> =
        std::iter::once(' ').chain(word.chars()).chain(std::iter::once(' ')).collect();
    let mut places = Vec::new();
    for length in SHORTEST..=LONGEST.min(letters.len()) {
        places.extend(letters.windows(length).map(place));
    }
    places
}

/// FNV-1a over the letters.
fn place(letters: &[char]) -> u32 {
    let hash = letters.iter().fold(0x811c_9dc5_u32, |hash, letter| {
        (hash ^ u32::from(*letter)).wrapping_mul(0x0100_0193)
    });
    // The upper half is the better mixed one.
    (hash >> 16 ^ hash) & (PLACES as u32 - 1)
}

#[cfg(test)]
mod tests {
    use super::{PLACES, Words};
    use crate::triage::logistic::{Examples, Fit, Logistic, Row};

    const TEXTS: [&str; 4] = [
        "L'imprimante ne marche plus",
        "imprimantes en panne",
        "mot de passe oublié",
        "Mots de passe expirés",
    ];

    #[test]
    fn words_that_speak_for_a_label_are_named_as_they_are_written() {
        let words = Words::of(TEXTS.into_iter());
        let rows = TEXTS.map(|text| words.row(text));
        let mut examples = Examples::default();
        rows.iter().zip([0, 0, 1, 1]).for_each(|(row, label)| examples.push(row, label, 1.0));
        let fit = Fit { penalty: 0.1, balanced: false };
        let learnt = Logistic::fit(&examples, PLACES, 2, fit);
        let told = learnt.log_probabilities(&words.row("IMPRIMANTÉ"));
        assert!(told[0] > told[1], "{told:?}");
        let reasons = words.reasons(&learnt, "Mon Passe et l'Imprimante, passe", 1, 2);
        assert_eq!(reasons, ["Passe"]);
        assert_eq!(words.reasons(&learnt, "Mon Passe et l'Imprimante", 0, 1), ["Imprimante"]);
    }

    #[test]
    fn any_text_is_a_row() {
        let words = Words::of(TEXTS.into_iter());
        assert_eq!(words.row(""), Row::Sparse(Vec::new()));
        assert_eq!(words.row("… !"), Row::Sparse(Vec::new()));
        let Row::Sparse(values) = words.row(&"é̂x ".repeat(100_000)) else { panic!("sparse") };
        let length: f32 = values.iter().map(|(_, value)| value * value).sum();
        assert!((length - 1.0).abs() < 1e-4);
        let unlearnt = Words::of(std::iter::empty());
        assert!(matches!(unlearnt.row("panne"), Row::Sparse(values) if values.len() == 12));
    }
}
