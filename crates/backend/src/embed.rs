//! Asks an encoder for vectors.

use std::ops::Range;

use intramuros_types::{ModelId, Span};

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
    /// For each input the ranges of its tokens whose own vectors are wanted too; no entries at all
    /// when none are.
    pub groups: Vec<Vec<Range<usize>>>,
    /// For each input where its second text begins, its length when it is one text; no entries at
    /// all when none is a pair.
    pub seconds: Vec<usize>,
}

impl EmbedBatch {
    /// Inputs of which only the pooled vectors are wanted.
    pub fn of(sequences: Vec<Vec<u32>>) -> Self {
        Self { sequences, ..Self::default() }
    }

    /// The groups of input `input`.
    pub fn groups_of(&self, input: usize) -> &[Range<usize>] {
        self.groups.get(input).map_or(&[], Vec::as_slice)
    }

    /// Where the second text of input `input` begins; its length when it is one text.
    pub fn second_of(&self, input: usize) -> usize {
        self.seconds.get(input).copied().unwrap_or_else(|| self.sequences[input].len())
    }
}

/// What an encoder makes of one input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embedding {
    /// The pooled vector, L2-normalised as the model's profile says, shape `(dimension)`.
    pub vector: Vec<f32>,
    /// The mean of the token vectors of each group, less what all tokens of the encoder have in
    /// common; shape `(groups, dimension)`, row-major, not normalised.
    pub groups: Vec<f32>,
}

/// A word of a text, as late interaction compares them, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// Its tokens in the sequence.
    pub tokens: Range<usize>,
    /// Where it is in the text, prefix not counted.
    pub span: Span,
    /// How much it says, above 0: rare words say more than common ones.
    pub weight: f32,
}

/// A text as tokens, and the words in it that carry meaning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EncodedWords {
    /// As [`EmbedCodec::encode`] gives them.
    pub tokens: Vec<u32>,
    /// The words, in order, apart.
    pub words: Vec<Word>,
}

/// A question and a passage as one sequence, as a cross-encoder reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedPair {
    /// Both, special tokens included.
    pub tokens: Vec<u32>,
    /// The first token of the second text where the model tells the two apart by their type, the
    /// length where it does not.
    pub second: usize,
    /// Whether the texts were too long for the model and lost their ends.
    pub shortened: bool,
}

/// An encoder. One compute thread owns it.
pub trait EmbedBackend: Send {
    /// What the model is.
    fn info(&self) -> &EmbedModelInfo;

    /// One embedding an input, in order.
    ///
    /// # Errors
    /// [`BackendError::Input`] when a sequence is empty or too long, or a group is not within it;
    /// [`BackendError::Compute`].
    fn embed(&mut self, batch: &EmbedBatch) -> Result<Vec<Embedding>, BackendError>;
}

/// The text side of an encoder. Shared by many threads.
pub trait EmbedCodec: Send + Sync {
    /// Tokenises `text` with the prefix of `kind`, special tokens included; never truncates.
    ///
    /// # Errors
    /// [`BackendError::Input`] when the tokenizer fails or the text has more tokens than the model
    /// takes; the message gives both counts.
    fn encode(&self, text: &str, kind: InputKind) -> Result<Vec<u32>, BackendError>;

    /// Tokenises as [`Self::encode`] does and says where the words are. Of a query each token that
    /// carries meaning is a word of its own; of a passage the tokens of a word are one, and words
    /// that are everywhere (`de`, `the`) are left out.
    ///
    /// # Errors
    /// Those of [`Self::encode`].
    fn encode_words(&self, text: &str, kind: InputKind) -> Result<EncodedWords, BackendError>;

    /// Tokenises a question and a passage for an encoder that reads both at once. What is too long
    /// for the model is shortened at its end: the question to half of the room, the passage to what
    /// the question leaves.
    ///
    /// # Errors
    /// [`BackendError::Input`] when the tokenizer fails.
    fn encode_pair(&self, query: &str, passage: &str) -> Result<EncodedPair, BackendError>;

    /// Number of tokens of `text` without prefix and special tokens; what chunking counts with.
    ///
    /// # Errors
    /// [`BackendError::Input`] when the tokenizer fails.
    fn count_tokens(&self, text: &str) -> Result<usize, BackendError>;
}
