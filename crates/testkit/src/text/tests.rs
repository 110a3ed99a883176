//! Tests that the fake keeps the contract it stands in for.

use intramuros_backend::{BackendError, BatchRow, BlockId, TextBackend, TextBatch, TextCodec};

use super::{FakeCodec, FakeText, Reply};

/// A row that writes `text` from `position` on and wants the last `logits`.
fn row(blocks: &[u32], position: u32, text: &str, logits: usize) -> BatchRow {
    let tokens = FakeCodec.encode(text, false).unwrap();
    let blocks = blocks.iter().copied().map(BlockId).collect();
    BatchRow { tokens, position, blocks, logits, hidden: false }
}

fn forward(model: &mut FakeText, rows: Vec<BatchRow>) -> Result<Vec<Vec<f32>>, BackendError> {
    let logits = model.forward(&TextBatch { rows })?;
    Ok(logits.into_iter().map(|logits| logits.values).collect())
}

#[test]
fn hashed_logits_do_not_depend_on_chunks_blocks_or_neighbours() {
    let mut model = FakeText::new(Reply::Hashed);
    let whole = forward(&mut model, vec![row(&[0, 1], 0, "bonjour", 1)]).unwrap();
    forward(&mut model, vec![row(&[7], 0, "bon", 0)]).unwrap();
    let rows = vec![row(&[0, 1], 7, "x", 1), row(&[7, 3], 3, "jour", 1)];
    let pieces = forward(&mut model, rows).unwrap();
    assert_eq!(whole[0], pieces[1]);
    assert_ne!(whole[0], pieces[0]);
    // What is written again is what counts, and a block may be another sequence's too.
    let all = forward(&mut model, vec![row(&[0, 5], 4, "ourx", 2)]).unwrap();
    assert_eq!(all[0], [whole[0].as_slice(), &pieces[0]].concat());
}

#[test]
fn scripts_follow_the_prompt() {
    let mut model = FakeText::new(Reply::answer(|prompt| format!("{prompt}!")));
    let mut next = forward(&mut model, vec![row(&[0, 1], 0, "ab", 1)]).unwrap();
    for (position, expected) in (2..).zip([u32::from(b'a'), u32::from(b'b'), u32::from(b'!')]) {
        let best = (0..).zip(&next[0]).max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert_eq!(best, expected);
        let row = BatchRow { tokens: vec![best], ..row(&[0, 1], position, "", 1) };
        next = forward(&mut model, vec![row]).unwrap();
    }
    assert_eq!(next[0][FakeCodec::END as usize], 10.0);
}

#[test]
fn broken_contracts_fail_the_step() {
    let mut model = FakeText::new(Reply::Hashed).with_blocks(3);
    for rows in [
        vec![],
        vec![row(&[0], 0, "", 0)],
        vec![row(&[0], 0, "a", 2)],
        vec![row(&[0], 0, "fives", 1)],
        vec![row(&[0], 1, "a", 1)],
        vec![row(&[3], 0, "a", 1)],
        vec![row(&[0], 0, "a", 1), row(&[0], 0, "a", 1)],
        vec![row(&[0], 0, "a", 1), row(&[0, 1], 4, "a", 1)],
    ] {
        let failed = forward(&mut model, rows.clone());
        assert!(matches!(failed, Err(BackendError::Compute(_))), "{rows:?}");
    }
    assert!(forward(&mut model, vec![row(&[2], 0, "four", 1)]).is_ok());
}
