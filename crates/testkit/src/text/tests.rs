//! Tests that the fake keeps the contract it stands in for.

use intramuros_backend::{
    BackendError, BatchRow, LogitsWanted, SequenceId, TextBackend, TextBatch, TextCodec,
};

use super::{FakeCodec, FakeText, Reply};

fn row(sequence: SequenceId, text: &str, logits: LogitsWanted) -> BatchRow {
    let tokens = FakeCodec.encode(text, false).unwrap();
    BatchRow { sequence, tokens, logits }
}

fn forward(model: &mut FakeText, rows: Vec<BatchRow>) -> Result<Vec<Vec<f32>>, BackendError> {
    let logits = model.forward(&TextBatch { rows })?;
    Ok(logits.into_iter().map(|logits| logits.values).collect())
}

#[test]
fn hashed_logits_do_not_depend_on_chunks_or_neighbours() {
    let mut model = FakeText::new(Reply::Hashed);
    let (a, b) = (model.open(10).unwrap(), model.open(10).unwrap());
    let whole = forward(&mut model, vec![row(a, "bonjour", LogitsWanted::Last)]).unwrap();
    forward(&mut model, vec![row(b, "bon", LogitsWanted::None)]).unwrap();
    let other = row(a, "x", LogitsWanted::Last);
    let pieces = forward(&mut model, vec![other, row(b, "jour", LogitsWanted::Last)]).unwrap();
    assert_eq!(whole[0], pieces[1]);
    assert_ne!(whole[0], pieces[0]);
    model.truncate(a, 7);
    let again = forward(&mut model, vec![row(a, "x", LogitsWanted::All)]).unwrap();
    assert_eq!(again[0], pieces[0]);
}

#[test]
fn scripts_follow_the_prompt() {
    let mut model = FakeText::new(Reply::answer(|prompt| format!("{prompt}!")));
    let id = model.open(10).unwrap();
    let mut next = forward(&mut model, vec![row(id, "ab", LogitsWanted::Last)]).unwrap();
    for expected in [u32::from(b'a'), u32::from(b'b'), u32::from(b'!'), FakeCodec::END] {
        let best = (0..).zip(&next[0]).max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert_eq!(best, expected);
        let tokens = vec![best];
        let row = BatchRow { sequence: id, tokens, logits: LogitsWanted::Last };
        next = forward(&mut model, vec![row]).unwrap();
    }
}

#[test]
fn broken_contracts_fail_the_step() {
    let mut model = FakeText::new(Reply::Hashed).with_capacity_tokens(4);
    let id = model.open(3).unwrap();
    assert!(matches!(model.open(2), Err(BackendError::Memory { available_bytes: 1, .. })));
    assert!(matches!(model.open(513), Err(BackendError::Input(_))));
    for rows in [
        vec![],
        vec![row(id, "", LogitsWanted::Last)],
        vec![row(id, "four", LogitsWanted::Last)],
        vec![row(id, "a", LogitsWanted::Last), row(id, "b", LogitsWanted::Last)],
        vec![row(SequenceId(99), "a", LogitsWanted::Last)],
    ] {
        assert!(matches!(forward(&mut model, rows), Err(BackendError::Compute(_))));
    }
    model.close(id);
    assert_eq!(model.control().open_sequences(), 0);
    assert!(model.open(4).is_ok());
}
