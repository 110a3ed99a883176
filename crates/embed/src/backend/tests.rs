//! Checks how inputs are cut into passes.

use super::*;

#[track_caller]
fn check(lengths: &[usize], expected: &[&[usize]]) {
    let sequences: Vec<Vec<u32>> = lengths.iter().map(|length| vec![5; *length]).collect();
    assert_eq!(sub_batches(&sequences), expected);
}

#[test]
fn passes_hold_at_most_the_token_limit_longest_first() {
    check(&[], &[]);
    check(&[3], &[&[0]]);
    check(&[3, 9, 5], &[&[1, 2, 0]]);
    check(&[1024, 1, 1023], &[&[0], &[2, 1]]);
    check(&[600, 424, 400, 1], &[&[0, 1], &[2, 3]]);
    // Longer than a pass: alone, never with others.
    check(&[1, 8192], &[&[1], &[0]]);
}
