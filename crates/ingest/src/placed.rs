//! Holds text whose words know their places on a page, while a block is put together from it.

use std::ops::{Deref, Range};

use intramuros_types::{PageBox, PlacedWord, Span};

use crate::normalise::shown_as;

/// Text of a block to be. What is appended without a place, such as a header that a table row
/// repeats, has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PlacedText {
    text: String,
    words: Vec<Word>,
}

/// A word without white space.
#[derive(Debug, Clone, PartialEq)]
struct Word {
    /// Where it is in the text, in bytes.
    range: Range<usize>,
    place: PageBox,
}

impl PlacedText {
    /// Appends text without a place.
    pub(crate) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends a word with its place. What is no word (nothing, or with white space inside) is
    /// appended without.
    pub(crate) fn push_word(&mut self, word: &str, place: PageBox) {
        let from = self.text.len();
        self.text.push_str(word);
        if !word.is_empty() && !word.contains(char::is_whitespace) {
            self.words.push(Word { range: from..self.text.len(), place });
        }
    }

    /// Appends `other`. Where no white space is between the two, the words that meet are one if
    /// `touching`, which is how a word set in two typefaces comes; the two parts of a word that was
    /// divided at the end of a line keep a place each.
    pub(crate) fn append(&mut self, other: &Self, touching: bool) {
        let from = self.text.len();
        self.text.push_str(&other.text);
        let mut words = other.words.iter();
        if touching
            && let Some(last) = self.words.last_mut()
            && last.range.end == from
            && let Some(first) = other.words.first()
            && first.range.start == 0
        {
            last.range.end = from + first.range.end;
            last.place = last.place.union(first.place);
            words.next();
        }
        self.words.extend(words.map(|word| Word {
            range: word.range.start + from..word.range.end + from,
            place: word.place,
        }));
    }

    /// Removes the last character.
    pub(crate) fn pop(&mut self) {
        self.text.pop();
        self.cut(0..self.text.len());
    }

    /// The text between the white space at its ends.
    pub(crate) fn trimmed(mut self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        self.without_start(start);
        self.text.truncate(self.text.trim_end().len());
        self.cut(0..self.text.len());
        self
    }

    /// Removes the first `bytes` bytes, which end with a character.
    pub(crate) fn without_start(&mut self, bytes: usize) {
        self.cut(bytes..self.text.len());
        self.text.drain(..bytes);
        for word in &mut self.words {
            word.range = word.range.start - bytes..word.range.end - bytes;
        }
    }

    /// Keeps of the words what is within `range`.
    fn cut(&mut self, range: Range<usize>) {
        for word in &mut self.words {
            word.range = word.range.start.max(range.start)..word.range.end.min(range.end);
        }
        self.words.retain(|word| word.range.start < word.range.end);
    }

    /// The words with their spans in `cleaned`, which [`clean`](crate::normalise::clean) made of
    /// this text and which begins at character `start` of the document.
    ///
    /// Cleaning removes characters and takes ligatures apart; it never changes the order of what
    /// is shown. So the characters that are shown are counted on both sides.
    pub(crate) fn spans_in(&self, cleaned: &str, start: u32) -> Vec<PlacedWord> {
        if self.words.is_empty() {
            return Vec::new();
        }
        let mut shown = (start..).zip(cleaned.chars()).filter(|(_, c)| !c.is_whitespace());
        let mut words = self.words.iter();
        let mut word = words.next();
        let mut found: Option<(u32, u32)> = None;
        let mut out = Vec::with_capacity(self.words.len());
        for (at, c) in self.text.char_indices() {
            while let Some(current) = word
                && at >= current.range.end
            {
                out.extend(found.take().map(|found| placed(found, current)));
                word = words.next();
            }
            for _ in 0..shown_as(c) {
                let Some((position, _)) = shown.next() else { break };
                if word.is_some_and(|word| word.range.start <= at) {
                    found = Some((found.map_or(position, |(from, _)| from), position + 1));
                }
            }
        }
        out.extend(found.zip(word).map(|(found, word)| placed(found, word)));
        out
    }
}

fn placed((start, end): (u32, u32), word: &Word) -> PlacedWord {
    PlacedWord { span: Span::new(start, end), place: word.place }
}

impl Deref for PlacedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<&str> for PlacedText {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), words: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
