//! Tests that work is spread without gaps.

use super::*;

#[track_caller]
fn check(length: usize, size: usize) {
    let mut out = vec![0.0; length];
    for_each_chunk(&mut out, size, |index, chunk| {
        for (offset, value) in chunk.iter_mut().enumerate() {
            *value += (index * size + offset) as f32;
        }
    });
    let expected: Vec<f32> = (0..length).map(|at| at as f32).collect();
    assert_eq!(out, expected);
}

#[test]
fn every_element_is_visited_once_under_its_own_index() {
    for length in [0, 1, 2, 7, 8, 9, 1_000] {
        for size in [1, 3, 8, 5_000] {
            check(length, size);
        }
    }
}
