//! Runs open-weight decoders of the Llama family on candle: files → tokens → logits.
//!
//! Two types matter. [`CandleTextBackend`] is the arithmetic: it owns weights and KV cache,
//! implements [`TextBackend`](intramuros_backend::TextBackend) and lives on one compute thread.
//! [`ModelCodec`] is the text side: tokenizer, chat template and stop tokens, shared by many
//! threads. Both are made from [`ModelFiles`], which knows where a model's files are.
//!
//! The way from a file to logits:
//! - [`ModelFiles`] finds one GGUF, or `config.json` with safetensors.
//! - [`Gguf`] maps a GGUF and checks its header before anything is believed or allocated.
//! - [`DecoderConfig`] is the architecture in numbers, whichever file it came from, validated.
//! - `weights` hands out tensors under one set of names for both formats.
//! - `decoder` is the arithmetic: a ragged batch (rows of several sequences, of any length) goes
//!   through every norm and linear layer as one `(tokens, hidden)` matrix; only attention looks at
//!   sequences, each of which has its keys and values in blocks of one paged KV cache.
//!
//! Supported are Llama, Mistral and Qwen2; the file's own metadata decides about head size, grouped
//! queries, RoPE kind and scaling, sliding window, biases and tied embeddings.
//!
//! Three promises hold at this crate's border. Memory is fixed when a model is loaded, and refused
//! before its weights are read when it does not fit. A batch that breaks the contract is refused
//! before anything is written. And a token's logits depend, to the bit, on the tokens before it
//! and on nothing else: `decoder/attention/kernel.rs` says how.
//!
//! What is absent: who has which block, sampling and scheduling (`engine`), downloading (`catalog`),
//! tokio, HTTP.
//! Computation is f32 on the CPU; quantised weights stay quantised, F16 and BF16 weights are
//! widened to f32 when they are loaded.

mod backend;
mod codec;
mod config;
mod decoder;
mod error;
mod files;
mod gguf;
mod map;
mod weights;

pub use backend::{CandleTextBackend, LoadOptions};
pub use codec::ModelCodec;
pub use config::{
    DecoderConfig, RopeConfig, RopeKind, RopeScaling, TemperatureScaling, YarnConfig,
};
pub use decoder::KvType;
pub use error::ModelError;
pub use files::{ModelFiles, WeightFiles};
pub use gguf::{Array, Gguf, TensorInfo, Value};

/// What the fallible functions of this crate return.
pub(crate) type Result<T, E = ModelError> = std::result::Result<T, E>;
