//! Imitates a generative model over bytes.

mod blocks;
mod codec;
mod reply;
#[cfg(test)]
mod tests;

use intramuros_backend::{
    BackendError, BatchRow, KvLayout, Logits, ModelMemory, TextBackend, TextBatch, TextModelInfo,
};
use intramuros_types::ModelId;

use crate::{Control, Mishap};
use blocks::Blocks;
pub use codec::FakeCodec;
pub use reply::Reply;
use reply::Scripts;

/// Positions of a block of the fake's KV cache.
const BLOCK_TOKENS: u32 = 4;

/// A generative model without weights. Holds callers to the contract of [`TextBackend`]: blocks
/// that are out of range or too few, a written block that another row has too, a position before
/// which something is missing or of another sequence, and an empty row fail the step.
#[derive(Debug)]
pub struct FakeText {
    info: TextModelInfo,
    scripts: Scripts,
    blocks: Blocks,
    control: Control<TextBatch>,
}

impl FakeText {
    /// A model with a context of 512 tokens and memory for sixteen of them.
    pub fn new(reply: Reply) -> Self {
        let info = TextModelInfo {
            id: ModelId::new("fake-text"),
            architecture: "fake".to_owned(),
            context_tokens: 512,
            vocab_size: FakeCodec::VOCAB_SIZE,
            memory: ModelMemory::default(),
            kv: KvLayout { block_tokens: BLOCK_TOKENS, blocks: 2048, block_bytes: 1 },
        };
        let blocks = Blocks::new(info.kv);
        Self { info, scripts: Scripts::new(reply), blocks, control: Control::new() }
    }

    /// The same with another context length.
    pub fn with_context_tokens(mut self, context_tokens: u32) -> Self {
        self.info.context_tokens = context_tokens;
        self
    }

    /// The same with a KV cache of this many blocks of four tokens, and a context that fits it.
    pub fn with_blocks(mut self, blocks: u32) -> Self {
        self.info.kv.blocks = blocks;
        self.info.context_tokens = self.info.context_tokens.min(blocks * BLOCK_TOKENS);
        self.blocks = Blocks::new(self.info.kv);
        self
    }

    /// The same under another id.
    pub fn named(mut self, id: ModelId) -> Self {
        self.info.id = id;
        self
    }

    /// The same with weights of this many bytes.
    pub fn sized(mut self, weight_bytes: u64) -> Self {
        self.info.memory.weight_bytes = weight_bytes;
        self
    }

    /// The same, held by a control that there is already.
    pub fn controlled_by(mut self, control: Control<TextBatch>) -> Self {
        self.control = control;
        self
    }

    /// What a test holds of this model.
    pub fn control(&self) -> Control<TextBatch> {
        self.control.clone()
    }

    fn append(&mut self, row: &BatchRow) -> Result<Logits, BackendError> {
        let mut history = self.blocks.append(row).map_err(BackendError::Compute)?;
        let last = history.split_off(row.position as usize);
        let mut values = Vec::new();
        for (at, token) in last.iter().enumerate() {
            history.push(*token);
            if at + row.logits >= last.len() {
                values.extend(self.scripts.logits(&history));
            }
        }
        // As telling as the real one: the same for the same tokens.
        let hidden = if row.hidden {
            history.iter().map(|token| *token as f32).collect()
        } else {
            Vec::new()
        };
        Ok(Logits { values, vocab_size: self.info.vocab_size, hidden })
    }
}

impl TextBackend for FakeText {
    fn info(&self) -> &TextModelInfo {
        &self.info
    }

    fn forward(&mut self, batch: &TextBatch) -> Result<Vec<Logits>, BackendError> {
        let mishap = self.control.begin_step(batch);
        if batch.rows.is_empty() {
            return Err(BackendError::Compute("an empty batch".to_owned()));
        }
        self.blocks.check(batch).map_err(BackendError::Compute)?;
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
}
