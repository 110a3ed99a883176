//! What the model thread tells a [`Generation`](crate::Generation).

use intramuros_types::{FinishReason, Usage};

use crate::{PromptToken, TokenLogprob};

/// A piece of news about one request.
#[derive(Debug)]
pub(crate) enum Signal {
    /// The prompt's tokens.
    Prompt(Vec<PromptToken>),
    /// The hidden state of the prompt's last token.
    Hidden(Vec<f32>),
    /// Whole characters of the answer, and the tokens that end in them.
    Text { text: String, logprobs: Vec<TokenLogprob> },
    /// A special token inside the answer, where the caller looks for tool calls.
    Special(String),
    /// The end.
    Finished { reason: FinishReason, usage: Usage },
}
