//! A tokenizer small enough to read, and ways to drive a matcher.

use std::sync::Arc;

use intramuros_backend::{BackendError, ChatOptions, TextCodec, ToolFormat};
use intramuros_types::{Constraint, Message};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::{ConstraintError, ConstraintLimits, Grammar, Matcher, Vocabulary};

/// The first token that ends a turn; the second is the next one.
pub(super) const STOP: u32 = FIRST_SPECIAL;
const FIRST_SPECIAL: u32 = 256 + WORDS.len() as u32;
/// Logits rows are this much longer than the vocabulary.
pub(super) const PADDING: usize = 7;

/// Tokens of several bytes.
const WORDS: [&str; 22] = [
    "{\"",
    "\":",
    "\": ",
    "\": \"",
    "\", \"",
    ", ",
    ": ",
    "\"}",
    "\"}}",
    "true",
    "false",
    "null",
    "name",
    "é",
    "→",
    "ab",
    "abc",
    "  ",
    "00",
    "tool",
    "_call",
    "arguments",
];
const SPECIALS: [&str; 5] = ["<|end|>", "<|end2|>", "<|im_start|>", "<call>", "</call>"];

/// Bytes, some words, some specials. Specials spelled in text stay text.
pub(super) struct ByteCodec {
    tokens: Vec<Vec<u8>>,
}

impl ByteCodec {
    pub(super) fn new() -> Self {
        let bytes = (0..=255_u8).map(|byte| vec![byte]);
        let words = WORDS.iter().map(|word| word.as_bytes().to_vec());
        let specials = SPECIALS.iter().map(|_| Vec::new());
        ByteCodec { tokens: bytes.chain(words).chain(specials).collect() }
    }

    /// Longest match first.
    pub(super) fn tokens(&self, bytes: &[u8]) -> Vec<u32> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (token, length) = (0..FIRST_SPECIAL)
                .filter(|&token| rest.starts_with(&self.tokens[token as usize]))
                .map(|token| (token, self.tokens[token as usize].len()))
                .max_by_key(|(_, length)| *length)
                .expect("every byte is a token");
            out.push(token);
            rest = &rest[length..];
        }
        out
    }
}

impl TextCodec for ByteCodec {
    fn encode_chat(&self, _: &[Message], _: &ChatOptions) -> Result<Vec<u32>, BackendError> {
        Ok(Vec::new())
    }

    fn encode(&self, text: &str, _: bool) -> Result<Vec<u32>, BackendError> {
        Ok(self.tokens(text.as_bytes()))
    }

    fn token_bytes(&self, token: u32) -> &[u8] {
        &self.tokens[token as usize]
    }

    fn special_text(&self, token: u32) -> Option<&str> {
        let at = token.checked_sub(FIRST_SPECIAL)?;
        SPECIALS.get(at as usize).copied()
    }

    fn vocab_size(&self) -> usize {
        self.tokens.len()
    }

    fn stop_tokens(&self) -> &[u32] {
        &[STOP, STOP + 1]
    }

    fn tool_format(&self) -> Option<ToolFormat> {
        None
    }
}

pub(super) fn vocabulary() -> Vocabulary {
    Vocabulary::new(Arc::new(ByteCodec::new()), usize::MAX).expect("vocabulary")
}

pub(super) fn compile(constraint: &Constraint) -> Result<Grammar, ConstraintError> {
    Grammar::compile(constraint, &vocabulary(), &ConstraintLimits::default())
}

/// Which tokens may come next.
pub(super) fn allowed(matcher: &mut Matcher) -> Vec<u32> {
    let size = ByteCodec::new().vocab_size() + PADDING;
    let mut logits = vec![0.0; size];
    matcher.mask(&mut logits).expect("mask");
    (0..size as u32).filter(|&token| logits[token as usize] == 0.0).collect()
}

/// Whether the whole of `text` is an answer, taken in tokens of one byte each, with a mask before
/// each as a model would have.
pub(super) fn accepts(grammar: &Grammar, text: &str) -> Result<bool, ConstraintError> {
    let mut matcher = grammar.matcher();
    let mut logits = [0.0; 300];
    for byte in text.bytes() {
        if matcher.is_finished() {
            return Ok(false);
        }
        matcher.mask(&mut logits)?;
        match matcher.accept(u32::from(byte)) {
            Err(ConstraintError::Rejected { .. }) => return Ok(false),
            other => other?,
        }
    }
    matcher.is_accepting()
}

/// Draws answers at random, and prefers to end, so that they stay short.
pub(super) struct Drawer {
    random: ChaCha8Rng,
    codec: ByteCodec,
}

impl Drawer {
    pub(super) fn new(seed: u64) -> Self {
        Drawer { random: ChaCha8Rng::seed_from_u64(seed), codec: ByteCodec::new() }
    }

    /// One answer, or `None` when it did not end within `most` tokens. Checks every promise of
    /// the matcher on the way.
    pub(super) fn draw(&mut self, grammar: &Grammar, most: usize) -> Option<String> {
        let mut matcher = grammar.matcher();
        let mut text = Vec::new();
        let mut taken = Vec::new();
        for _ in 0..most {
            if matcher.is_finished() {
                break;
            }
            let forced = matcher.forced();
            let allowed = allowed(&mut matcher);
            assert!(!allowed.is_empty(), "a mask allows something");
            let stops = allowed.iter().filter(|token| (STOP..STOP + 2).contains(token)).count();
            let ends = matcher.is_accepting().expect("accepting");
            assert_eq!(stops, if ends { 2 } else { 0 }, "all stop tokens or none");
            if let Some(first) = forced.first() {
                assert_eq!(allowed, [*first], "the mask offers what is forced");
                assert_eq!(matcher.valid_prefix(&forced).expect("valid"), forced.len());
            }
            let closing = allowed.iter().copied().filter(|&token| self.closes(token));
            let closing: Vec<u32> = closing.collect();
            let pick = if !closing.is_empty() && self.random.random_bool(0.4) {
                &closing
            } else {
                &allowed
            };
            let token = pick[self.random.random_range(0..pick.len())];
            assert_eq!(matcher.valid_prefix(&[token]).expect("valid"), 1);
            matcher.accept(token).expect("an allowed token");
            taken.push(token);
            text.extend_from_slice(self.codec.token_bytes(token));
        }
        if !matcher.is_finished() {
            return None;
        }
        assert_eq!(grammar.matcher().valid_prefix(&taken).expect("valid"), taken.len());
        Some(String::from_utf8(text).expect("UTF-8"))
    }

    fn closes(&self, token: u32) -> bool {
        let bytes = self.codec.token_bytes(token);
        matches!(bytes.last(), None | Some(b'"' | b'}' | b']'))
    }
}
