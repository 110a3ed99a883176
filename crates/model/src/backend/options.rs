//! Says how a model is to be loaded.

use crate::KvType;

/// How a model is loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Upper limit of the context; the model's own applies when it is smaller or this is absent.
    pub context_tokens: Option<u32>,
    /// How keys and values are stored.
    pub kv_type: KvType,
    /// Positions of a block of the KV cache: a multiple of 16 up to 1,024.
    pub block_tokens: u32,
    /// The most bytes that the KV cache may take; absent is what one sequence of `context_tokens`
    /// needs.
    pub kv_bytes: Option<u64>,
    /// The most bytes that weights, KV cache and workspace may take together; absent is no limit.
    pub memory_bytes: Option<u64>,
    /// Tokens of the largest batch, from which the workspace is reckoned.
    pub max_batch_tokens: u32,
    /// Rows of logits of the largest batch, from which the workspace is reckoned.
    pub max_batch_logits: u32,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            context_tokens: None,
            kv_type: KvType::default(),
            block_tokens: 16,
            kv_bytes: None,
            memory_bytes: None,
            max_batch_tokens: 512,
            max_batch_logits: 32,
        }
    }
}
