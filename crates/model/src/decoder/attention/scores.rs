//! Computes softmax attention of one token over slices.

use std::ops::Range;

#[cfg(test)]
mod tests;

/// How heads lie in memory.
pub(super) struct Heads {
    /// Query heads that share a key head.
    pub(super) group: usize,
    /// Width of a row of keys or values: all key heads.
    pub(super) kv_width: usize,
    /// Width of a head.
    pub(super) dim: usize,
}

/// `out = softmax(q Kᵀ / √dim) V` for the query heads that share one key head.
///
/// `queries` and `out` have shape `(group, dim)`. The cache is `(keys, values, column)`: both of
/// shape `(length, kv_width)`, of which the head is the columns from `column` on. `visible` are the
/// rows that the token may look at, at least one.
///
/// Source: Vaswani et al. 2017 (arXiv 1706.03762), equation 1.
pub(super) fn attend(
    heads: &Heads,
    queries: &[f32],
    (keys, values, column): (&[f32], &[f32], usize),
    visible: Range<usize>,
    out: &mut [f32],
) {
    let (dim, count) = (heads.dim, visible.len());
    let scale = 1.0 / (dim as f32).sqrt();
    let head_of = |row: usize| row * heads.kv_width + column..row * heads.kv_width + column + dim;
    // Shape (group, count). Each key is read once for the whole group.
    let mut scores = vec![0.0; heads.group * count];
    for (index, row) in visible.clone().enumerate() {
        let key = &keys[head_of(row)];
        for (member, query) in queries.chunks_exact(dim).enumerate() {
            scores[member * count + index] = dot(query, key) * scale;
        }
    }
    scores.chunks_exact_mut(count).for_each(softmax);
    out.fill(0.0);
    for (index, row) in visible.enumerate() {
        let value = &values[head_of(row)];
        for (member, out) in out.chunks_exact_mut(dim).enumerate() {
            let weight = scores[member * count + index];
            for (out, value) in out.iter_mut().zip(value) {
                *out += weight * value;
            }
        }
    }
}

/// Turns scores into weights that sum to 1; the greatest score is subtracted first, so that no
/// exponential overflows.
fn softmax(scores: &mut [f32]) {
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - greatest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

/// Σ aᵢ bᵢ. Eight running sums let the compiler use vector registers; one sum would be a chain of
/// dependent additions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
