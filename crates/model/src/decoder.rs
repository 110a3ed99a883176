//! Computes logits: the decoder of the Llama family, over a ragged batch.
//!
//! All tokens of all sequences form one matrix `(tokens, hidden)` that goes through norms and
//! linear layers at once; only attention looks at which token belongs to which sequence. No step
//! mixes rows, so the numbers of one token do not depend on its neighbours in the batch.
//!
//! Source: Touvron et al. 2023 (Llama, arXiv 2302.13971), section 2.2; Jiang et al. 2023 (Mistral
//! 7B, arXiv 2310.06825); transformers `modeling_llama.py`, `modeling_mistral.py`,
//! `modeling_qwen2.py`.

use std::sync::Arc;

use candle_core::quantized::QTensor;
use candle_core::{Device, Tensor};
use intramuros_backend::BlockId;

use crate::config::DecoderConfig;
use crate::weights::Weights;
use crate::{ModelError, Result};

mod attention;
mod elementwise;
mod host;
mod kv_cache;
mod layer;
mod linear;
mod memory;
mod norm;
mod parallel;
mod rope;

pub use kv_cache::KvType;
pub(crate) use kv_cache::{KvCache, KvShape};
pub(crate) use memory::{weight_bytes, workspace_bytes};

use layer::Layer;
use linear::Linear;
use norm::RmsNorm;
use rope::Rope;

/// Weights of a decoder and what it needs to use them.
pub(crate) struct Decoder {
    device: Device,
    embedding: Arc<QTensor>,
    layers: Vec<Layer>,
    output_norm: RmsNorm,
    head: Linear,
    rope: Rope,
}

/// One forward pass: which tokens go where.
#[derive(Debug, Default)]
pub(crate) struct DecoderBatch<'a> {
    /// Tokens of all sequences, one after the other; each below the vocabulary size.
    pub(crate) tokens: Vec<u32>,
    /// Whose tokens they are, in the same order.
    pub(crate) rows: Vec<DecoderRow<'a>>,
    /// Indices into `tokens` whose logits are wanted.
    pub(crate) wanted: Vec<u32>,
    /// Whether their hidden states are, too.
    pub(crate) hidden: bool,
}

/// What a forward pass gives, one row for each wanted token.
#[derive(Debug, Default)]
pub(crate) struct DecoderOutput {
    /// Shape `(wanted, vocab_size)`, f32, row-major.
    pub(crate) logits: Vec<f32>,
    /// Hidden states after the last norm, shape `(wanted, hidden)`; empty where none are wanted.
    pub(crate) hidden: Vec<f32>,
}

/// The part of a batch that belongs to one sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecoderRow<'a> {
    /// Index of its first token.
    pub(crate) first: usize,
    /// Number of its tokens.
    pub(crate) count: usize,
    /// Position of the first token in its sequence.
    pub(crate) position: usize,
    /// The sequence's blocks, enough for the last token; those that are written to are nobody
    /// else's.
    pub(crate) blocks: &'a [BlockId],
}

impl DecoderBatch<'_> {
    /// Each token's position in its sequence.
    fn positions(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().flat_map(|row| row.position..row.position + row.count)
    }
}

impl Decoder {
    /// Takes the tensors of `config` out of `weights`.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] when one is missing, has another shape, or when the file holds
    /// tensors that this decoder would ignore.
    pub(crate) fn load(
        config: &DecoderConfig,
        weights: &mut Weights,
        device: &Device,
    ) -> Result<Self> {
        let embedding = weights.matrix("token_embd.weight", config.vocab_size, config.hidden)?;
        let layers = (0..config.layers).map(|index| Layer::load(config, weights, index));
        let layers = layers.collect::<Result<Vec<Layer>>>()?;
        let output_norm = RmsNorm::load(config, weights, "output_norm.weight")?;
        let head = if config.tied_embeddings {
            weights.ignore("output.weight");
            Linear::new(embedding.clone())
        } else {
            Linear::load(weights, "output", config.vocab_size, config.hidden)?
        };
        weights.finish()?;
        let rope = Rope::new(config);
        Ok(Self { device: device.clone(), embedding, layers, output_norm, head, rope })
    }

    /// Writes the batch's tokens to their blocks and returns what is wanted of them.
    ///
    /// # Errors
    /// [`ModelError::Compute`]; what was written is then undefined.
    pub(crate) fn forward(
        &self,
        batch: &DecoderBatch<'_>,
        cache: &mut KvCache,
    ) -> Result<DecoderOutput> {
        let angles = self.rope.angles(batch.positions());
        let mut x = self.embed(&batch.tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let h = layer.attention_norm.forward(&x)?;
            let h = layer.attention.forward(&h, batch, &angles, cache.layer(index))?;
            x = elementwise::add(&x, &h)?;
            let h = layer.ffn_norm.forward(&x)?;
            let h = layer.feed_forward(&h)?;
            x = elementwise::add(&x, &h)?;
        }
        if batch.wanted.is_empty() {
            return Ok(DecoderOutput::default());
        }
        let x = host::select_rows(&x, &batch.wanted)?;
        let hidden = self.output_norm.forward(&x)?;
        let logits = host::into_vec(&self.head.forward(&hidden)?)?;
        let hidden = if batch.hidden { host::into_vec(&hidden)? } else { Vec::new() };
        Ok(DecoderOutput { logits, hidden })
    }

    /// Rows of the embedding table, shape `(tokens, hidden)`; only these rows are dequantised.
    fn embed(&self, tokens: &[u32]) -> Result<Tensor> {
        Tensor::from_slice(tokens, tokens.len(), &self.device)
            .and_then(|ids| self.embedding.embedding(&ids))
            .map_err(ModelError::compute("token embedding"))
    }
}
