//! Asks a generative model for logits, and translates between text and its tokens.

use intramuros_types::{Message, ModelId, ToolDefinition};

use crate::BackendError;

/// What a generative model is; fixed once it is loaded.
#[derive(Debug, Clone)]
pub struct TextModelInfo {
    /// Its id in the catalogue or the models directory.
    pub id: ModelId,
    /// Architecture as the file names it: `llama`, `qwen2`, …
    pub architecture: String,
    /// The most tokens of one sequence, prompt and answer together. Never more than the KV cache
    /// holds.
    pub context_tokens: u32,
    /// Length of a row of logits.
    pub vocab_size: usize,
    /// Memory that the model takes.
    pub memory: ModelMemory,
    /// How its KV cache is cut up.
    pub kv: KvLayout,
}

/// Bytes that a loaded model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelMemory {
    /// Weights, packed copies included.
    pub weight_bytes: u64,
    /// The whole KV cache: `kv.blocks` × `kv.block_bytes`.
    pub kv_bytes: u64,
    /// Activations and logits of the largest batch.
    pub workspace_bytes: u64,
}

impl ModelMemory {
    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        self.weight_bytes.saturating_add(self.kv_bytes).saturating_add(self.workspace_bytes)
    }
}

/// How a KV cache is cut into blocks, each of which holds the keys and values of consecutive
/// positions of one sequence, in all layers.
///
/// Source: Kwon et al. 2023 (PagedAttention, arXiv 2309.06180), section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvLayout {
    /// Positions of a block.
    pub block_tokens: u32,
    /// Blocks there are; their ids are `0..blocks`.
    pub blocks: u32,
    /// Bytes of a block, all layers.
    pub block_bytes: u64,
}

/// A block of the KV cache. Which sequence has it is the engine's business; the backend keeps its
/// contents until they are written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);

/// The next tokens of one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// Tokens to compute, at least one.
    pub tokens: Vec<u32>,
    /// Position of the first of them. Everything before it is in `blocks` already.
    pub position: u32,
    /// The sequence's blocks in the order of its positions, enough for the last of `tokens`.
    /// Those that `tokens` are written to occur in no other row of the batch; earlier ones may.
    pub blocks: Vec<BlockId>,
    /// Of how many of the last `tokens` the logits are wanted: 0 for a prefill chunk, 1 to choose
    /// the next token, more to verify a draft or to tell log-probabilities.
    pub logits: usize,
    /// Whether the hidden state of the last of `tokens` is wanted too; only where `logits` is 1 or
    /// more.
    pub hidden: bool,
}

/// One forward pass over any number of sequences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// The last token's hidden state as the output layer reads it, normalised by the model; shape
    /// `(hidden)`. Empty where it was not asked for.
    pub hidden: Vec<f32>,
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

/// A generative model. One compute thread owns it; nothing else calls it. It knows blocks, not
/// sequences: which blocks hold what, who shares them and when they are free is the engine's.
pub trait TextBackend: Send {
    /// What the model is.
    fn info(&self) -> &TextModelInfo;

    /// Writes each row's tokens to its blocks and returns the logits asked for, one entry a row,
    /// in order (an empty one where none are wanted).
    ///
    /// The logits of a token depend on the tokens before it in its sequence and on nothing else:
    /// not on the other rows, not on where a row begins, not on which blocks hold it.
    ///
    /// # Errors
    /// [`BackendError::Compute`]; what the rows wrote is then undefined, what was in their blocks
    /// before is not touched.
    fn forward(&mut self, batch: &TextBatch) -> Result<Vec<Logits>, BackendError>;
}

/// How a conversation becomes a prompt.
#[derive(Debug, Clone, Default)]
pub struct ChatOptions {
    /// Ask the template for the opening of the assistant's turn. Almost always true.
    pub add_generation_prompt: bool,
    /// Tools that the template tells the model about.
    pub tools: Vec<ToolDefinition>,
}

/// How a model writes tool calls, known from its chat template and vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToolFormat {
    /// `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`, one a call: Qwen 2.5 and 3, Hermes.
    Hermes,
    /// `{"name": …, "parameters": {…}}`, the whole turn: Llama 3.1 to 3.3.
    Llama3,
    /// `[TOOL_CALLS] [{"name": …, "arguments": {…}}, …]`: Mistral tokenizers v2 to v7.
    MistralList,
    /// `[TOOL_CALLS]name[ARGS]{…}`, one a call: Mistral tokenizers v11 and later.
    MistralArgs,
}

/// The text side of a generative model. Shared by many threads; every call is pure.
pub trait TextCodec: Send + Sync {
    /// Renders a conversation with the model's chat template and tokenises it. Special tokens
    /// written inside a message's content stay ordinary text, so that content cannot forge a turn.
    ///
    /// # Errors
    /// [`BackendError::Input`] when the template refuses the conversation (roles that do not
    /// alternate, no template in the model) or has no place for the tools.
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

    /// How a special token is written, as `<|im_end|>`; `None` for ordinary tokens.
    fn special_text(&self, token: u32) -> Option<&str>;

    /// Number of token ids that the tokenizer knows: `0..vocab_size`. Rows of logits may be
    /// longer.
    fn vocab_size(&self) -> usize;

    /// Tokens that end the model's turn.
    fn stop_tokens(&self) -> &[u32];

    /// How the model calls tools; `None` when its template has no place for them, or shows them
    /// in a format that nothing here reads.
    fn tool_format(&self) -> Option<ToolFormat>;
}
