//! Computes softmax attention of a tile of tokens over the groups of a KV cache.
//!
//! Softmax is computed on the way: each row of the tile keeps the greatest score so far, the sum of
//! weights and the weighted sum of values relative to it. A row's operations depend on its position
//! and on nothing else: it meets the groups in the order of positions, each group begins at a
//! multiple of [`LANES`], and a group that a row does not see in full is masked, not shifted. Rows
//! are computed side by side, but no operation mixes them. So a token gets the same bits in a long
//! prompt, in a chunk of it and alone, on machines with the same instructions.
//!
//! Source: Milakov and Gimelshein 2018 (arXiv 1805.02867), algorithm 3; Dao et al. 2022
//! (FlashAttention, arXiv 2205.14135), algorithm 1.

use std::ops::Range;

use intramuros_backend::BlockId;

use pulp::{Simd, WithSimd};

use super::exp::exp;
use crate::decoder::kv_cache::{LANES, LayerKv};

#[cfg(test)]
mod tests;

/// Rows that share a loaded vector of keys or values: as many as keep the multipliers busy, each
/// with a sum of its own in a register.
const ROWS: usize = 8;

/// Consecutive tokens of one sequence, seen by one key head and the query heads that share it.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    /// The sequence's blocks.
    pub(super) blocks: &'a [BlockId],
    /// Position of the first token.
    pub(super) position: usize,
    /// Number of tokens.
    pub(super) tokens: usize,
    /// Query heads that share the key head.
    pub(super) group: usize,
    /// The key head.
    pub(super) kv_head: usize,
    /// How many positions back a token looks, its own included.
    pub(super) window: Option<usize>,
}

/// What the rows of a tile have gathered; a row is one query head of one token, rows of a token lie
/// side by side.
pub(super) struct State {
    dim: usize,
    /// Queries divided by √head_dim, shape `(rows, head_dim)`.
    queries: Vec<f32>,
    /// Weighted sums of values, shape `(rows, head_dim)`.
    pub(super) gathered: Vec<f32>,
    greatest: Vec<f32>,
    total: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl State {
    /// For a tile of `rows` rows, whose queries are still to be added.
    pub(super) fn new(rows: usize, dim: usize) -> Self {
        Self {
            dim,
            queries: Vec::with_capacity(rows * dim),
            gathered: vec![0.0; rows * dim],
            greatest: vec![f32::NEG_INFINITY; rows],
            total: vec![0.0; rows],
            keys: vec![0.0; LANES * dim],
            values: vec![0.0; LANES * dim],
        }
    }

    /// Adds the queries of the next rows, shape `(any, head_dim)`.
    pub(super) fn add_queries(&mut self, queries: &[f32]) {
        let scale = 1.0 / (self.dim as f32).sqrt();
        self.queries.extend(queries.iter().map(|query| query * scale));
    }
}

/// `gathered = softmax(q Kᵀ / √dim) V` for the rows of a tile.
pub(super) struct Attend<'a> {
    pub(super) cache: &'a LayerKv,
    pub(super) tile: Tile<'a>,
    pub(super) state: &'a mut State,
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Attend { cache, tile, state } = self;
        let first = tile.visible(0).start / LANES;
        for group in first..(tile.position + tile.tokens).div_ceil(LANES) {
            let start = group * LANES;
            let target = (&mut state.keys[..], &mut state.values[..]);
            cache.read(tile.blocks, start, tile.kv_head, target);
            let mask = if tile.all_see(start) { None } else { Some((tile, start)) };
            if let Some(written) = (tile.position + tile.tokens).checked_sub(start) {
                // Whatever lies behind the tile weighs nothing, which only a number can.
                state.values[written.min(LANES) * state.dim..].fill(0.0);
            }
            let seen = tile.seeing(start);
            let (mut row, end) = (seen.start * tile.group, seen.end * tile.group);
            while row < end {
                row += match end - row {
                    ROWS.. => state.step::<ROWS, S>(simd, row, mask),
                    4.. => state.step::<4, S>(simd, row, mask),
                    2.. => state.step::<2, S>(simd, row, mask),
                    _ => state.step::<1, S>(simd, row, mask),
                };
            }
        }
        for (row, total) in state.gathered.chunks_exact_mut(state.dim).zip(&state.total) {
            row.iter_mut().for_each(|value| *value /= total);
        }
    }
}

impl Tile<'_> {
    /// Positions that the tile's `token`-th token sees.
    fn visible(&self, token: usize) -> Range<usize> {
        let end = self.position + token + 1;
        self.window.map_or(0, |window| end.saturating_sub(window))..end
    }

    /// Lanes of the group from position `start` on that the token sees; may be empty.
    fn lanes(&self, token: usize, start: usize) -> Range<usize> {
        let visible = self.visible(token);
        let lane = |position: usize| position.saturating_sub(start).min(LANES);
        lane(visible.start)..lane(visible.end)
    }

    /// Tokens that see something of the group from position `start` on.
    fn seeing(&self, start: usize) -> Range<usize> {
        let first = start.saturating_sub(self.position);
        let past = |window: usize| (start + LANES + window - 1).saturating_sub(self.position);
        first..self.window.map_or(self.tokens, past).min(self.tokens)
    }

    /// Whether every token sees the whole group: the first sees its end, the last its start.
    fn all_see(&self, start: usize) -> bool {
        self.lanes(0, start).end == LANES && self.lanes(self.tokens - 1, start).start == 0
    }
}

/// A tile and the first position of a group that not all of its tokens see in full.
type Mask<'a> = Option<(Tile<'a>, usize)>;

impl State {
    /// Lets `N` rows from `first` on gather from the group that was read, as far as they see it;
    /// each sees something of it. Returns `N`.
    #[inline(always)]
    fn step<const N: usize, S: Simd>(&mut self, simd: S, first: usize, mask: Mask<'_>) -> usize {
        let rows = first * self.dim..(first + N) * self.dim;
        let mut scores = scores::<N, S>(simd, &self.queries[rows.clone()], &self.keys);
        let mut visible: [Range<usize>; N] = std::array::from_fn(|_| 0..LANES);
        if let Some((tile, start)) = mask {
            for row in 0..N {
                visible[row] = tile.lanes((first + row) / tile.group, start);
                hide(&mut scores[row], &visible[row], f32::NEG_INFINITY);
            }
        }
        let greatest = &mut self.greatest[first..first + N];
        let fade = weigh::<N, S>(simd, &mut scores, greatest);
        for row in 0..N {
            hide(&mut scores[row], &visible[row], 0.0);
            let total = &mut self.total[first + row];
            *total = *total * fade[row] + sum(simd, &scores[row]);
        }
        gather::<N, S>(simd, &scores, &fade, &self.values, &mut self.gathered[rows]);
        N
    }
}

/// Overwrites the lanes outside of `visible`.
#[inline(always)]
fn hide(lanes: &mut [f32; LANES], visible: &Range<usize>, with: f32) {
    if visible.len() < LANES {
        for (lane, value) in lanes.iter_mut().enumerate() {
            *value = if visible.contains(&lane) { *value } else { with };
        }
    }
}

/// Products of `N` queries, shape `(N, head_dim)`, with the keys of a group,
/// `(head_dim, LANES)`.
#[inline(always)]
fn scores<const N: usize, S: Simd>(simd: S, queries: &[f32], keys: &[f32]) -> [[f32; LANES]; N] {
    let dim = keys.len() / LANES;
    let queries: [&[f32]; N] = std::array::from_fn(|row| &queries[row * dim..][..dim]);
    let vectors = LANES / S::F32_LANES;
    let (keys, _) = S::as_simd_f32s(keys);
    let mut scores = [[0.0; LANES]; N];
    for vector in 0..vectors {
        let mut sums = [simd.splat_f32s(0.0); N];
        for (at, keys) in keys.chunks_exact(vectors).enumerate().take(dim) {
            for row in 0..N {
                let query = simd.splat_f32s(queries[row][at]);
                sums[row] = simd.mul_add_e_f32s(query, keys[vector], sums[row]);
            }
        }
        for row in 0..N {
            S::as_mut_simd_f32s(&mut scores[row]).0[vector] = sums[row];
        }
    }
    scores
}

/// Turns scores into weights relative to each row's greatest so far, which it brings up to date,
/// and says by how much what the rows gathered before must fade.
#[inline(always)]
fn weigh<const N: usize, S: Simd>(
    simd: S,
    scores: &mut [[f32; LANES]; N],
    greatest: &mut [f32],
) -> [f32; LANES] {
    let mut fade = [0.0; LANES];
    for row in 0..N {
        let (scores, _) = S::as_mut_simd_f32s(&mut scores[row]);
        let most = scores.iter().skip(1).fold(scores[0], |most, &score| simd.max_f32s(most, score));
        let most = simd.reduce_max_f32s(most);
        let new = if most > greatest[row] { most } else { greatest[row] };
        let base = simd.splat_f32s(new);
        for score in scores {
            *score = exp(simd, simd.sub_f32s(*score, base));
        }
        fade[row] = greatest[row] - new;
        greatest[row] = new;
    }
    for fade in S::as_mut_simd_f32s(&mut fade).0 {
        *fade = exp(simd, *fade);
    }
    fade
}

/// The sum of sixteen numbers.
#[inline(always)]
fn sum<S: Simd>(simd: S, numbers: &[f32; LANES]) -> f32 {
    let (numbers, _) = S::as_simd_f32s(numbers);
    let sum = numbers.iter().skip(1).fold(numbers[0], |sum, &more| simd.add_f32s(sum, more));
    simd.reduce_sum_f32s(sum)
}

/// Adds the weighted values of the lanes, `(LANES, head_dim)`, to what `N` rows gathered before,
/// `(N, head_dim)`.
#[inline(always)]
fn gather<const N: usize, S: Simd>(
    simd: S,
    weights: &[[f32; LANES]; N],
    fade: &[f32; LANES],
    values: &[f32],
    gathered: &mut [f32],
) {
    let dim = values.len() / LANES;
    let columns = dim / S::F32_LANES * S::F32_LANES;
    let (whole, rest): ([&[S::f32s]; LANES], [&[f32]; LANES]) = (
        std::array::from_fn(|lane| S::as_simd_f32s(&values[lane * dim..][..columns]).0),
        std::array::from_fn(|lane| &values[lane * dim + columns..(lane + 1) * dim]),
    );
    let mut column = 0;
    while column < columns / S::F32_LANES {
        let mut sums = [simd.splat_f32s(0.0); N];
        for row in 0..N {
            let before = S::as_simd_f32s(&gathered[row * dim..][..columns]).0[column];
            sums[row] = simd.mul_f32s(before, simd.splat_f32s(fade[row]));
        }
        for lane in 0..LANES {
            let values = whole[lane][column];
            for row in 0..N {
                let weight = simd.splat_f32s(weights[row][lane]);
                sums[row] = simd.mul_add_e_f32s(weight, values, sums[row]);
            }
        }
        for row in 0..N {
            S::as_mut_simd_f32s(&mut gathered[row * dim..][..columns]).0[column] = sums[row];
        }
        column += 1;
    }
    for row in 0..N {
        for column in columns..dim {
            let before = gathered[row * dim + column] * fade[row];
            let weighted = (0..LANES).map(|lane| weights[row][lane] * rest[lane][column - columns]);
            gathered[row * dim + column] = weighted.fold(before, |sum, value| sum + value);
        }
    }
}
