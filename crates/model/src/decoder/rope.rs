//! Rotates queries and keys by their positions.

use super::parallel::for_each_chunk;
use crate::config::{DecoderConfig, RopeKind};

#[cfg(test)]
mod tests;

/// Rotary position embedding of one model.
///
/// Source: Su et al. 2021 (RoFormer, arXiv 2104.09864), equation 34.
pub(super) struct Rope {
    frequencies: Vec<f32>,
    magnitude: f32,
}

/// Cosines and sines of a batch's positions, shape `(tokens, dim / 2)`; shared by all layers.
pub(super) struct Angles {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl Rope {
    pub(super) fn new(config: &DecoderConfig) -> Self {
        let rope = &config.rope;
        Self { frequencies: rope.frequencies(), magnitude: rope.magnitude() }
    }

    /// Angles are products in f32, as the reference computes them.
    pub(super) fn angles(&self, positions: impl Iterator<Item = usize>) -> Angles {
        let half = self.frequencies.len();
        let mut angles = Angles { cos: Vec::new(), sin: Vec::new(), half };
        for position in positions {
            for frequency in &self.frequencies {
                let (sin, cos) = (position as f32 * frequency).sin_cos();
                angles.cos.push(cos * self.magnitude);
                angles.sin.push(sin * self.magnitude);
            }
        }
        angles
    }
}

/// Rotates the first `2 × half` elements of every head of `rows`, shape
/// `(tokens, heads × head_dim)`.
pub(super) fn rotate(
    rows: &mut [f32],
    width: usize,
    head_dim: usize,
    kind: RopeKind,
    angles: &Angles,
) {
    let half = angles.half;
    for_each_chunk(rows, width, |row, values| {
        let at = row * half;
        let (cos, sin) = (&angles.cos[at..at + half], &angles.sin[at..at + half]);
        for head in values.chunks_exact_mut(head_dim) {
            match kind {
                RopeKind::Interleaved => rotate_neighbours(&mut head[..2 * half], cos, sin),
                RopeKind::Halves => rotate_halves(&mut head[..2 * half], cos, sin),
            }
        }
    });
}

fn rotate_neighbours(values: &mut [f32], cos: &[f32], sin: &[f32]) {
    for ((pair, cos), sin) in values.chunks_exact_mut(2).zip(cos).zip(sin) {
        let (a, b) = (pair[0], pair[1]);
        pair[0] = a * cos - b * sin;
        pair[1] = a * sin + b * cos;
    }
}

fn rotate_halves(values: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (first, second) = values.split_at_mut(cos.len());
    for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    }
}
