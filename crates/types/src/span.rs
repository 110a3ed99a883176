//! Locates text within a document's extracted text.

use serde::{Deserialize, Serialize};

/// A half-open range `start..end` of a document's extracted text, in Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Index of the first character.
    pub start: u32,
    /// Index after the last character.
    pub end: u32,
}

impl Span {
    /// The range `start..end`; an inverted range is empty at `start`.
    pub fn new(start: u32, end: u32) -> Self {
        Self { start, end: end.max(start) }
    }

    /// Length in characters.
    pub fn len(&self) -> u32 {
        self.end - self.start
    }

    /// Whether the span holds no character.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The part of `text` that the span covers; shorter when `text` ends early.
    pub fn slice<'a>(&self, text: &'a str) -> &'a str {
        let mut bounds = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let Some(from) = bounds.nth(self.start as usize) else { return "" };
        if self.is_empty() {
            return "";
        }
        let to = bounds.nth(self.len() as usize - 1).unwrap_or(text.len());
        &text[from..to]
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[track_caller]
    fn check(span: (u32, u32), text: &str, expected: &str) {
        assert_eq!(Span::new(span.0, span.1).slice(text), expected);
    }

    #[test]
    fn slice_counts_characters_not_bytes() {
        check((0, 3), "été chaud", "été");
        check((4, 9), "été chaud", "chaud");
        check((4, 99), "été chaud", "chaud");
        check((9, 12), "été chaud", "");
        check((2, 2), "été", "");
        check((5, 2), "été", "");
    }
}
