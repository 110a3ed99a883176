//! Describes what callers ask of the engines and what they get.

use std::fmt;
use std::time::Duration;

use intramuros_types::{
    Constraint, FinishReason, KeyId, Message, RequestId, SamplingParams, ToolCall, ToolChoice,
    ToolDefinition, Usage,
};

use crate::{Caller, Meter};

/// A text to generate.
#[derive(Debug, Clone)]
pub struct GenerateRequest {
    /// Appears in logs; need not be unique.
    pub id: RequestId,
    /// What to continue.
    pub prompt: Prompt,
    /// How to continue it.
    pub sampling: SamplingParams,
    /// What the answer must look like. Not together with `tools`.
    pub constraint: Option<Constraint>,
    /// Tools that the model may call, for a [`Prompt::Chat`].
    pub tools: Option<Tools>,
    /// Who waits.
    pub priority: Priority,
    /// Whose request it is: keys that wait at the same time get equal shares. `None` is a client
    /// of its own, the server itself.
    pub client: Option<KeyId>,
    /// Adds up what the request takes.
    pub meter: Meter,
    /// Tell the log-probabilities of so many last tokens of the prompt too, before the answer;
    /// `usize::MAX` for all. Needs [`SamplingParams::logprobs`], computes these tokens anew, and
    /// allows an answer of 0 tokens.
    pub prompt_logprobs: usize,
    /// Tell the hidden state of the prompt's last token too, before the answer: what the model has
    /// read, as its output layer sees it. Allows an answer of 0 tokens.
    pub hidden: bool,
    /// Time from submission to the last token; `None` takes the engine's
    /// [`request_timeout`](crate::EngineConfig::request_timeout).
    pub timeout: Option<Duration>,
}

impl GenerateRequest {
    /// An interactive request of the server itself, without anything special.
    pub fn new(id: RequestId, prompt: Prompt, sampling: SamplingParams) -> Self {
        Self {
            id,
            prompt,
            sampling,
            constraint: None,
            tools: None,
            priority: Priority::Interactive,
            client: None,
            meter: Meter::default(),
            prompt_logprobs: 0,
            hidden: false,
            timeout: None,
        }
    }

    /// A request for `caller`, without anything special.
    pub fn of(caller: &Caller, prompt: Prompt, sampling: SamplingParams) -> Self {
        Self {
            priority: caller.priority,
            client: caller.client.clone(),
            meter: caller.meter.clone(),
            ..Self::new(caller.id.clone(), prompt, sampling)
        }
    }
}

/// Tools of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Tools {
    /// The tools, at least one.
    pub definitions: Vec<ToolDefinition>,
    /// Whether the model must call.
    pub choice: ToolChoice,
    /// Whether it may call several at once.
    pub parallel: bool,
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
#[derive(Debug, Clone, PartialEq)]
pub enum GenerationEvent {
    /// The prompt's last tokens, as many as were asked for; the very first has no probability.
    /// Comes first, where it was asked for.
    Prompt(Vec<PromptToken>),
    /// The hidden state of the prompt's last token; shape `(hidden)`. Comes before the answer, where
    /// it was asked for.
    Hidden(Vec<f32>),
    /// The next piece of the answer.
    Text {
        /// Never a part of a character; empty only beside log-probabilities.
        text: String,
        /// The tokens that end in this piece, where log-probabilities were asked for.
        logprobs: Vec<TokenLogprob>,
    },
    /// A tool call begins; its arguments follow.
    ToolCall {
        /// Its place among the answer's calls, from 0.
        index: usize,
        /// Its id.
        id: String,
        /// Name of the tool, one of those offered.
        name: String,
    },
    /// More of a tool call's arguments.
    ToolArguments {
        /// Which call.
        index: usize,
        /// The next characters of the JSON text.
        fragment: String,
    },
    /// The end; nothing follows.
    Finished {
        /// Why it ended.
        reason: FinishReason,
        /// What it took.
        usage: Usage,
    },
}

/// A token as a client can read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenText {
    /// Its id.
    pub id: u32,
    /// What it adds to the text; may be a part of a character, and is empty for special tokens.
    pub bytes: Vec<u8>,
    /// How a special token is written.
    pub special: Option<String>,
}

impl TokenText {
    /// The token as text; what is no whole character is U+FFFD.
    pub fn text(&self) -> String {
        match &self.special {
            Some(special) => special.clone(),
            None => String::from_utf8_lossy(&self.bytes).into_owned(),
        }
    }
}

/// How likely a token was.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub token: TokenText,
    /// Natural logarithm of its probability, as the model alone had it.
    pub logprob: f32,
    /// The likeliest tokens in its place, likelier first.
    pub top: Vec<(TokenText, f32)>,
}

/// A token of the prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptToken {
    /// The first, before which there is nothing to be likely after.
    First(TokenText),
    /// Any other.
    Next(TokenLogprob),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The prompt's tokens, where they were asked for.
    pub prompt: Vec<PromptToken>,
    /// The hidden state of its last token, where it was asked for; shape `(hidden)`.
    pub hidden: Vec<f32>,
    /// The answer without the stop text that may have ended it.
    pub text: String,
    /// The tools that the answer calls.
    pub tool_calls: Vec<ToolCall>,
    /// The answer's tokens, where log-probabilities were asked for.
    pub logprobs: Vec<TokenLogprob>,
    /// Why it ended.
    pub reason: FinishReason,
    /// What it took.
    pub usage: Usage,
}

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// A person: a search, an API call.
    Interactive,
    /// Nobody: indexing, bulk work. Computed when nothing interactive waits.
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
