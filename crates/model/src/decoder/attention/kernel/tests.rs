//! Tests attention against the formula in f64, and every tile against its rows alone.

use super::*;
use crate::decoder::kv_cache::{KvCache, KvShape};
use crate::{DecoderConfig, KvType};
use intramuros_simd::dispatch;

/// Numbers between -1 and 1 without a pattern that would hide an index error.
fn noise(length: usize, seed: f32) -> Vec<f32> {
    (0..length).map(|at| ((at as f32 + seed) * 12.9898).sin()).collect()
}

struct Case {
    cache: KvCache,
    blocks: Vec<BlockId>,
    keys: Vec<f32>,
    values: Vec<f32>,
    dim: usize,
    group: usize,
    window: Option<usize>,
}

const KV_HEADS: usize = 2;
const LENGTH: usize = 75;

impl Case {
    fn new(dim: usize, group: usize, window: Option<usize>) -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("golden/decoder/llama-tied/config.json");
        let config = DecoderConfig::from_config_json(&path).unwrap();
        let config = DecoderConfig { layers: 1, kv_heads: KV_HEADS, head_dim: dim, ..config };
        let mut cache = KvCache::new(KvShape::new(&config, KvType::F32, 16).unwrap(), 5);
        let blocks = [3, 1, 4, 0, 2].map(BlockId).to_vec();
        let width = KV_HEADS * dim;
        let (keys, values) = (noise(LENGTH * width, 0.1), noise(LENGTH * width, 0.7));
        for position in 0..LENGTH {
            let row = position * width..(position + 1) * width;
            cache.layer(0).write(&blocks, position, &keys[row.clone()], &values[row]);
        }
        Self { cache, blocks, keys, values, dim, group, window }
    }

    /// Queries of one head's row at `position`.
    fn queries(&self, position: usize) -> Vec<f32> {
        noise(self.group * self.dim, position as f32 + 0.4)
    }

    fn attend(&mut self, position: usize, tokens: usize, kv_head: usize) -> Vec<f32> {
        let tile = Tile {
            blocks: &self.blocks,
            position,
            tokens,
            group: self.group,
            kv_head,
            window: self.window,
        };
        let mut state = State::new(tokens * self.group, self.dim);
        for at in position..position + tokens {
            state.add_queries(&self.queries(at));
        }
        dispatch(Attend { cache: self.cache.layer(0), tile, state: &mut state });
        state.gathered
    }

    /// Softmax attention as the formula says it, in f64.
    fn expected(&self, position: usize, kv_head: usize) -> Vec<f64> {
        let start = self.window.map_or(0, |window| (position + 1).saturating_sub(window));
        let row = |from: &[f32], at: usize| {
            from[(at * KV_HEADS + kv_head) * self.dim..][..self.dim].to_vec()
        };
        let mut all = Vec::new();
        for query in self.queries(position).chunks_exact(self.dim) {
            let score = |at: usize| -> f64 {
                let key = row(&self.keys, at);
                let products = query.iter().zip(&key).map(|(q, k)| f64::from(*q) * f64::from(*k));
                (products.sum::<f64>() / (self.dim as f64).sqrt()).exp()
            };
            let scores: Vec<f64> = (start..=position).map(score).collect();
            let total: f64 = scores.iter().sum();
            let mut sum = vec![0.0; self.dim];
            for (score, at) in scores.iter().zip(start..) {
                for (sum, value) in sum.iter_mut().zip(row(&self.values, at)) {
                    *sum += score / total * f64::from(value);
                }
            }
            all.extend(sum);
        }
        all
    }
}

#[track_caller]
fn check(dim: usize, group: usize, window: Option<usize>) {
    let mut case = Case::new(dim, group, window);
    for kv_head in 0..KV_HEADS {
        let mut alone = Vec::new();
        for position in 0..LENGTH {
            let actual = case.attend(position, 1, kv_head);
            for (actual, expected) in actual.iter().zip(case.expected(position, kv_head)) {
                let near = (f64::from(*actual) - expected).abs() < 2e-6;
                assert!(near, "{actual} is not {expected} at {position}, head size {dim}");
            }
            alone.push(actual);
        }
        for (position, tokens) in [(0, LENGTH), (3, 9), (15, 2), (30, 33), (64, 11)] {
            let together = case.attend(position, tokens, kv_head);
            let alone = alone[position..position + tokens].concat();
            assert_eq!(together, alone, "{tokens} tokens from {position}, head size {dim}");
        }
    }
}

#[test]
fn attention_is_what_the_formula_says() {
    for group in [1, 2, 7] {
        for dim in [2, 6, 16, 24, 64] {
            check(dim, group, None);
            check(dim, group, Some(1));
            check(dim, group, Some(20));
        }
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let mut scores = [std::array::from_fn(|lane| 1_000.0 - 1_000.0 * lane as f32)];
    let mut greatest = [f32::NEG_INFINITY];
    let simd = pulp::Scalar128b;
    weigh::<1, _>(simd, &mut scores, &mut greatest);
    assert_eq!((greatest[0], scores[0][0]), (1_000.0, 1.0));
    assert!((sum(simd, &scores[0]) - 1.0).abs() < 1e-6);
}
