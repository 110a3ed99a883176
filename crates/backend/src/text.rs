//! Asks a generative model for logits, and translates between text and its tokens.

use intramuros_types::{Message, ModelId};

use crate::BackendError;

/// What a generative model is; fixed once it is loaded.
#[derive(Debug, Clone)]
pub struct TextModelInfo {
    /// Its id in the catalogue or the models directory.
    pub id: ModelId,
    /// Architecture as the file names it: `llama`, `qwen2`, …
    pub architecture: String,
    /// The most tokens of one sequence, prompt and answer together.
    pub context_tokens: u32,
    /// Length of a row of logits.
    pub vocab_size: usize,
    /// Bytes of memory that the weights take.
    pub weight_bytes: u64,
    /// Bytes of KV cache that one token takes.
    pub kv_bytes_per_token: u64,
}

/// A sequence that the backend keeps state (KV cache) for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceId(pub u64);

/// Which rows of logits a batch row asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitsWanted {
    /// None: a prefill chunk that is not the last.
    None,
    /// The last token's.
    Last,
    /// Every token's: verification of drafts, echoed log-probabilities.
    All,
}

/// The next tokens of one sequence.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// The sequence, made by [`TextBackend::open`].
    pub sequence: SequenceId,
    /// Tokens to append, at least one. They start where the sequence ends.
    pub tokens: Vec<u32>,
    /// Which logits to return.
    pub logits: LogitsWanted,
}

/// One forward pass over any number of sequences; a sequence occurs at most once.
#[derive(Debug, Clone, Default)]
pub struct TextBatch {
    /// The rows; lengths may differ.
    pub rows: Vec<BatchRow>,
}

/// Logits of one batch row: shape `(tokens asked for, vocab_size)`, f32, row-major.
#[derive(Debug, Clone)]
pub struct Logits {
    /// The values.
    pub values: Vec<f32>,
    /// Length of a row.
    pub vocab_size: usize,
}

impl Logits {
    /// The `index`-th row.
    ///
    /// # Panics
    /// When fewer rows were asked for: a bug of the caller.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.vocab_size..(index + 1) * self.vocab_size]
    }
}

/// A generative model. One compute thread owns it; nothing else calls it.
pub trait TextBackend: Send {
    /// What the model is.
    fn info(&self) -> &TextModelInfo;

    /// Starts a sequence that will hold at most `max_tokens` tokens.
    ///
    /// # Errors
    /// [`BackendError::Memory`] when its KV cache does not fit the budget;
    /// [`BackendError::Input`] when `max_tokens` exceeds the context.
    fn open(&mut self, max_tokens: u32) -> Result<SequenceId, BackendError>;

    /// Appends each row's tokens to its sequence and returns the logits asked for, one entry a
    /// row, in order (an empty one for [`LogitsWanted::None`]).
    ///
    /// # Errors
    /// [`BackendError::Compute`]; the state of the batch's sequences is then undefined and the
    /// caller must [`close`](Self::close) them.
    fn forward(&mut self, batch: &TextBatch) -> Result<Vec<Logits>, BackendError>;

    /// Drops the tokens of a sequence from position `length` on.
    fn truncate(&mut self, sequence: SequenceId, length: u32);

    /// Ends a sequence and frees its memory. Unknown sequences are ignored.
    fn close(&mut self, sequence: SequenceId);
}

/// How a conversation becomes a prompt.
#[derive(Debug, Clone, Default)]
pub struct ChatOptions {
    /// Ask the template for the opening of the assistant's turn. Almost always true.
    pub add_generation_prompt: bool,
}

/// The text side of a generative model. Shared by many threads; every call is pure.
pub trait TextCodec: Send + Sync {
    /// Renders a conversation with the model's chat template and tokenises it. Special tokens
    /// written inside a message's content stay ordinary text, so that content cannot forge a turn.
    ///
    /// # Errors
    /// [`BackendError::Input`] when the template refuses the conversation (roles that do not
    /// alternate, no template in the model).
    fn encode_chat(
        &self,
        messages: &[Message],
        options: &ChatOptions,
    ) -> Result<Vec<u32>, BackendError>;

    /// Tokenises plain text; `add_special` adds what the model wants around a text (BOS).
    ///
    /// # Errors
    /// [`BackendError::Input`] when the tokenizer fails on the text.
    fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, BackendError>;

    /// The bytes that a token adds to the text; empty for special tokens. A character may span
    /// several tokens.
    fn token_bytes(&self, token: u32) -> &[u8];

    /// Tokens that end the model's turn.
    fn stop_tokens(&self) -> &[u32];
}
