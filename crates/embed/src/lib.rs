//! Turns text into vectors with BERT-family encoders (BERT, RoBERTa, XLM-RoBERTa, CamemBERT).
//!
//! [`EncoderFiles::discover`] finds a model's files as the hub lays them out (`config.json`,
//! `model.safetensors`, `tokenizer.json`); [`EncoderCodec`] tokenises and [`CpuEmbedBackend`]
//! computes; [`CpuEmbedBackend::load_cross_encoder`] loads one that reads a question and a passage
//! together and gives one number. Which prefixes and which pooling a model wants is its
//! [`EncoderProfile`](intramuros_types::EncoderProfile): the catalogue's, or the model's own
//! ([`EncoderFiles::declared_profile`]).
//!
//! What the forward pass promises:
//! - *Ragged, never padded.* The tokens of all sequences stand in one `(tokens, hidden)` matrix;
//!   linear layers see that matrix, attention sees one sequence at a time. There is no mask to get
//!   wrong and no work on padding.
//! - *An input's vector does not depend on its neighbours* beyond the last bits of a matrix
//!   product's rounding (a test holds 1e-6).
//! - *Nothing is shortened.* A text that is too long is refused with both counts.
//! - *Bounded.* Attention scores and sub-batches have fixed limits whatever is asked; the table of
//!   token embeddings stays in the file's own precision, memory-mapped, because a multilingual
//!   vocabulary would take more memory than the rest of the model.
//!
//! What is absent: queues and threads of its own (the engine's), HTTP, downloads (the catalogue's).

mod attention;
mod backend;
mod codec;
mod common;
mod config;
mod encoder;
mod error;
mod files;
mod head;
mod layer;
mod math;
mod matmul;
mod ops;
mod pooling;
mod profile;
mod weights;

pub use backend::CpuEmbedBackend;
pub use codec::EncoderCodec;
pub use error::EmbedError;
pub use files::EncoderFiles;

#[cfg(test)]
mod tests;
