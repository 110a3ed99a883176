//! Lets each token look at the earlier ones of its own sequence.

use candle_core::Tensor;

use super::TokenPlace;
use super::host;
use super::kv_cache::LayerCache;
use super::linear::Linear;
use super::parallel::for_each_chunk;
use super::rope::{Angles, rotate};
use crate::config::{DecoderConfig, RopeKind, TemperatureScaling};
use crate::weights::Weights;
use crate::{ModelError, Result};

mod scores;

use scores::{Heads, attend};

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

    /// Appends the batch's keys and values to the caches and returns what each token gathers,
    /// `(tokens, hidden)` in and out.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        places: &[TokenPlace],
        angles: &Angles,
        caches: &mut [&mut LayerCache],
    ) -> Result<Tensor> {
        let mut queries = host::into_vec(&self.query.forward(x)?)?;
        let keys = self.key.forward(x)?;
        let values = self.value.forward(x)?;
        self.append(&keys, &values, (places, angles), caches)?;
        let width = self.heads * self.head_dim;
        rotate(&mut queries, width, self.head_dim, self.rope_kind, (angles, 0));
        self.scale_queries(&mut queries, places);

        // Each work item is one token and one key head with the query heads that share it: their
        // outputs lie side by side.
        let heads = Heads {
            group: self.heads / self.kv_heads,
            kv_width: self.kv_heads * self.head_dim,
            dim: self.head_dim,
        };
        let item = heads.group * self.head_dim;
        let mut out = vec![0.0; queries.len()];
        for_each_chunk(&mut out, item, |index, out| {
            let place = &places[index / self.kv_heads];
            let column = index % self.kv_heads * self.head_dim;
            let visible =
                self.window.map_or(0, |window| (place.position + 1).saturating_sub(window))
                    ..place.position + 1;
            let cache = &caches[place.cache];
            let queries = &queries[index * item..(index + 1) * item];
            attend(&heads, queries, (cache.keys(), cache.values(), column), visible, out);
        });
        self.output.forward(&host::tensor(out, width, x.device())?)
    }

    /// Bytes of the four matrices, packed copies included.
    pub(super) fn bytes(&self) -> u64 {
        let linears = [&self.query, &self.key, &self.value, &self.output];
        linears.iter().map(|linear| linear.bytes() + linear.packed_bytes()).sum()
    }

    /// Appends each sequence's rows to its own cache and rotates the new keys there.
    fn append(
        &self,
        keys: &Tensor,
        values: &Tensor,
        (places, angles): (&[TokenPlace], &Angles),
        caches: &mut [&mut LayerCache],
    ) -> Result<()> {
        let width = self.kv_heads * self.head_dim;
        let (keys, values) = (host::read(keys)?, host::read(values)?);
        let mut first = 0;
        for run in places.chunk_by(|a, b| a.cache == b.cache) {
            let rows = first * width..(first + run.len()) * width;
            let new_keys = caches[run[0].cache].append(&keys[rows.clone()], &values[rows]);
            rotate(new_keys, width, self.head_dim, self.rope_kind, (angles, first));
            first += run.len();
        }
        Ok(())
    }

    fn scale_queries(&self, queries: &mut [f32], places: &[TokenPlace]) {
        let Some(TemperatureScaling { beta, floor }) = self.temperature else { return };
        let rows = queries.chunks_exact_mut(self.heads * self.head_dim);
        for (row, place) in rows.zip(places) {
            let scale = 1.0 + beta * (1.0 + (place.position / floor) as f32).ln();
            row.iter_mut().for_each(|value| *value *= scale);
        }
    }
}
