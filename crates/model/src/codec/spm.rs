//! Tokenises as SentencePiece's BPE does: the adjacent pair with the best score merges first.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

#[cfg(test)]
mod tests;

/// The character that stands for a space, U+2581.
pub(super) const SPACE: char = '\u{2581}';

/// Where a space is put before a stretch of plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpacePrefix {
    /// Nowhere (Gemma).
    Never,
    /// At the start of the text and after the begin-of-text token (Mistral since v0.2).
    First,
    /// There and after every added token (Llama 2).
    Always,
}

/// What the vocabulary says, ready to be indexed.
#[derive(Debug)]
pub(super) struct SpmVocabulary {
    /// Pieces that text can merge into: text, score, id. Control and byte tokens are not among
    /// them, so plain text never becomes one by merging.
    pub(super) pieces: Vec<(String, f32, u32)>,
    /// Ids of the 256 byte tokens `<0x00>` to `<0xFF>`, where the vocabulary has them.
    pub(super) bytes: Vec<Option<u32>>,
    /// Stands for a character without piece or byte tokens.
    pub(super) unknown: Option<u32>,
    /// Where a space is put in front.
    pub(super) prefix: SpacePrefix,
}

/// A SentencePiece BPE model with scores.
///
/// Source: google/sentencepiece, `src/bpe_model.cc`, `Model::SampleEncode` without dropout, and
/// llama.cpp, `src/llama-vocab.cpp`, `llm_tokenizer_spm_session`, which agree.
#[derive(Debug)]
pub(super) struct Spm {
    pieces: HashMap<String, (f32, u32)>,
    longest_bytes: usize,
    bytes: Vec<Option<u32>>,
    unknown: Option<u32>,
    prefix: SpacePrefix,
}

impl Spm {
    /// Indexes a vocabulary. Of two pieces with the same text the first counts.
    pub(super) fn new(vocabulary: SpmVocabulary) -> Self {
        let SpmVocabulary { pieces, bytes, unknown, prefix } = vocabulary;
        let longest_bytes = pieces.iter().map(|(text, ..)| text.len()).max().unwrap_or(0);
        let mut index = HashMap::with_capacity(pieces.len());
        for (text, score, id) in pieces {
            index.entry(text).or_insert((score, id));
        }
        Self { pieces: index, longest_bytes, bytes, unknown, prefix }
    }

    /// Whether plain text that follows `previous` gets a space in front; `None` is the start.
    pub(super) fn prefixes_after(&self, previous: Option<u32>, bos: Option<u32>) -> bool {
        match self.prefix {
            SpacePrefix::Never => false,
            SpacePrefix::First => previous.is_none() || previous == bos,
            SpacePrefix::Always => true,
        }
    }

    /// Appends the tokens of plain `text` to `ids`. O(n log n) in the length of the text.
    ///
    /// # Errors
    /// The message, when a character has no piece, no byte tokens and no unknown token.
    pub(super) fn encode(
        &self,
        text: &str,
        with_prefix: bool,
        ids: &mut Vec<u32>,
    ) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        let mut escaped = String::with_capacity(text.len() + SPACE.len_utf8());
        if with_prefix {
            escaped.push(SPACE);
        }
        escaped.extend(text.chars().map(|c| if c == ' ' { SPACE } else { c }));
        for piece in self.merge(&escaped) {
            self.push_piece(piece, ids)?;
        }
        Ok(())
    }

    fn push_piece(&self, piece: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        if let Some((_, id)) = self.pieces.get(piece) {
            ids.push(*id);
            return Ok(());
        }
        let bytes: Option<Vec<u32>> = piece.bytes().map(|b| self.bytes[usize::from(b)]).collect();
        match (bytes, self.unknown) {
            (Some(bytes), _) => ids.extend(bytes),
            (None, Some(unknown)) => ids.push(unknown),
            (None, None) => {
                let code = piece.chars().next().map_or(0, u32::from);
                return Err(format!(
                    "the model's vocabulary cannot express character U+{code:04X}"
                ));
            }
        }
        Ok(())
    }

    /// Merges the characters of `text` until no two neighbours make a piece.
    fn merge<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut chain = Chain::of_characters(text);
        let mut agenda = BinaryHeap::new();
        for right in 1..chain.links.len() {
            self.propose(&chain, right - 1, right, &mut agenda);
        }
        while let Some(Merge { left, right, bytes, .. }) = agenda.pop() {
            // A proposal is stale once either side was merged with something else.
            if chain.links[right].length == 0
                || chain.links[left].length + chain.links[right].length != bytes
                || chain.links[left].length == 0
            {
                continue;
            }
            chain.join(left, right);
            if let Some(before) = chain.links[left].previous {
                self.propose(&chain, before, left, &mut agenda);
            }
            if let Some(after) = chain.links[left].next {
                self.propose(&chain, left, after, &mut agenda);
            }
        }
        chain.texts()
    }

    fn propose(
        &self,
        chain: &Chain<'_>,
        left: usize,
        right: usize,
        agenda: &mut BinaryHeap<Merge>,
    ) {
        let start = chain.links[left].start;
        let bytes = chain.links[left].length + chain.links[right].length;
        if bytes > self.longest_bytes {
            return;
        }
        if let Some((score, _)) = self.pieces.get(&chain.text[start..start + bytes]) {
            agenda.push(Merge { score: *score, left, right, bytes });
        }
    }
}

/// A pair of neighbours that together are a piece.
#[derive(Debug)]
struct Merge {
    score: f32,
    left: usize,
    right: usize,
    bytes: usize,
}

impl Ord for Merge {
    /// The best score first; of equals the leftmost.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

impl PartialOrd for Merge {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Merge {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Merge {}

/// A text cut into neighbouring stretches, as a doubly linked list in one vector.
struct Chain<'t> {
    text: &'t str,
    links: Vec<Link>,
}

struct Link {
    start: usize,
    /// Bytes; 0 once it was merged into its left neighbour.
    length: usize,
    previous: Option<usize>,
    next: Option<usize>,
}

impl<'t> Chain<'t> {
    fn of_characters(text: &'t str) -> Self {
        let count = text.chars().count();
        let link = |(index, (start, character)): (usize, (usize, char))| Link {
            start,
            length: character.len_utf8(),
            previous: index.checked_sub(1),
            next: Some(index + 1).filter(|next| *next < count),
        };
        Self { text, links: text.char_indices().enumerate().map(link).collect() }
    }

    fn join(&mut self, left: usize, right: usize) {
        let next = self.links[right].next;
        self.links[left].length += self.links[right].length;
        self.links[left].next = next;
        self.links[right].length = 0;
        if let Some(next) = next {
            self.links[next].previous = Some(left);
        }
    }

    fn texts(&self) -> Vec<&'t str> {
        let live = self.links.iter().filter(|link| link.length > 0);
        live.map(|link| &self.text[link.start..link.start + link.length]).collect()
    }
}
