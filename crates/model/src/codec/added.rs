//! Finds the tokens that are written out in a text: control tokens and user-defined ones.

use std::collections::HashMap;
use std::ops::Range;

#[cfg(test)]
mod tests;

/// The longest text of such a token, in bytes; longer ones are never looked for, so that one
/// position of a text costs a bounded number of steps.
pub(super) const MAX_TOKEN_BYTES: usize = 256;

/// Marks around calls and results of tools. Source: Qwen 2.5 and 3, `tokenizer_config.json`.
const TOOL_MARKS: [&str; 4] =
    ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"];

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddedKind {
    /// Steers the model (turns, begin and end of text). Only the chat template may write it.
    Control,
    /// Ordinary text that happens to be one token, in whoever's text it stands.
    Text,
}

/// A token that is matched as a whole before the text is split into pieces.
#[derive(Debug, Clone)]
pub(super) struct AddedToken {
    pub(super) id: u32,
    pub(super) text: String,
    pub(super) kind: AddedKind,
    /// Takes the white space before it with it.
    pub(super) lstrip: bool,
    /// Takes the white space after it with it.
    pub(super) rstrip: bool,
    /// Counts only where no word character touches it.
    pub(super) single_word: bool,
}

impl AddedToken {
    /// A token without any of the three conditions.
    pub(super) fn new(id: u32, text: impl Into<String>, kind: AddedKind) -> Self {
        let (lstrip, rstrip, single_word) = (false, false, false);
        Self { id, text: text.into(), kind, lstrip, rstrip, single_word }
    }
}

/// A stretch of a text: a token that was found, or plain text between two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Bytes of the text.
    pub(super) range: Range<usize>,
    /// The token; `None` for plain text.
    pub(super) token: Option<u32>,
}

/// All added tokens of a vocabulary, in a trie over bytes.
///
/// Leftmost-longest matching. Source: Hugging Face `tokenizers` 0.23,
/// `src/tokenizer/added_vocabulary.rs`, `find_matches`. Tokens that it would match against the
/// *normalised* text are matched against the text itself, like the others.
#[derive(Debug, Default)]
pub(super) struct AddedTokens {
    tokens: Vec<AddedToken>,
    /// By id: the index of a control token.
    controls: HashMap<u32, usize>,
    /// From (node, byte) to node; node 0 is the root.
    edges: HashMap<(u32, u8), u32>,
    /// By node: the token that ends there.
    ends: Vec<Option<u32>>,
    /// Bytes that a token can start with.
    starts: Vec<bool>,
}

impl AddedTokens {
    /// Indexes `tokens`; empty and overlong texts are left out. Where two have the same text, the
    /// later one counts.
    pub(super) fn new(tokens: Vec<AddedToken>) -> Self {
        let controls = tokens.iter().enumerate().filter(|(_, t)| t.kind == AddedKind::Control);
        let controls = controls.map(|(index, token)| (token.id, index)).collect();
        let (ends, starts) = (vec![None], vec![false; 256]);
        let mut added = Self { tokens, controls, edges: HashMap::new(), ends, starts };
        for index in 0..added.tokens.len() {
            added.insert(index);
        }
        added
    }

    fn insert(&mut self, index: usize) {
        let text = self.tokens[index].text.as_bytes();
        if text.is_empty() || text.len() > MAX_TOKEN_BYTES {
            return;
        }
        self.starts[usize::from(text[0])] = true;
        let mut node = 0;
        for byte in text {
            let fresh = self.ends.len() as u32;
            node = *self.edges.entry((node, *byte)).or_insert(fresh);
            if node == fresh {
                self.ends.push(None);
            }
        }
        self.ends[node as usize] = Some(index as u32);
    }

    /// Every added token, in the vocabulary's order.
    pub(super) fn tokens(&self) -> &[AddedToken] {
        &self.tokens
    }

    /// Splits `text` at the tokens written in it; `controls` says whether control tokens are
    /// recognised. The parts are in order, none is empty and together they are the whole text.
    pub(super) fn split(&self, text: &str, controls: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut done = 0;
        for (token, found) in self.matches(text, controls) {
            let Range { mut start, mut end } = found;
            if token.single_word && touches_word(text, start, end) {
                continue;
            }
            if token.lstrip {
                start = text[..start].trim_end().len().max(done);
            }
            if token.rstrip {
                end = text.len() - text[end..].trim_start().len();
            }
            // A token of white space may lie in what the token before it stripped.
            if end <= done {
                continue;
            }
            start = start.max(done);
            if done < start {
                parts.push(Part { range: done..start, token: None });
            }
            parts.push(Part { range: start..end, token: Some(token.id) });
            done = end;
        }
        if done < text.len() {
            parts.push(Part { range: done..text.len(), token: None });
        }
        parts
    }

    /// How the control token `id` is written; `None` when it is none.
    pub(super) fn control_text(&self, id: u32) -> Option<&str> {
        self.controls.get(&id).map(|index| self.tokens[*index].text.as_str())
    }

    /// The tokens written in `text` that only a template may write, leftmost-longest, not
    /// overlapping: control tokens, and the marks around calls and results of tools, which some
    /// vocabularies call text.
    pub(super) fn forgeable_in<'a, 't>(
        &'a self,
        text: &'t str,
    ) -> impl Iterator<Item = (&'a AddedToken, Range<usize>)> + use<'a, 't> {
        self.matches(text, true).filter(|(token, _)| {
            token.kind == AddedKind::Control || TOOL_MARKS.contains(&token.text.as_str())
        })
    }

    fn matches<'a, 't>(
        &'a self,
        text: &'t str,
        controls: bool,
    ) -> impl Iterator<Item = (&'a AddedToken, Range<usize>)> + use<'a, 't> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let bytes = text.as_bytes();
            while at < bytes.len() {
                let start = at + bytes[at..].iter().position(|b| self.starts[usize::from(*b)])?;
                if let Some((token, end)) = self.longest_at(bytes, start, controls) {
                    at = end;
                    return Some((token, start..end));
                }
                at = start + 1;
            }
            None
        })
    }

    fn longest_at(
        &self,
        bytes: &[u8],
        start: usize,
        controls: bool,
    ) -> Option<(&AddedToken, usize)> {
        let mut longest = None;
        let mut node = 0;
        for (offset, byte) in bytes[start..].iter().enumerate() {
            let Some(next) = self.edges.get(&(node, *byte)) else { break };
            node = *next;
            if let Some(index) = self.ends[node as usize] {
                let token = &self.tokens[index as usize];
                if controls || token.kind == AddedKind::Text {
                    longest = Some((token, start + offset + 1));
                }
            }
        }
        longest
    }
}

fn touches_word(text: &str, start: usize, end: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text[..start].chars().next_back().is_some_and(is_word)
        || text[end..].chars().next().is_some_and(is_word)
}
