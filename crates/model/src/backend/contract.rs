//! Refuses batches that break the interface's promises, before anything is written.

use std::collections::HashMap;

use intramuros_backend::{BackendError, BatchRow, BlockId, TextBatch, TextModelInfo};

#[cfg(test)]
mod tests;

/// Checks each row by itself, then that no block that one writes to is anybody else's.
///
/// # Errors
/// [`BackendError::Input`] for a token that is not in the vocabulary, [`BackendError::Compute`]
/// for everything else: the caller's bug.
pub(super) fn check(batch: &TextBatch, info: &TextModelInfo) -> Result<(), BackendError> {
    for (index, row) in batch.rows.iter().enumerate() {
        check_row(row, info)
            .map_err(|problem| BackendError::Compute(format!("row {index} {problem}")))?;
        let vocab_size = info.vocab_size;
        if let Some(token) = row.tokens.iter().find(|token| **token as usize >= vocab_size) {
            return Err(BackendError::Input(format!(
                "token {token} is not in the model's vocabulary of {vocab_size}"
            )));
        }
    }
    check_sharing(batch, info.kv.block_tokens as usize).map_err(BackendError::Compute)
}

fn check_row(row: &BatchRow, info: &TextModelInfo) -> Result<(), String> {
    if row.tokens.is_empty() {
        return Err("has no tokens".to_owned());
    }
    let count = row.tokens.len();
    if row.logits > count {
        return Err(format!("wants the logits of {} tokens of {count}", row.logits));
    }
    if row.hidden && row.logits == 0 {
        return Err("wants a hidden state and no logits".to_owned());
    }
    let (end, context) = (row.position as usize + count, info.context_tokens);
    if end > context as usize {
        return Err(format!("ends at {end} tokens, the context is {context}"));
    }
    let (given, needed) = (row.blocks.len(), end.div_ceil(info.kv.block_tokens as usize));
    if given < needed {
        return Err(format!("has {given} blocks, its {end} tokens need {needed}"));
    }
    let blocks = info.kv.blocks;
    if let Some(BlockId(id)) = row.blocks.iter().find(|block| block.0 >= blocks) {
        return Err(format!("names block {id}, there are {blocks}"));
    }
    Ok(())
}

/// A block that is written to occurs once in the whole batch.
fn check_sharing(batch: &TextBatch, block_tokens: usize) -> Result<(), String> {
    let mut writers: HashMap<BlockId, usize> = HashMap::new();
    for (index, row) in batch.rows.iter().enumerate() {
        for block in &row.blocks[written(row, block_tokens)] {
            if let Some(other) = writers.insert(*block, index) {
                let BlockId(id) = block;
                return Err(format!("rows {other} and {index} both write to block {id}"));
            }
        }
    }
    for (index, row) in batch.rows.iter().enumerate() {
        // Blocks past the row's end are not looked at.
        for BlockId(id) in &row.blocks[..written(row, block_tokens).start] {
            if let Some(writer) = writers.get(&BlockId(*id)) {
                return Err(format!("row {writer} writes to block {id} that row {index} reads"));
            }
        }
    }
    Ok(())
}

/// Which of a row's blocks its tokens are written to.
fn written(row: &BatchRow, block_tokens: usize) -> std::ops::Range<usize> {
    let start = row.position as usize;
    start / block_tokens..(start + row.tokens.len()).div_ceil(block_tokens)
}
