//! Holds one layer: attention and feed-forward, each behind its norm.

use candle_core::Tensor;

use super::attention::Attention;
use super::elementwise;
use super::linear::Linear;
use super::norm::RmsNorm;
use crate::Result;
use crate::config::DecoderConfig;
use crate::weights::Weights;

/// A decoder layer.
pub(super) struct Layer {
    pub(super) attention_norm: RmsNorm,
    pub(super) attention: Attention,
    pub(super) ffn_norm: RmsNorm,
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Layer {
    pub(super) fn load(
        config: &DecoderConfig,
        weights: &mut Weights,
        index: usize,
    ) -> Result<Self> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let (hidden, ffn) = (config.hidden, config.ffn);
        Ok(Self {
            attention_norm: RmsNorm::load(config, weights, &name("attn_norm.weight"))?,
            attention: Attention::load(config, weights, index)?,
            ffn_norm: RmsNorm::load(config, weights, &name("ffn_norm.weight"))?,
            gate: Linear::load(weights, &name("ffn_gate"), ffn, hidden)?,
            up: Linear::load(weights, &name("ffn_up"), ffn, hidden)?,
            down: Linear::load(weights, &name("ffn_down"), hidden, ffn)?,
        })
    }

    /// SwiGLU: `down(silu(gate(x)) × up(x))`, shape `(tokens, hidden)` in and out.
    ///
    /// Source: Shazeer 2020 (arXiv 2002.05202), equation 6.
    pub(super) fn feed_forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate = self.gate.forward(x)?;
        let up = self.up.forward(x)?;
        self.down.forward(&elementwise::swiglu(&gate, &up)?)
    }
}
