//! Computes softmax attention of a tile of tokens over the groups of a KV cache.
//!
//! Softmax is computed on the way: each row of the tile keeps the greatest score so far, the sum of
//! weights and the weighted sum of values relative to it. A row's operations depend on its position
//! and on nothing else: it meets the groups in the order of positions, each group begins at a
//! multiple of [`LANES`], and a group that a row does not see in full is masked, not shifted. Rows
//! are computed side by side, but no operation mixes them. So a token gets the same bits in a long
//! prompt, in a chunk of it and alone.
//!
//! Source: Milakov and Gimelshein 2018 (arXiv 1805.02867), algorithm 3; Dao et al. 2022
//! (FlashAttention, arXiv 2205.14135), algorithm 1.

use std::ops::Range;

use intramuros_backend::BlockId;

use super::exp::exp;
use crate::decoder::kv_cache::{LANES, LayerKv};
use crate::decoder::simd::{Kernel, multiply_add};

#[cfg(test)]
mod tests;

/// Rows that share a loaded vector of keys or values: as many as registers allow.
const ROWS: usize = 4;

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
    pub(super) queries: Vec<f32>,
    /// Weighted sums of values, shape `(rows, head_dim)`.
    pub(super) gathered: Vec<f32>,
    greatest: Vec<f32>,
    total: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl State {
    /// For a tile of `rows` rows; `queries` are still to be filled in.
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
}

/// `gathered = softmax(q Kᵀ / √dim) V` for the rows of a tile.
pub(super) struct Attend<'a> {
    pub(super) cache: &'a LayerKv,
    pub(super) tile: Tile<'a>,
    pub(super) state: &'a mut State,
}

impl Kernel for Attend<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let Attend { cache, tile, state } = self;
        let rows = tile.tokens * tile.group;
        let first = tile.visible(0).start / LANES;
        for group in first..(tile.position + tile.tokens).div_ceil(LANES) {
            let start = group * LANES;
            let target = (&mut state.keys[..], &mut state.values[..]);
            cache.read(tile.blocks, start, tile.kv_head, target);
            if tile.all_see(start) {
                let mut row = 0;
                while row + ROWS <= rows {
                    state.step::<ROWS, FUSED>(row, 0..LANES);
                    row += ROWS;
                }
                match rows - row {
                    1 => state.step::<1, FUSED>(row, 0..LANES),
                    2 => state.step::<2, FUSED>(row, 0..LANES),
                    3 => state.step::<3, FUSED>(row, 0..LANES),
                    _ => {}
                }
            } else {
                for token in 0..tile.tokens {
                    let lanes = tile.lanes(token, start);
                    for row in token * tile.group..(token + 1) * tile.group {
                        state.step::<1, FUSED>(row, lanes.clone());
                    }
                }
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

    /// Whether every token sees the whole group: the first sees its end, the last its start.
    fn all_see(&self, start: usize) -> bool {
        self.lanes(0, start).end == LANES && self.lanes(self.tokens - 1, start).start == 0
    }
}

impl State {
    /// Lets `N` rows from `first` on gather from the group that was read, as far as they see it.
    #[inline(always)]
    fn step<const N: usize, const FUSED: bool>(&mut self, first: usize, lanes: Range<usize>) {
        if lanes.is_empty() {
            return;
        }
        let rows = first * self.dim..(first + N) * self.dim;
        let scores = scores::<N, FUSED>(&self.queries[rows.clone()], &self.keys);
        let mut weights = [[0.0; LANES]; N];
        let mut fade = [0.0; N];
        for row in 0..N {
            let (greatest, total) = (&mut self.greatest[first + row], &mut self.total[first + row]);
            (weights[row], fade[row]) =
                weigh::<FUSED>(&scores[row], lanes.clone(), greatest, total);
        }
        gather::<N, FUSED>(&weights, &fade, &self.values, lanes, &mut self.gathered[rows]);
    }
}

/// Products of `N` queries, shape `(N, head_dim)`, with the keys of a group,
/// `(head_dim, LANES)`.
#[inline(always)]
fn scores<const N: usize, const FUSED: bool>(queries: &[f32], keys: &[f32]) -> [[f32; LANES]; N] {
    let (keys, _) = keys.as_chunks::<LANES>();
    let dim = keys.len();
    let queries: [&[f32]; N] = std::array::from_fn(|row| &queries[row * dim..][..dim]);
    let mut scores = [[0.0; LANES]; N];
    for at in 0..dim {
        for row in 0..N {
            let query = queries[row][at];
            for lane in 0..LANES {
                scores[row][lane] = multiply_add::<FUSED>(query, keys[at][lane], scores[row][lane]);
            }
        }
    }
    scores
}

/// Turns a row's scores into weights relative to the greatest so far, which it brings up to date,
/// and says by how much what was gathered before must fade. Lanes that are not seen weigh nothing.
#[inline(always)]
fn weigh<const FUSED: bool>(
    scores: &[f32; LANES],
    lanes: Range<usize>,
    greatest: &mut f32,
    total: &mut f32,
) -> ([f32; LANES], f32) {
    let mut masked = *scores;
    if lanes.len() < LANES {
        masked = std::array::from_fn(|lane| {
            if lanes.contains(&lane) { scores[lane] } else { f32::NEG_INFINITY }
        });
    }
    let new = fold(masked, |a, b| if a > b { a } else { b });
    let new = if new > *greatest { new } else { *greatest };
    let fade = exp::<FUSED>(*greatest - new);
    let mut weights = masked;
    for weight in &mut weights {
        *weight = exp::<FUSED>(*weight - new);
    }
    if lanes.len() < LANES {
        for (lane, weight) in weights.iter_mut().enumerate() {
            *weight = if lanes.contains(&lane) { *weight } else { 0.0 };
        }
    }
    *greatest = new;
    *total = multiply_add::<FUSED>(*total, fade, fold(weights, |a, b| a + b));
    (weights, fade)
}

/// Combines sixteen numbers in pairs, always the same ones.
#[inline(always)]
fn fold(numbers: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut numbers = numbers;
    let mut half = LANES / 2;
    while half > 0 {
        for at in 0..half {
            numbers[at] = combine(numbers[at], numbers[at + half]);
        }
        half /= 2;
    }
    numbers[0]
}

/// Adds the weighted values of the lanes, `(LANES, head_dim)`, to what `N` rows gathered before,
/// `(N, head_dim)`.
#[inline(always)]
fn gather<const N: usize, const FUSED: bool>(
    weights: &[[f32; LANES]; N],
    fade: &[f32; N],
    values: &[f32],
    lanes: Range<usize>,
    gathered: &mut [f32],
) {
    const WIDTH: usize = 16;
    let dim = gathered.len() / N;
    let whole = dim / WIDTH * WIDTH;
    for column in (0..whole).step_by(WIDTH) {
        let mut sums = [[0.0; WIDTH]; N];
        for row in 0..N {
            let before = &gathered[row * dim + column..][..WIDTH];
            for at in 0..WIDTH {
                sums[row][at] = before[at] * fade[row];
            }
        }
        for lane in lanes.clone() {
            let values = &values[lane * dim + column..][..WIDTH];
            for row in 0..N {
                for at in 0..WIDTH {
                    sums[row][at] =
                        multiply_add::<FUSED>(weights[row][lane], values[at], sums[row][at]);
                }
            }
        }
        for row in 0..N {
            gathered[row * dim + column..][..WIDTH].copy_from_slice(&sums[row]);
        }
    }
    for row in 0..N {
        for column in whole..dim {
            let mut sum = gathered[row * dim + column] * fade[row];
            for lane in lanes.clone() {
                sum = multiply_add::<FUSED>(weights[row][lane], values[lane * dim + column], sum);
            }
            gathered[row * dim + column] = sum;
        }
    }
}
