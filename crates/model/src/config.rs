//! Describes a decoder in numbers, whichever file they came from, and refuses impossible ones.

use crate::ModelError;

mod gguf;
mod hugging_face;
mod rope;
#[cfg(test)]
mod tests;

pub use rope::{RopeConfig, RopeKind, RopeScaling, YarnConfig};

/// What the error about an unknown architecture lists.
const SUPPORTED: &str = "llama, mistral, mistral3 and qwen2 (GGUF); LlamaForCausalLM, \
                         MistralForCausalLM, Ministral3ForCausalLM and Qwen2ForCausalLM \
                         (config.json)";

const MAX_LAYERS: usize = 512;
const MAX_HIDDEN: usize = 1 << 16;
const MAX_HEADS: usize = 1_024;
const MAX_HEAD_DIM: usize = 1_024;
const MAX_FFN: usize = 1 << 20;
const MAX_VOCAB: usize = 1 << 21;
const MAX_CONTEXT: usize = 1 << 24;

/// A decoder of the Llama family in numbers. Made by the loaders, which validate it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DecoderConfig {
    /// Architecture as the file names it.
    pub architecture: String,
    /// Number of layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Query heads of a layer.
    pub heads: usize,
    /// Key and value heads of a layer; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head; not always `hidden / heads`.
    pub head_dim: usize,
    /// Width of the feed-forward layer.
    pub ffn: usize,
    /// Rows of the embedding table and of the logits.
    pub vocab_size: usize,
    /// The most tokens that the model was made for.
    pub context_tokens: usize,
    /// Added to the mean square in RMSNorm.
    pub rms_eps: f32,
    /// Rotary position embedding.
    pub rope: RopeConfig,
    /// For each layer, how many tokens back (its own included) a token looks; `None` is all.
    pub windows: Vec<Option<usize>>,
    /// Whether the logits use the embedding table.
    pub tied_embeddings: bool,
    /// Whether queries, keys and values must have biases. Other biases are used when present.
    pub qkv_bias: bool,
    /// Query scale that grows with the position (Ministral 3).
    pub temperature: Option<TemperatureScaling>,
}

/// Multiplies the query at `position` by `1 + beta × ln(1 + ⌊position / floor⌋)`.
///
/// Source: transformers `modeling_ministral3.py`, `get_llama_4_attn_scale`; llama.cpp
/// `llama-graph.cpp`, `llm_graph_input_attn_temp`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TemperatureScaling {
    /// How fast it grows.
    pub beta: f32,
    /// Positions below this are not scaled.
    pub floor: usize,
}

impl DecoderConfig {
    /// Width of all query heads together.
    pub fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of all key heads (or all value heads) together.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Refuses numbers that no model has, before anything is allocated with them.
    fn validate(self) -> Result<Self, ModelError> {
        in_range("layers", self.layers, 1, MAX_LAYERS)?;
        in_range("hidden size", self.hidden, 1, MAX_HIDDEN)?;
        in_range("attention heads", self.heads, 1, MAX_HEADS)?;
        in_range("key-value heads", self.kv_heads, 1, MAX_HEADS)?;
        in_range("head size", self.head_dim, 2, MAX_HEAD_DIM)?;
        in_range("feed-forward size", self.ffn, 1, MAX_FFN)?;
        in_range("vocabulary size", self.vocab_size, 1, MAX_VOCAB)?;
        in_range("context length", self.context_tokens, 1, MAX_CONTEXT)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            let (heads, kv) = (self.heads, self.kv_heads);
            let problem = format!("{heads} query heads cannot share {kv} of them evenly");
            return Err(ModelError::config("key-value heads", problem));
        }
        if !(self.rms_eps > 0.0 && self.rms_eps < 1.0) {
            let problem = format!("{} is not between 0 and 1", self.rms_eps);
            return Err(ModelError::config("rms epsilon", problem));
        }
        if self.windows.len() != self.layers || self.windows.contains(&Some(0)) {
            let problem = "there must be one per layer, each of at least 1 token";
            return Err(ModelError::config("sliding windows", problem));
        }
        if let Some(temperature) = self.temperature
            && (temperature.floor == 0 || !temperature.beta.is_finite())
        {
            let problem = "its length must be at least 1 and its factor finite";
            return Err(ModelError::config("attention temperature", problem));
        }
        self.rope.validate(self.head_dim)?;
        Ok(self)
    }
}

/// Refuses an architecture, naming what is supported.
fn unsupported(name: &str) -> ModelError {
    ModelError::Architecture { name: name.to_owned(), supported: SUPPORTED.to_owned() }
}

fn in_range(field: &'static str, value: usize, min: usize, max: usize) -> Result<(), ModelError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ModelError::config(field, format!("{value} is not between {min} and {max}")))
}
