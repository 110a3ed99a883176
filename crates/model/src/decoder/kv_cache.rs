//! Holds the keys and values of all sequences, in blocks that the engine hands out.
//!
//! A block holds `block_tokens` consecutive positions of one sequence in every layer. Inside a
//! block, positions lie in groups of [`LANES`]: what attention reads at once. For each layer, block
//! and key head the groups follow one another; a group's values are `(LANES, head_dim)`, its keys
//! `(head_dim, LANES)`, so that the scores of a group's positions are sums of whole vectors.
//!
//! Pools are allocated as zeros, which the operating system backs with memory only where something
//! is written.
//!
//! Source: Kwon et al. 2023 (PagedAttention, arXiv 2309.06180), section 4.

use intramuros_backend::BlockId;

use crate::config::DecoderConfig;
use crate::{ModelError, Result};

mod float16;
mod pool;
#[cfg(test)]
mod tests;

use pool::{Pool, QUANT};

/// Positions that attention handles at once; divides `block_tokens`. Groups begin at multiples of
/// it, whatever the batch, which is what makes results independent of how a prompt is cut.
pub(crate) const LANES: usize = 16;
/// The largest block; longer ones only waste the end of each sequence.
const MAX_BLOCK_TOKENS: u32 = 1_024;

/// How the numbers of a KV cache are stored. Attention computes in f32 whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KvType {
    /// 32 bits: what was computed, unrounded.
    F32,
    /// 16 bits, IEEE half precision.
    #[default]
    F16,
    /// 8.5 bits: 32 neighbours in a head share a scale. Needs a head size that 32 divides.
    ///
    /// Source: ggml `ggml-quants.c`, `quantize_row_q8_0_ref`.
    Q8_0,
}

impl KvType {
    /// Its name as llama.cpp's options write it: `f32`, `f16`, `q8_0`.
    pub fn name(self) -> &'static str {
        match self {
            KvType::F32 => "f32",
            KvType::F16 => "f16",
            KvType::Q8_0 => "q8_0",
        }
    }
}

/// What a KV cache holds, apart from the number of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KvShape {
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
    block_tokens: usize,
    kv_type: KvType,
}

impl KvShape {
    /// The cache that `config` needs.
    ///
    /// # Errors
    /// [`ModelError::Config`] when the type cannot hold heads of that size, or when blocks are not
    /// made of whole groups.
    pub(crate) fn new(config: &DecoderConfig, kv_type: KvType, block_tokens: u32) -> Result<Self> {
        let tokens = block_tokens as usize;
        if !tokens.is_multiple_of(LANES) || !(1..=MAX_BLOCK_TOKENS).contains(&block_tokens) {
            let problem = format!(
                "a block of {block_tokens} positions is not a multiple of {LANES} up to \
                 {MAX_BLOCK_TOKENS}"
            );
            return Err(ModelError::config("kv cache blocks", problem));
        }
        let head_dim = config.head_dim;
        if kv_type == KvType::Q8_0 && !head_dim.is_multiple_of(QUANT) {
            let problem = format!(
                "q8_0 needs a head size that is a multiple of {QUANT}, this model's is {head_dim}; \
                 use f16"
            );
            return Err(ModelError::config("kv cache type", problem));
        }
        let (layers, kv_heads) = (config.layers, config.kv_heads);
        Ok(Self { layers, kv_heads, head_dim, block_tokens: tokens, kv_type })
    }

    /// Bytes of a block: keys and values of all layers.
    pub(crate) fn block_bytes(&self) -> u64 {
        let groups = self.layers * 2 * self.kv_heads * (self.block_tokens / LANES);
        groups as u64 * Pool::group_bytes(self.kv_type, self.head_dim)
    }

    /// Number of a group of one key head among all groups of a layer. `position` is any of the
    /// group's positions in its sequence.
    fn group(&self, blocks: &[BlockId], position: usize, kv_head: usize) -> usize {
        let BlockId(block) = blocks[position / self.block_tokens];
        let groups = self.block_tokens / LANES;
        (block as usize * self.kv_heads + kv_head) * groups + position % self.block_tokens / LANES
    }
}

/// The KV cache of a model: one pool of blocks, in every layer.
pub(crate) struct KvCache {
    layers: Vec<LayerKv>,
}

/// One layer's part of all blocks.
pub(crate) struct LayerKv {
    shape: KvShape,
    keys: Pool,
    values: Pool,
}

impl KvCache {
    /// A cache of `blocks` blocks, all zeros.
    pub(crate) fn new(shape: KvShape, blocks: u32) -> Self {
        let groups = blocks as usize * shape.kv_heads * (shape.block_tokens / LANES);
        let layer = || LayerKv {
            shape,
            keys: Pool::keys(shape.kv_type, groups, shape.head_dim),
            values: Pool::values(shape.kv_type, groups, shape.head_dim),
        };
        Self { layers: std::iter::repeat_with(layer).take(shape.layers).collect() }
    }

    /// One layer's part.
    pub(crate) fn layer(&mut self, index: usize) -> &mut LayerKv {
        &mut self.layers[index]
    }
}

impl LayerKv {
    /// Stores the keys and values of the token at `position` of the sequence that has `blocks`;
    /// both rows have shape `(kv_heads, head_dim)`.
    pub(super) fn write(
        &mut self,
        blocks: &[BlockId],
        position: usize,
        keys: &[f32],
        values: &[f32],
    ) {
        let dim = self.shape.head_dim;
        let lane = position % LANES;
        let heads = keys.chunks_exact(dim).zip(values.chunks_exact(dim)).enumerate();
        for (kv_head, (keys, values)) in heads {
            let group = self.shape.group(blocks, position, kv_head);
            self.keys.write(group, lane, keys);
            self.values.write(group, lane, values);
        }
    }

    /// Reads a group of one key head: keys to `keys`, shape `(head_dim, LANES)`, values to
    /// `values`, shape `(LANES, head_dim)`. `position` is the group's first. Positions that were
    /// never written hold anything.
    #[inline(always)]
    pub(super) fn read(
        &self,
        blocks: &[BlockId],
        position: usize,
        kv_head: usize,
        (keys, values): (&mut [f32], &mut [f32]),
    ) {
        let group = self.shape.group(blocks, position, kv_head);
        self.keys.read(group, keys);
        self.values.read(group, values);
    }
}
