//! Says how much memory a decoder takes, before any of it is taken.

use super::linear::{held_bytes, packed_bytes};
use crate::Result;
use crate::config::DecoderConfig;
use crate::weights::Weights;

/// The matrices of a layer, in GGUF names.
const LAYER_MATRICES: [&str; 7] =
    ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];

/// Bytes that the weights will take, the packed copies that candle makes included. Vectors are not
/// counted: they are a few kilobytes a layer. A matrix that is missing counts nothing; loading says
/// so.
///
/// # Errors
/// [`ModelError::Tensor`](crate::ModelError::Tensor) when a matrix is of a type that is not
/// supported.
pub(crate) fn weight_bytes(config: &DecoderConfig, weights: &Weights) -> Result<u64> {
    let (embedding, embedding_packed) = matrix_bytes(weights, "token_embd.weight")?;
    // The table itself is only looked up; as the head it is multiplied with, and packed.
    let mut sum = embedding;
    sum += if config.tied_embeddings {
        embedding_packed
    } else {
        let (held, packed) = matrix_bytes(weights, "output.weight")?;
        held + packed
    };
    for layer in 0..config.layers {
        for matrix in LAYER_MATRICES {
            let (held, packed) = matrix_bytes(weights, &format!("blk.{layer}.{matrix}.weight"))?;
            sum += held + packed;
        }
    }
    Ok(sum)
}

/// Bytes of a matrix as it is held, and of its packed copy.
fn matrix_bytes(weights: &Weights, name: &str) -> Result<(u64, u64)> {
    let Some((dtype, rows, columns)) = weights.matrix_kind(name)? else { return Ok((0, 0)) };
    Ok((held_bytes(dtype, rows, columns), packed_bytes(dtype, rows, columns)))
}

/// Bytes that a pass over `tokens` tokens takes at most, beside weights and KV cache, when the
/// logits of `logits` of them are wanted.
pub(crate) fn workspace_bytes(config: &DecoderConfig, tokens: u32, logits: u32) -> u64 {
    let (hidden, query, kv) = (config.hidden, config.query_width(), config.kv_width());
    // The residual stream and the normalised copy of it are there all the time.
    let stream = 2 * hidden;
    // Queries as tensor and as slice, results, output; keys twice, values.
    let attention = 3 * query + hidden + 3 * kv;
    // Gate, up, their product, output.
    let feed_forward = 3 * config.ffn + hidden;
    // What is multiplied is quantised first, to little more than a byte an element.
    let quantised = query.max(config.ffn).max(hidden) / 3;
    let elements = stream + attention.max(feed_forward) + quantised + 2 * config.head_dim;
    // Logits as candle makes them, and as they are handed out.
    let rows = 2 * config.vocab_size + 2 * hidden;
    let sum = u64::from(tokens) * elements as u64 + u64::from(logits) * rows as u64;
    sum * size_of::<f32>() as u64
}
