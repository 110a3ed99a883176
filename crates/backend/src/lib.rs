//! Defines the seam between scheduling and arithmetic: what an engine asks of a model.
//!
//! Two traits do arithmetic and live on a compute thread ([`TextBackend`], [`EmbedBackend`]); two
//! translate between text and tokens and are shared by many threads ([`TextCodec`],
//! [`EmbedCodec`]). `model` and `embed` implement them with candle; `testkit` implements them
//! without; `engine` knows nothing else. What is absent: candle, tokio, HTTP, sampling (the
//! engine's) and chat formats (the codec's own business).
//!
//! A batch is *ragged*: each row carries its own tokens and position, so prefill chunks and decode
//! steps of different sequences share one forward pass. A row also carries the KV blocks of its
//! sequence: the backend holds their contents, the engine decides who has which.

mod embed;
mod error;
mod text;

pub use embed::{
    EmbedBackend, EmbedBatch, EmbedCodec, EmbedModelInfo, Embedding, EncodedPair, EncodedWords,
    InputKind, Word,
};
pub use error::BackendError;
pub use text::{
    BatchRow, BlockId, ChatOptions, KvLayout, Logits, ModelMemory, TextBackend, TextBatch,
    TextCodec, TextModelInfo, ToolFormat,
};
