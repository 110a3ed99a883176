//! Tests what is refused.

use intramuros_backend::{KvLayout, ModelMemory};
use intramuros_types::ModelId;

use super::*;

fn info() -> TextModelInfo {
    TextModelInfo {
        id: ModelId::new("m"),
        architecture: "llama".to_owned(),
        context_tokens: 100,
        vocab_size: 160,
        memory: ModelMemory::default(),
        kv: KvLayout { block_tokens: 16, blocks: 10, block_bytes: 1 },
    }
}

/// A row of `count` tokens with the logits of the last.
fn row(position: u32, count: usize, blocks: &[u32]) -> BatchRow {
    let blocks = blocks.iter().copied().map(BlockId).collect();
    BatchRow { tokens: vec![7; count], position, blocks, logits: count.min(1), hidden: false }
}

#[track_caller]
fn check_refused(rows: Vec<BatchRow>, expected: &str) {
    let error = check(&TextBatch { rows }, &info()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_batch_that_keeps_the_contract_is_taken() {
    let rows = vec![row(32, 3, &[0, 1, 2]), row(40, 10, &[0, 1, 5, 6]), row(0, 16, &[9])];
    assert!(check(&TextBatch { rows }, &info()).is_ok());
    assert!(check(&TextBatch::default(), &info()).is_ok());
    assert!(check(&TextBatch { rows: vec![row(0, 100, &[1, 2, 3, 4, 5, 6, 7])] }, &info()).is_ok());
}

#[test]
fn rows_that_break_the_contract_are_refused() {
    check_refused(vec![row(0, 0, &[1])], "row 0 has no tokens");
    check_refused(vec![row(16, 1, &[1])], "has 1 blocks, its 17 tokens need 2");
    check_refused(vec![row(0, 1, &[])], "has 0 blocks");
    check_refused(vec![row(0, 1, &[10])], "names block 10, there are 10");
    check_refused(vec![row(0, 1, &[1, 11])], "names block 11");
    check_refused(vec![row(99, 2, &[0, 1, 2, 3, 4, 5, 6])], "ends at 101 tokens");
    check_refused(vec![row(u32::MAX, 1, &[0])], "the context is 100");
    check_refused(vec![BatchRow { logits: 3, ..row(0, 2, &[0]) }], "logits of 3 tokens of 2");
    let only = BatchRow { logits: 0, hidden: true, ..row(0, 2, &[0]) };
    check_refused(vec![only], "a hidden state and no logits");
    let unknown = BatchRow { tokens: vec![1, 160], ..row(0, 2, &[0]) };
    let error = check(&TextBatch { rows: vec![unknown] }, &info()).unwrap_err();
    assert!(matches!(&error, BackendError::Input(text) if text.contains("token 160")), "{error}");
}

#[test]
fn a_block_is_written_by_one_row_and_read_by_no_other() {
    let twice = vec![row(0, 1, &[3]), row(0, 1, &[3])];
    check_refused(twice, "rows 0 and 1 both write to block 3");
    let read = vec![row(16, 1, &[3, 4]), row(0, 1, &[3])];
    check_refused(read, "row 1 writes to block 3 that row 0 reads");
    // Within a row, too.
    check_refused(vec![row(16, 1, &[3, 3])], "row 0 writes to block 3 that row 0 reads");
    check_refused(vec![row(0, 20, &[3, 3])], "both write to block 3");
    // What lies past a row's end is not looked at.
    let after = vec![row(0, 1, &[3, 4]), row(0, 1, &[4])];
    assert!(check(&TextBatch { rows: after }, &info()).is_ok());
}
