//! Writes log-probabilities in the two shapes of the OpenAI API.

use std::collections::BTreeMap;

use intramuros_engine::{PromptToken, TokenLogprob, TokenText};
use serde::Serialize;
use utoipa::ToSchema;

/// Log-probabilities of a chat answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatLogprobs {
    /// The answer's tokens.
    content: Vec<ChatToken>,
    /// Always `null`.
    refusal: Option<String>,
}

/// A token of the answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatToken {
    #[serde(flatten)]
    own: Alternative,
    /// The likeliest tokens in its place.
    top_logprobs: Vec<Alternative>,
}

/// A token and how likely it was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alternative {
    /// The token as text; what is no whole character is U+FFFD.
    token: String,
    /// Natural logarithm of its probability; −9999 for a token that cannot occur.
    logprob: f32,
    /// The token's bytes.
    bytes: Option<Vec<u8>>,
}

/// JSON has no −∞; OpenAI's own number for it.
const IMPOSSIBLE: f32 = -9999.0;

impl ChatLogprobs {
    pub(crate) fn new(tokens: Vec<TokenLogprob>) -> Self {
        let content = tokens.into_iter().map(|told| ChatToken {
            own: alternative(&told.token, told.logprob),
            top_logprobs: told
                .top
                .iter()
                .map(|(token, logprob)| alternative(token, *logprob))
                .collect(),
        });
        Self { content: content.collect(), refusal: None }
    }
}

fn alternative(token: &TokenText, logprob: f32) -> Alternative {
    let bytes = token.special.is_none().then(|| token.bytes.clone());
    Alternative { token: token.text(), logprob: finite(logprob), bytes }
}

fn finite(logprob: f32) -> f32 {
    if logprob.is_finite() { logprob } else { IMPOSSIBLE }
}

/// Log-probabilities of a plain completion: parallel lists.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct CompletionLogprobs {
    /// The tokens as text.
    tokens: Vec<String>,
    /// Their log-probabilities; `null` for the first of an echoed prompt.
    token_logprobs: Vec<Option<f32>>,
    /// The likeliest tokens in each one's place; `null` for the first of an echoed prompt.
    top_logprobs: Vec<Option<BTreeMap<String, f32>>>,
    /// Where each begins in the text, in characters.
    text_offset: Vec<usize>,
}

impl CompletionLogprobs {
    /// Of an echoed prompt (or none) and an answer that begins `offset` characters into the text.
    pub(crate) fn new(prompt: &[PromptToken], answer: &[TokenLogprob], offset: usize) -> Self {
        let mut lists = Self::default();
        let mut at = if prompt.is_empty() { offset } else { 0 };
        for token in prompt {
            match token {
                PromptToken::First(token) => lists.push(token, None, &mut at),
                PromptToken::Next(told) => lists.push(&told.token, Some(told), &mut at),
            }
        }
        for told in answer {
            lists.push(&told.token, Some(told), &mut at);
        }
        lists
    }

    fn push(&mut self, token: &TokenText, told: Option<&TokenLogprob>, at: &mut usize) {
        let text = token.text();
        self.text_offset.push(*at);
        *at += if token.special.is_some() { 0 } else { text.chars().count() };
        self.token_logprobs.push(told.map(|told| finite(told.logprob)));
        self.top_logprobs.push(told.map(|told| {
            let top = told.top.iter();
            top.map(|(token, logprob)| (token.text(), finite(*logprob))).collect()
        }));
        self.tokens.push(text);
    }
}
