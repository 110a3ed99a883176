//! Cuts a document into passages along its structure.
//!
//! 1. Blocks become sections: a heading and what follows up to the next heading. Tiny sections are
//!    joined with their neighbours of the same chapter (`section`).
//! 2. Blocks that are too large become pieces at the borders of lines, sentences, clauses, words
//!    (`split`).
//! 3. The pieces of each group of sections are packed up to the target size (`pack`).
//!
//! Each block is counted once, its pieces where it has to be split, and each passage once more when
//! it is finished, so the work of the tokenizer grows with the length of the text.

use intramuros_types::{Block, BlockKind, Chunk, ExtractedDocument, PlacedWord, Span};

mod pack;
mod section;
mod split;

/// Version of the rules below; passages made by another version are not comparable.
pub const CHUNKING_VERSION: u32 = 1;

/// How large passages are, in tokens of the encoder that will embed them. The
/// [`context_line`](crate::context_line) and the encoder's prefix come on top: leave room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkConfig {
    /// Size that packing aims at; at least 1, at most `max_tokens`.
    pub target_tokens: usize,
    /// Size that no passage exceeds (except a single character that alone has more tokens).
    pub max_tokens: usize,
    /// How much of the passage before is repeated, in whole sentences; 0 repeats nothing.
    pub overlap_tokens: usize,
}

impl Default for ChunkConfig {
    fn default() -> Self {
        Self { target_tokens: 256, max_tokens: 400, overlap_tokens: 0 }
    }
}

impl ChunkConfig {
    /// The sizes in a sensible relation to one another.
    fn bounded(self) -> Self {
        let max_tokens = self.max_tokens.max(1);
        let target_tokens = self.target_tokens.clamp(1, max_tokens);
        Self {
            max_tokens,
            target_tokens,
            overlap_tokens: self.overlap_tokens.min(target_tokens / 2),
        }
    }

    /// Below this, in tokens, a section or a passage is too small to stand alone.
    fn tiny_tokens(&self) -> usize {
        self.target_tokens / 8
    }
}

/// Cuts `document` into passages, in order. Each is a contiguous range of the text
/// (`chunk.text == span.slice(&document.text)`); together they hold every block. A heading is in
/// one passage with what follows it. Without overlap the ranges are disjoint.
///
/// `count_tokens` counts the tokens of a text, without special tokens.
pub fn chunk(
    document: &ExtractedDocument,
    config: &ChunkConfig,
    count_tokens: &dyn Fn(&str) -> usize,
) -> Vec<Chunk> {
    let config = config.bounded();
    let text = Text::new(&document.text, count_tokens);
    let tokens: Vec<usize> = document.blocks.iter().map(|b| text.tokens(b.span)).collect();
    let mut chunks: Vec<Chunk> = Vec::new();
    for group in section::groups(document, &tokens, &config) {
        let blocks = &document.blocks[group.clone()];
        let pieces = split::pieces(blocks, &tokens[group], &text, &config);
        for passage in pack::pack(&pieces, &text, &config) {
            let first = blocks.partition_point(|block| block.span.end <= passage.start);
            let covered: Vec<&Block> =
                blocks[first..].iter().take_while(|b| b.span.start < passage.end).collect();
            let pages = covered.iter().filter_map(|block| block.page);
            chunks.push(Chunk {
                ordinal: u32::try_from(chunks.len()).unwrap_or(u32::MAX),
                text: text.slice(passage).to_owned(),
                span: passage,
                pages: pages.clone().min().zip(pages.max()),
                section_path: section::common_path(&covered),
                words: placed_within(&document.words, passage).to_vec(),
            });
        }
    }
    chunks
}

/// The words that lie in `span` whole.
fn placed_within(words: &[PlacedWord], span: Span) -> &[PlacedWord] {
    let from = words.partition_point(|word| word.span.start < span.start);
    let to = words.partition_point(|word| word.span.end <= span.end);
    &words[from..to.max(from)]
}

/// How many characters lie between two positions whose bytes are known.
const STRIDE: usize = 64;

/// A document's text with the means to measure parts of it.
struct Text<'a> {
    all: &'a str,
    /// Byte positions of every [`STRIDE`]th character: spans count characters, slices need bytes.
    marks: Vec<usize>,
    count_tokens: &'a dyn Fn(&str) -> usize,
}

impl<'a> Text<'a> {
    fn new(all: &'a str, count_tokens: &'a dyn Fn(&str) -> usize) -> Self {
        let marks = all.char_indices().step_by(STRIDE).map(|(byte, _)| byte).collect();
        Self { all, marks, count_tokens }
    }

    fn slice(&self, span: Span) -> &'a str {
        &self.all[self.byte(span.start)..self.byte(span.end)]
    }

    fn tokens(&self, span: Span) -> usize {
        (self.count_tokens)(self.slice(span))
    }

    /// The byte position of a character; the text's end for characters beyond it.
    fn byte(&self, char: u32) -> usize {
        let Some(mark) = self.marks.get(char as usize / STRIDE) else { return self.all.len() };
        let after = self.all[*mark..].char_indices().nth(char as usize % STRIDE);
        after.map_or(self.all.len(), |(byte, _)| mark + byte)
    }
}

/// Whether a block is a heading.
fn is_heading(kind: BlockKind) -> bool {
    matches!(kind, BlockKind::Heading(_))
}

#[cfg(test)]
mod tests;
