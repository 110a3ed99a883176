//! Describes a passage as searches and citations show it, with its places on the pages.

use intramuros_store::StoredPassage;
use intramuros_types::{ChunkId, DocumentId, PageBox, PlacedWord, Span};

/// Words are on one line when they share this much of the lower one's height.
const SAME_LINE: f32 = 0.5;

/// A passage of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Its stable id.
    pub id: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// The document's title.
    pub title: String,
    /// Its position among the document's passages.
    pub ordinal: u32,
    /// Headings above it, outermost first.
    pub section_path: Vec<String>,
    /// First and last page, where the format has pages.
    pub pages: Option<(u32, u32)>,
    /// Where it is in the document's extracted text, in characters.
    pub span: Span,
    /// Its text.
    pub text: String,
    /// Where its lines stand on their pages, where the format has places.
    pub boxes: Vec<PageBox>,
    pub(crate) words: Vec<PlacedWord>,
}

impl Passage {
    /// Where the lines of `span`, a part of the passage, stand on their pages.
    pub(crate) fn boxes_of(&self, span: Span) -> Vec<PageBox> {
        let within = self
            .words
            .iter()
            .filter(|word| word.span.end > span.start && word.span.start < span.end);
        lines(within)
    }
}

impl From<StoredPassage> for Passage {
    fn from(passage: StoredPassage) -> Self {
        Self {
            id: passage.id,
            document: passage.document,
            title: passage.title,
            ordinal: passage.chunk.ordinal,
            section_path: passage.chunk.section_path,
            pages: passage.chunk.pages,
            span: passage.chunk.span,
            text: passage.chunk.text,
            boxes: lines(passage.chunk.words.iter()),
            words: passage.chunk.words,
        }
    }
}

/// One box for each line of `words`, which are in reading order.
fn lines<'a>(words: impl Iterator<Item = &'a PlacedWord>) -> Vec<PageBox> {
    let mut lines: Vec<PageBox> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if is_beside(line, &word.place) => *line = line.union(word.place),
            _ => lines.push(word.place),
        }
    }
    lines
}

/// Whether `word` goes on with the line: as high, and not back at the left.
fn is_beside(line: &PageBox, word: &PageBox) -> bool {
    let shared = line.bottom.min(word.bottom) - line.top.max(word.top);
    let height = (line.bottom - line.top).min(word.bottom - word.top);
    line.page == word.page && shared >= SAME_LINE * height && word.right >= line.right
}

#[cfg(test)]
mod tests {
    use intramuros_types::{PageBox, PlacedWord, Span};

    use super::lines;

    fn word(page: u32, left: f32, top: f32) -> PlacedWord {
        let place = PageBox { page, left, top, right: left + 0.1, bottom: top + 0.02 };
        PlacedWord { span: Span::new(0, 1), place }
    }

    #[track_caller]
    fn check(words: &[PlacedWord], expected: &[(u32, f32, f32)]) {
        let found: Vec<_> =
            lines(words.iter()).iter().map(|line| (line.page, line.left, line.right)).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.0, expected.0);
            assert!((found.1 - expected.1).abs() < 1e-6 && (found.2 - expected.2).abs() < 1e-6);
        }
    }

    #[test]
    fn words_of_a_line_share_a_box() {
        check(&[], &[]);
        check(
            &[word(1, 0.1, 0.5), word(1, 0.3, 0.505), word(1, 0.1, 0.53), word(2, 0.1, 0.1)],
            &[(1, 0.1, 0.4), (1, 0.1, 0.2), (2, 0.1, 0.2)],
        );
        // A column further right at the same height, then back to the left.
        check(&[word(1, 0.6, 0.5), word(1, 0.1, 0.5)], &[(1, 0.6, 0.7), (1, 0.1, 0.2)]);
    }
}
