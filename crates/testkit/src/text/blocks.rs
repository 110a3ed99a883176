//! Keeps the tokens of a KV cache, block by block.

use intramuros_backend::{BatchRow, KvLayout, TextBatch};

/// What a KV cache would hold the keys and values of.
#[derive(Debug)]
pub(super) struct Blocks {
    block_tokens: usize,
    /// For each block its tokens, `None` where nothing was written.
    slots: Vec<Vec<Option<u32>>>,
}

impl Blocks {
    pub(super) fn new(layout: KvLayout) -> Self {
        let block_tokens = layout.block_tokens as usize;
        Self { block_tokens, slots: vec![vec![None; block_tokens]; layout.blocks as usize] }
    }

    /// Holds a batch to the contract before anything is written.
    pub(super) fn check(&self, batch: &TextBatch) -> Result<(), String> {
        for (at, row) in batch.rows.iter().enumerate() {
            let length = row.position as usize + row.tokens.len();
            if row.tokens.is_empty() || row.logits > row.tokens.len() {
                return Err(format!("row {at} is empty or wants more logits than it has tokens"));
            }
            if row.blocks.len() * self.block_tokens < length {
                return Err(format!("row {at} has too few blocks for {length} tokens"));
            }
            if let Some(block) = row.blocks.iter().find(|b| b.0 as usize >= self.slots.len()) {
                return Err(format!("row {at} has block {}, which does not exist", block.0));
            }
            let first = row.position as usize / self.block_tokens;
            let written = &row.blocks[first..length.div_ceil(self.block_tokens)];
            let others = batch.rows.iter().enumerate().filter(|(other, _)| *other != at);
            for (other, their) in others {
                if let Some(block) = written.iter().find(|block| their.blocks.contains(block)) {
                    return Err(format!("rows {at} and {other} share block {}", block.0));
                }
            }
        }
        Ok(())
    }

    /// Writes a row's tokens and returns all tokens of its sequence.
    pub(super) fn append(&mut self, row: &BatchRow) -> Result<Vec<u32>, String> {
        for (position, token) in (row.position as usize..).zip(&row.tokens) {
            let block = row.blocks[position / self.block_tokens].0 as usize;
            self.slots[block][position % self.block_tokens] = Some(*token);
        }
        let length = row.position as usize + row.tokens.len();
        let token = |position: usize| {
            let block = row.blocks[position / self.block_tokens].0 as usize;
            self.slots[block][position % self.block_tokens]
                .ok_or_else(|| format!("nothing was written at position {position}"))
        };
        (0..length).map(token).collect()
    }
}
