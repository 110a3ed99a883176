//! Prepares text for the full-text index.
//!
//! The index splits at everything that is not a letter or a digit (so that `l'imprimante` gives
//! `l` and `imprimante`), lower-cases, stems as French, drops stop words and folds accents, in
//! this order. References suffer from the splitting: `FT-2041/B` becomes `ft`, `2041` and `b`,
//! each of them common. So they are added once more, written together (`ft2041b`), in passages
//! and queries alike; such a word is rare, and a passage that holds the very reference wins.

use intramuros_types::Chunk;

const SEPARATORS: [char; 4] = ['-', '_', '/', '.'];
/// Longest reference with its separators; the index drops words of more than 40 bytes.
const MAX_REFERENCE_CHARS: usize = 40;
/// Digits that a reference without letters must have: `3.14` is a number, `2026-0142` is not.
const MIN_DIGITS_ALONE: usize = 6;

/// What full text indexes of a passage: title, headings, text, and its references joined.
pub(crate) fn search_text(title: &str, chunk: &Chunk) -> String {
    let parts = [title].into_iter().chain(chunk.section_path.iter().map(String::as_str));
    let joined = parts.chain([chunk.text.as_str()]).collect::<Vec<_>>().join("\n");
    with_references(&joined)
}

/// `text` followed by its references joined.
pub(crate) fn with_references(text: &str) -> String {
    let mut extended = text.to_owned();
    for reference in references(text) {
        extended.push(' ');
        extended.push_str(&reference);
    }
    extended
}

/// The references in `text`, separators removed.
fn references(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '’'))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| is_reference(word))
        .map(|word| word.replace(SEPARATORS, ""))
}

/// Whether `word` is letters and digits around at least one separator: `E-403`, `FT-2041/B`.
fn is_reference(word: &str) -> bool {
    let mut digits = 0;
    let mut letters = 0;
    let mut separators = 0;
    for c in word.chars().take(MAX_REFERENCE_CHARS + 1) {
        match c {
            _ if c.is_ascii_digit() => digits += 1,
            _ if c.is_alphanumeric() => letters += 1,
            _ if SEPARATORS.contains(&c) => separators += 1,
            _ => return false,
        }
    }
    let short = digits + letters + separators <= MAX_REFERENCE_CHARS;
    let mixed = digits > 0 && (letters > 0 || digits >= MIN_DIGITS_ALONE);
    short && separators > 0 && mixed
}

#[cfg(test)]
mod tests;
