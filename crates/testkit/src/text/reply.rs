//! Decides what a fake model says.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::FakeCodec;

/// What a [`FakeText`](super::FakeText) says.
#[derive(Clone)]
pub enum Reply {
    /// Logits that depend on every token of the sequence so far; bytes of `a` to `z` only, and
    /// never an end: an answer ends at its `max_tokens`.
    Hashed,
    /// These bytes whatever the prompt is, then the end of the turn.
    Bytes(Vec<u8>),
    /// What this makes of the prompt's text (template included), then the end of the turn.
    Answer(Arc<dyn Fn(&str) -> String + Send + Sync>),
}

impl Reply {
    /// Says what `answer` makes of the prompt's text.
    pub fn answer(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Reply::Answer(Arc::new(answer))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Hashed => f.write_str("Hashed"),
            Reply::Bytes(bytes) => f.debug_tuple("Bytes").field(bytes).finish(),
            Reply::Answer(_) => f.write_str("Answer(..)"),
        }
    }
}

/// Answers that have begun. A model sees tokens only and cannot tell where a prompt ends: the
/// first history that logits are asked for is a prompt, and what follows it is its answer.
#[derive(Debug)]
pub(super) struct Scripts {
    reply: Reply,
    begun: HashMap<Vec<u32>, Vec<u32>>,
}

impl Scripts {
    pub(super) fn new(reply: Reply) -> Self {
        Self { reply, begun: HashMap::new() }
    }

    /// Logits after the tokens of `history`.
    pub(super) fn logits(&mut self, history: &[u32]) -> Vec<f32> {
        if matches!(self.reply, Reply::Hashed) {
            return hashed(history);
        }
        let next = self.next(history);
        let likely = |token| if token == next { 10.0 } else { 0.0 };
        (0..FakeCodec::VOCAB_SIZE as u32).map(likely).collect()
    }

    /// The token after `history`: the longest prompt counts that it is an answer to.
    fn next(&mut self, history: &[u32]) -> u32 {
        for end in (1..=history.len()).rev() {
            let (prompt, said) = history.split_at(end);
            if let Some(script) = self.begun.get(prompt)
                && script.starts_with(said)
            {
                return script.get(said.len()).copied().unwrap_or(FakeCodec::END);
            }
        }
        let bytes = match &self.reply {
            Reply::Hashed => Vec::new(),
            Reply::Bytes(bytes) => bytes.clone(),
            Reply::Answer(answer) => answer(&FakeCodec::decode(history)).into_bytes(),
        };
        let script: Vec<u32> = bytes.into_iter().map(u32::from).collect();
        let first = script.first().copied().unwrap_or(FakeCodec::END);
        self.begun.insert(history.to_vec(), script);
        first
    }
}

/// Logits in `0..4` for the lower-case letters, from a hash of all `tokens`; nothing else is
/// possible.
fn hashed(tokens: &[u32]) -> Vec<f32> {
    let history = tokens.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &token| {
        (hash ^ u64::from(token)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let logit = |token: u32| {
        if !(u32::from(b'a')..=u32::from(b'z')).contains(&token) {
            return f32::NEG_INFINITY;
        }
        let mixed = crate::embed::mix(history ^ u64::from(token) << 40);
        (mixed >> 40) as f32 / (1u32 << 22) as f32
    };
    (0..FakeCodec::VOCAB_SIZE as u32).map(logit).collect()
}
