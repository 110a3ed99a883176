//! Tests that drafts are what followed before, and that a drafter learns from its mistakes.

use super::Drafter;

#[track_caller]
fn check(tokens: &[u32], most: usize, expected: &[u32]) {
    assert_eq!(Drafter::default().draft(tokens, most), expected);
}

#[test]
fn a_draft_is_what_followed_the_same_tokens_last_time() {
    check(&[1, 2, 3, 4, 1, 2], 8, &[3, 4, 1, 2]);
    check(&[1, 2, 3, 4, 1, 2], 2, &[3, 4]);
    check(&[1, 2, 7, 1, 2, 9, 1, 2], 1, &[9]);
    check(&[1, 2, 3, 4], 8, &[]);
    check(&[5, 5, 5], 8, &[5]);
    check(&[], 8, &[]);
    check(&[1], 8, &[]);
}

#[test]
fn longer_agreement_wins_over_newer() {
    check(&[1, 2, 3, 4, 50, 3, 4, 60, 1, 2, 3, 4], 1, &[50]);
}

#[test]
fn a_growing_sequence_is_indexed_as_it_grows() {
    let tokens = [1, 2, 3, 1, 2, 3, 1, 2, 9, 1, 2];
    let mut drafter = Drafter::default();
    for length in 1..=tokens.len() {
        let grown = drafter.draft(&tokens[..length], 3);
        assert_eq!(grown, Drafter::default().draft(&tokens[..length], 3), "at {length}");
    }
}

#[test]
fn acceptance_falls_with_wrong_drafts_rises_with_right_ones_and_recovers() {
    let mut drafter = Drafter::default();
    (0..30).for_each(|_| drafter.record(4, 0));
    let poor = drafter.acceptance();
    assert!(poor < 0.01);
    (0..20).for_each(|_| drafter.record(0, 0));
    assert!(drafter.acceptance() > poor + 0.15);
    (0..30).for_each(|_| drafter.record(4, 4));
    let good = drafter.acceptance();
    assert!(good > 0.99);
    drafter.record(0, 0);
    assert!(drafter.acceptance() >= good);
}
