//! Decides how much memory a model gets, before its weights are read.

use intramuros_backend::{KvLayout, ModelMemory};

use crate::config::DecoderConfig;
use crate::decoder::{KvShape, workspace_bytes};
use crate::{LoadOptions, ModelError, Result};

#[cfg(test)]
mod tests;

/// A KV cache that holds fewer positions, or less than the context where that is smaller, serves
/// nobody.
const LEAST_CONTEXT_TOKENS: u32 = 2_048;

/// What a model gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) memory: ModelMemory,
    pub(super) kv: KvLayout,
    pub(super) context_tokens: u32,
}

/// Fits a model of `weight_bytes` into what the options allow: fewer blocks of KV cache than asked
/// for when memory is short, but never less than one sequence of [`LEAST_CONTEXT_TOKENS`] needs.
///
/// # Errors
/// [`ModelError::Memory`] when it does not fit; [`ModelError::Config`] for a context of 0 tokens,
/// or for a limit of the KV cache under which nothing fits.
pub(super) fn plan(
    config: &DecoderConfig,
    shape: KvShape,
    weight_bytes: u64,
    options: &LoadOptions,
) -> Result<Budget> {
    let own = u32::try_from(config.context_tokens).unwrap_or(u32::MAX);
    let context_tokens = options.context_tokens.map_or(own, |limit| limit.min(own));
    if context_tokens == 0 {
        return Err(ModelError::config("context length", "the limit of 0 tokens holds no prompt"));
    }
    let (block_tokens, block_bytes) = (options.block_tokens, shape.block_bytes());
    let workspace_bytes =
        workspace_bytes(config, options.max_batch_tokens, options.max_batch_logits);
    let fixed_bytes = weight_bytes.saturating_add(workspace_bytes);
    let whole = u64::from(context_tokens.div_ceil(block_tokens));
    let wanted = options.kv_bytes.map_or(whole, |bytes| bytes / block_bytes);
    let left_bytes = options.memory_bytes.map(|bytes| bytes.saturating_sub(fixed_bytes));
    let affordable = left_bytes.map_or(u64::MAX, |bytes| bytes / block_bytes);
    let blocks = wanted.min(affordable).min(u64::from(u32::MAX)) as u32;
    let kv_bytes = u64::from(blocks) * block_bytes;

    let least_tokens = context_tokens.min(LEAST_CONTEXT_TOKENS);
    let least = u64::from(least_tokens.div_ceil(block_tokens));
    if u64::from(blocks) < least {
        let kv = LeastKv { tokens: least_tokens, bytes: least * block_bytes };
        // The cache's own limit is a matter of settings: no other memory helps.
        return Err(match options.kv_bytes {
            Some(limit) if wanted < least => kv.exceeds_its_limit(limit, options),
            _ => kv.exceeds_memory(weight_bytes, workspace_bytes, options),
        });
    }
    let held_tokens = u64::from(blocks) * u64::from(block_tokens);
    Ok(Budget {
        memory: ModelMemory { weight_bytes, kv_bytes, workspace_bytes },
        kv: KvLayout { block_tokens, blocks, block_bytes },
        context_tokens: u64::from(context_tokens).min(held_tokens) as u32,
    })
}

/// The smallest KV cache that would do.
struct LeastKv {
    tokens: u32,
    bytes: u64,
}

impl LeastKv {
    fn exceeds_its_limit(&self, limit_bytes: u64, options: &LoadOptions) -> ModelError {
        let problem = format!(
            "{} needs {} bytes, the limit of the kv cache is {limit_bytes}; give it more, or choose \
             a smaller context, a q8_0 kv cache or a smaller model",
            self.name(options),
            self.bytes
        );
        ModelError::config("kv cache", problem)
    }

    fn exceeds_memory(
        &self,
        weight_bytes: u64,
        workspace_bytes: u64,
        options: &LoadOptions,
    ) -> ModelError {
        let what = format!(
            "the model with {weight_bytes} bytes of weights, {} of {} bytes and {workspace_bytes} \
             bytes of workspace (choose a smaller context, a q8_0 kv cache or a smaller model)",
            self.name(options),
            self.bytes
        );
        let needed_bytes = weight_bytes.saturating_add(workspace_bytes).saturating_add(self.bytes);
        let available_bytes = options.memory_bytes.unwrap_or_default();
        ModelError::Memory { what, needed_bytes, available_bytes }
    }

    fn name(&self, options: &LoadOptions) -> String {
        format!("a {} kv cache of {} tokens", options.kv_type.name(), self.tokens)
    }
}
