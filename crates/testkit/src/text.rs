//! Imitates a generative model over bytes.

mod codec;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use intramuros_backend::{
    BackendError, BatchRow, Logits, LogitsWanted, SequenceId, TextBackend, TextBatch, TextModelInfo,
};
use intramuros_types::ModelId;

use crate::{Control, Mishap};
pub use codec::FakeCodec;

/// What a [`FakeText`] says.
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

/// A generative model without weights. Holds callers to the contract of [`TextBackend`]: a row of
/// an unknown sequence, an empty row, a sequence twice in a batch or more tokens than were opened
/// fail the step.
#[derive(Debug)]
pub struct FakeText {
    info: TextModelInfo,
    reply: Reply,
    capacity_tokens: u64,
    control: Control<TextBatch>,
    sequences: BTreeMap<SequenceId, Sequence>,
    next_id: u64,
}

#[derive(Debug)]
struct Sequence {
    tokens: Vec<u32>,
    max_tokens: u32,
    /// Length of the prompt and what follows it; known when logits are first asked for.
    script: Option<(usize, Vec<u32>)>,
}

impl FakeText {
    /// A model with a context of 512 tokens and memory for any number of sequences.
    pub fn new(reply: Reply) -> Self {
        let info = TextModelInfo {
            id: ModelId::new("fake-text"),
            architecture: "fake".to_owned(),
            context_tokens: 512,
            vocab_size: FakeCodec::VOCAB_SIZE,
            weight_bytes: 0,
            kv_bytes_per_token: 1,
        };
        Self {
            info,
            reply,
            capacity_tokens: u64::MAX,
            control: Control::new(),
            sequences: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// The same with another context length.
    pub fn with_context_tokens(mut self, context_tokens: u32) -> Self {
        self.info.context_tokens = context_tokens;
        self
    }

    /// The same with memory for this many tokens of all open sequences together.
    pub fn with_capacity_tokens(mut self, capacity_tokens: u64) -> Self {
        self.capacity_tokens = capacity_tokens;
        self
    }

    /// What a test holds of this model.
    pub fn control(&self) -> Control<TextBatch> {
        self.control.clone()
    }

    fn append(&mut self, row: &BatchRow) -> Result<Logits, BackendError> {
        let BatchRow { sequence: id, tokens, logits } = row;
        let broken = |what: &str| BackendError::Compute(format!("sequence {}: {what}", id.0));
        if tokens.is_empty() {
            return Err(broken("an empty row"));
        }
        let sequence = self.sequences.get_mut(id).ok_or_else(|| broken("not open"))?;
        if sequence.tokens.len() + tokens.len() > sequence.max_tokens as usize {
            return Err(broken("more tokens than it was opened for"));
        }
        let mut values = Vec::new();
        for (at, &token) in tokens.iter().enumerate() {
            sequence.tokens.push(token);
            let is_wanted = match logits {
                LogitsWanted::None => false,
                LogitsWanted::Last => at + 1 == tokens.len(),
                LogitsWanted::All => true,
            };
            if is_wanted {
                values.extend(sequence.logits(&self.reply));
            }
        }
        Ok(Logits { values, vocab_size: self.info.vocab_size })
    }
}

impl TextBackend for FakeText {
    fn info(&self) -> &TextModelInfo {
        &self.info
    }

    fn open(&mut self, max_tokens: u32) -> Result<SequenceId, BackendError> {
        if max_tokens > self.info.context_tokens {
            let context = self.info.context_tokens;
            let reason = format!("sequence of {max_tokens} tokens, the context is {context}");
            return Err(BackendError::Input(reason));
        }
        let taken: u64 = self.sequences.values().map(|open| u64::from(open.max_tokens)).sum();
        let available_bytes = self.capacity_tokens.saturating_sub(taken);
        let needed_bytes = u64::from(max_tokens);
        if needed_bytes > available_bytes {
            let what = "the KV cache".to_owned();
            return Err(BackendError::Memory { what, needed_bytes, available_bytes });
        }
        self.next_id += 1;
        let id = SequenceId(self.next_id);
        self.sequences.insert(id, Sequence { tokens: Vec::new(), max_tokens, script: None });
        self.control.set_open_sequences(self.sequences.len());
        Ok(id)
    }

    fn forward(&mut self, batch: &TextBatch) -> Result<Vec<Logits>, BackendError> {
        let mishap = self.control.begin_step(batch);
        let mut ids: Vec<SequenceId> = batch.rows.iter().map(|row| row.sequence).collect();
        ids.sort_unstable();
        ids.dedup();
        if batch.rows.is_empty() || ids.len() != batch.rows.len() {
            return Err(BackendError::Compute("an empty batch or a sequence twice".to_owned()));
        }
        let rows: Result<Vec<Logits>, BackendError> =
            batch.rows.iter().map(|row| self.append(row)).collect();
        let mut rows = rows?;
        match mishap {
            None | Some(Mishap::Panic) => {}
            Some(Mishap::Fail) => return Err(BackendError::Compute("a test asked for it".into())),
            Some(Mishap::NotANumber) => {
                rows.iter_mut().for_each(|logits| logits.values.fill(f32::NAN));
            }
            Some(Mishap::WrongShape) => drop(rows.pop()),
        }
        Ok(rows)
    }

    fn truncate(&mut self, sequence: SequenceId, length: u32) {
        if let Some(sequence) = self.sequences.get_mut(&sequence) {
            sequence.tokens.truncate(length as usize);
        }
    }

    fn close(&mut self, sequence: SequenceId) {
        self.sequences.remove(&sequence);
        self.control.set_open_sequences(self.sequences.len());
    }
}

impl Sequence {
    /// Logits after the tokens so far.
    fn logits(&mut self, reply: &Reply) -> Vec<f32> {
        let length = self.tokens.len();
        let Some((prompt_length, script)) = self.script(reply) else {
            return hashed(&self.tokens);
        };
        let said = length - prompt_length;
        let next = script.get(said).copied().unwrap_or(FakeCodec::END);
        let likely = |token| if token == next { 10.0 } else { 0.0 };
        (0..FakeCodec::VOCAB_SIZE as u32).map(likely).collect()
    }

    /// What follows the prompt, fixed when the prompt is complete; `None` for hashed replies.
    fn script(&mut self, reply: &Reply) -> Option<(usize, &[u32])> {
        if self.script.is_none() {
            let bytes = match reply {
                Reply::Hashed => return None,
                Reply::Bytes(bytes) => bytes.clone(),
                Reply::Answer(answer) => answer(&FakeCodec::decode(&self.tokens)).into_bytes(),
            };
            self.script = Some((self.tokens.len(), bytes.into_iter().map(u32::from).collect()));
        }
        self.script.as_ref().map(|(length, script)| (*length, script.as_slice()))
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
