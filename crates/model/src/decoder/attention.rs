//! Lets each token look at the earlier ones of its own sequence.

use candle_core::Tensor;

use super::DecoderBatch;
use super::host;
use super::kv_cache::LayerKv;
use super::linear::Linear;
use super::parallel::for_each;
use super::rope::{Angles, rotate};
use crate::config::{DecoderConfig, RopeKind, TemperatureScaling};
use crate::weights::Weights;
use crate::{ModelError, Result};
use intramuros_simd::dispatch;

mod exp;
mod kernel;

use kernel::{Attend, State, Tile};

/// Rows of a tile, tokens times query heads: enough to make reading a group cheap beside using it,
/// few enough to stay in the nearest caches.
const TILE_ROWS: usize = 48;

/// Grouped-query attention of one layer.
///
/// Source: Ainslie et al. 2023 (arXiv 2305.13245); Jiang et al. 2023 (arXiv 2310.06825), section 2,
/// for the sliding window.
pub(super) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    window: Option<usize>,
    rope_kind: RopeKind,
    temperature: Option<TemperatureScaling>,
}

impl Attention {
    pub(super) fn load(
        config: &DecoderConfig,
        weights: &mut Weights,
        index: usize,
    ) -> Result<Self> {
        let (hidden, width, kv) = (config.hidden, config.query_width(), config.kv_width());
        let mut linear = |part: &str, rows, columns| {
            Linear::load(weights, &format!("blk.{index}.{part}"), rows, columns)
        };
        let attention = Self {
            query: linear("attn_q", width, hidden)?,
            key: linear("attn_k", kv, hidden)?,
            value: linear("attn_v", kv, hidden)?,
            output: linear("attn_output", hidden, width)?,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            window: config.windows[index],
            rope_kind: config.rope.kind,
            temperature: config.temperature,
        };
        let biased = [&attention.query, &attention.key, &attention.value];
        if config.qkv_bias && !biased.iter().all(|linear| linear.has_bias()) {
            let name = format!("blk.{index}.attn_q/k/v.bias");
            return Err(ModelError::tensor(&name, "the architecture needs all three"));
        }
        Ok(attention)
    }

    /// Writes the batch's keys and values to their blocks and returns what each token gathers from
    /// there, `(tokens, hidden)` in and out. A token reads its own key and value as they are
    /// stored, so that it does not matter which pass wrote them.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        batch: &DecoderBatch<'_>,
        angles: &Angles,
        cache: &mut LayerKv,
    ) -> Result<Tensor> {
        let mut queries = host::into_vec(&self.query.forward(x)?)?;
        let mut keys = host::into_vec(&self.key.forward(x)?)?;
        let values = self.value.forward(x)?;
        let (width, kv_width) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        rotate(&mut queries, width, self.head_dim, self.rope_kind, angles);
        rotate(&mut keys, kv_width, self.head_dim, self.rope_kind, angles);
        self.scale_queries(&mut queries, batch);
        write(&keys, &host::read(&values)?, kv_width, (batch, cache));

        let mut out = vec![0.0; queries.len()];
        let works = self.cut(batch, &mut out);
        for_each(works, |_, work| self.attend(work, &queries, cache));
        self.output.forward(&host::tensor(out, width, x.device())?)
    }

    /// Cuts a batch into pieces of work for the compute threads. The longest come first: the last
    /// ones decide how long the others wait.
    fn cut<'a>(&self, batch: &DecoderBatch<'a>, out: &'a mut [f32]) -> Vec<Work<'a>> {
        let group = self.heads / self.kv_heads;
        let tile_tokens = (TILE_ROWS / group).max(1);
        let mut chunks = out.chunks_mut(group * self.head_dim);
        let mut works = Vec::new();
        for row in &batch.rows {
            for start in (0..row.count).step_by(tile_tokens) {
                let tokens = tile_tokens.min(row.count - start);
                let (first, position) = (row.first + start, row.position + start);
                let (blocks, window) = (row.blocks, self.window);
                let at = works.len();
                works.extend((0..self.kv_heads).map(|kv_head| {
                    let tile = Tile { blocks, position, tokens, group, kv_head, window };
                    Work { first, tile, out: Vec::with_capacity(tokens) }
                }));
                for _ in 0..tokens {
                    works[at..].iter_mut().for_each(|work| work.out.extend(chunks.next()));
                }
            }
        }
        works.sort_by_key(|work| std::cmp::Reverse(work.tile.position));
        works
    }

    fn attend(&self, work: &mut Work<'_>, queries: &[f32], cache: &LayerKv) {
        let tile = work.tile;
        let (dim, width) = (self.head_dim, tile.group * self.head_dim);
        let mut state = State::new(tile.tokens * tile.group, dim);
        for token in work.first..work.first + tile.tokens {
            let start = (token * self.kv_heads + tile.kv_head) * width;
            state.add_queries(&queries[start..start + width]);
        }
        dispatch(Attend { cache, tile, state: &mut state });
        for (out, gathered) in work.out.iter_mut().zip(state.gathered.chunks_exact(width)) {
            out.copy_from_slice(gathered);
        }
    }

    fn scale_queries(&self, queries: &mut [f32], batch: &DecoderBatch<'_>) {
        let Some(TemperatureScaling { beta, floor }) = self.temperature else { return };
        let rows = queries.chunks_exact_mut(self.heads * self.head_dim);
        for (row, position) in rows.zip(batch.positions()) {
            let scale = 1.0 + beta * (1.0 + (position / floor) as f32).ln();
            row.iter_mut().for_each(|value| *value *= scale);
        }
    }
}

/// A piece of work: a tile, and where its results go.
struct Work<'a> {
    /// The tile's first token, counted over the batch.
    first: usize,
    tile: Tile<'a>,
    /// For each token, the columns of the query heads, `(group, head_dim)`.
    out: Vec<&'a mut [f32]>,
}

/// Stores rows of keys and values, each `kv_width` wide, in the blocks of their sequences.
fn write(
    keys: &[f32],
    values: &[f32],
    kv_width: usize,
    (batch, cache): (&DecoderBatch<'_>, &mut LayerKv),
) {
    let mut rows = keys.chunks_exact(kv_width).zip(values.chunks_exact(kv_width));
    for row in &batch.rows {
        for (at, (keys, values)) in rows.by_ref().take(row.count).enumerate() {
            cache.write(row.blocks, row.position + at, keys, values);
        }
    }
}
