//! Checks pooling by hand-made numbers.

use intramuros_types::Pooling;

use super::*;

#[track_caller]
fn check(pooling: Pooling, states: &[f32], hidden: usize, expected: &[f32]) {
    assert_eq!(pool(states, hidden, pooling), expected);
}

#[test]
fn mean_is_over_tokens_and_cls_is_the_first() {
    let states = [1.0, 2.0, 3.0, 6.0, 5.0, 1.0];
    check(Pooling::Mean, &states, 2, &[3.0, 3.0]);
    check(Pooling::Cls, &states, 2, &[1.0, 2.0]);
    check(Pooling::Mean, &states[..2], 2, &[1.0, 2.0]);
}

#[test]
fn normalised_vectors_have_length_one_and_zero_stays_zero() {
    let mut vector = [3.0, 0.0, 4.0];
    normalise(&mut vector);
    assert_eq!(vector, [0.6, 0.0, 0.8]);
    let mut zero = [0.0; 3];
    normalise(&mut zero);
    assert_eq!(zero, [0.0; 3]);
}
