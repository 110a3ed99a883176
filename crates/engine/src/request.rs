//! Describes what callers ask of the engines and what they get.

use std::fmt;
use std::time::Duration;

use intramuros_types::{FinishReason, Message, RequestId, SamplingParams, Usage};

/// A text to generate.
#[derive(Debug, Clone)]
pub struct GenerateRequest {
    /// Appears in logs; need not be unique.
    pub id: RequestId,
    /// What to continue.
    pub prompt: Prompt,
    /// How to continue it.
    pub sampling: SamplingParams,
    /// Time from submission to the last token; `None` takes the engine's
    /// [`request_timeout`](crate::EngineConfig::request_timeout).
    pub timeout: Option<Duration>,
}

/// What to continue. Its `Debug` tells the size only, so that no log can hold a prompt.
#[derive(Clone)]
pub enum Prompt {
    /// A conversation, rendered with the model's chat template; the assistant's turn follows.
    Chat(Vec<Message>),
    /// Plain text, with what the model wants around a text (BOS).
    Text(String),
    /// Token ids of the model's vocabulary, as they are.
    Tokens(Vec<u32>),
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Prompt::Chat(messages) => write!(f, "Chat({} messages)", messages.len()),
            Prompt::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Prompt::Tokens(tokens) => write!(f, "Tokens({} tokens)", tokens.len()),
        }
    }
}

/// What a [`Generation`](crate::Generation) yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GenerationEvent {
    /// The next piece of the answer, never empty and never a part of a character.
    Text(String),
    /// The end; nothing follows.
    Finished {
        /// Why it ended.
        reason: FinishReason,
        /// What it took.
        usage: Usage,
    },
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The answer without the stop text that may have ended it.
    pub text: String,
    /// Why it ended.
    pub reason: FinishReason,
    /// What it took.
    pub usage: Usage,
}

/// Who waits for an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Priority {
    /// A person: a search, an API call.
    Interactive,
    /// Nobody: indexing. Computed when nothing interactive waits.
    Background,
}

/// Vectors of a list of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One vector a text, in the order of the texts; each of the model's dimension.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts, prefixes and special tokens included.
    pub tokens: u32,
}
