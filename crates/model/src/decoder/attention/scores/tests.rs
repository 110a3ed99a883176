//! Tests attention against the formula in f64.

use super::*;

/// Softmax attention as the formula says it, in f64, one query head at a time.
fn reference(q: &[f32], keys: &[&[f32]], values: &[&[f32]]) -> Vec<f64> {
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let scores: Vec<f64> =
        keys.iter().map(|k| (product(q, k) / (q.len() as f64).sqrt()).exp()).collect();
    let total: f64 = scores.iter().sum();
    let column = |at: usize| -> f64 {
        scores.iter().zip(values).map(|(s, v)| s / total * f64::from(v[at])).sum()
    };
    (0..q.len()).map(column).collect()
}

/// Numbers between -1 and 1 without a pattern that would hide an index error.
fn noise(length: usize, seed: f32) -> Vec<f32> {
    (0..length).map(|at| ((at as f32 + seed) * 12.9898).sin()).collect()
}

#[track_caller]
fn check(group: usize, dim: usize, kv_heads: usize, visible: Range<usize>) {
    let kv_width = kv_heads * dim;
    let length = visible.end + 1;
    let (keys, values) = (noise(length * kv_width, 0.1), noise(length * kv_width, 0.7));
    let queries = noise(group * dim, 0.4);
    let column = (kv_heads - 1) * dim;
    let mut out = vec![f32::NAN; group * dim];
    let heads = Heads { group, kv_width, dim };
    attend(&heads, &queries, (&keys, &values, column), visible.clone(), &mut out);
    let rows = |from: &[f32]| -> Vec<Vec<f32>> {
        let row = |at: usize| from[at * kv_width + column..at * kv_width + column + dim].to_vec();
        visible.clone().map(row).collect()
    };
    let (keys, values) = (rows(&keys), rows(&values));
    let keys: Vec<&[f32]> = keys.iter().map(Vec::as_slice).collect();
    let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
    for (query, out) in queries.chunks_exact(dim).zip(out.chunks_exact(dim)) {
        for (out, expected) in out.iter().zip(reference(query, &keys, &values)) {
            assert!((f64::from(*out) - expected).abs() < 1e-5, "{out} is not {expected}");
        }
    }
}

#[test]
fn attention_is_what_the_formula_says() {
    for group in [1, 2, 7] {
        for dim in [2, 6, 8, 24, 64] {
            check(group, dim, 1, 0..1);
            check(group, dim, 2, 0..17);
            check(group, dim, 3, 5..9);
        }
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let mut scores = [1_000.0, 999.0, -1_000.0];
    softmax(&mut scores);
    assert!((scores[0] - 0.731).abs() < 1e-3 && scores[2] == 0.0, "{scores:?}");
    assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn dot_products_of_every_length_agree_with_f64() {
    for length in 0..40 {
        let (a, b) = (noise(length, 0.3), noise(length, 0.9));
        let expected: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        assert!((f64::from(dot(&a, &b)) - expected).abs() < 1e-5, "length {length}");
    }
}
