//! Asks an encoder for vectors.

use intramuros_types::ModelId;

use crate::BackendError;

/// What an encoder is; fixed once it is loaded.
#[derive(Debug, Clone)]
pub struct EmbedModelInfo {
    /// Its id in the catalogue or the models directory.
    pub id: ModelId,
    /// Length of a vector.
    pub dimension: usize,
    /// The most tokens of one input, special tokens included.
    pub max_tokens: u32,
    /// Bytes of memory that the weights take.
    pub weight_bytes: u64,
}

/// What an input is for; encoders trained with prefixes (E5) treat the kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// A question or search words.
    Query,
    /// A passage to be found.
    Passage,
    /// As it is, without any prefix: `/v1/embeddings`, where the client writes its own.
    Plain,
}

/// Tokenised inputs of one forward pass, special tokens included, none empty.
#[derive(Debug, Clone, Default)]
pub struct EmbedBatch {
    /// One entry an input; lengths may differ.
    pub sequences: Vec<Vec<u32>>,
}

/// An encoder. One compute thread owns it.
pub trait EmbedBackend: Send {
    /// What the model is.
    fn info(&self) -> &EmbedModelInfo;

    /// One vector an input, in order, pooled and L2-normalised as the model's profile says.
    ///
    /// # Errors
    /// [`BackendError::Input`] when a sequence is empty or too long; [`BackendError::Compute`].
    fn embed(&mut self, batch: &EmbedBatch) -> Result<Vec<Vec<f32>>, BackendError>;
}

/// The text side of an encoder. Shared by many threads.
pub trait EmbedCodec: Send + Sync {
    /// Tokenises `text` with the prefix of `kind`, special tokens included; never truncates.
    ///
    /// # Errors
    /// [`BackendError::Input`] when the tokenizer fails or the text has more tokens than the model
    /// takes; the message gives both counts.
    fn encode(&self, text: &str, kind: InputKind) -> Result<Vec<u32>, BackendError>;

    /// Number of tokens of `text` without prefix and special tokens; what chunking counts with.
    ///
    /// # Errors
    /// [`BackendError::Input`] when the tokenizer fails.
    fn count_tokens(&self, text: &str) -> Result<usize, BackendError>;
}
