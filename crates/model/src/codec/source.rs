//! Names what a codec is assembled from, whichever files it came from.

use super::added::AddedTokens;
use super::segmenter::Segmenter;
use super::token_bytes::TokenBytes;

/// The most tokens of a vocabulary; the largest known ones have 262,144.
pub(super) const MAX_TOKENS: usize = 1 << 21;

/// Texts of control tokens that end a turn or a text, whatever the metadata says.
///
/// Source: llama.cpp, `src/llama-vocab.cpp`, the search for end-of-generation tokens.
const WELL_KNOWN_STOPS: &[&str] = &[
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<end_of_turn>",
    "</s>",
    "<｜end▁of▁sentence｜>",
];

/// Whether `text` is, in every model that has it as a token, the end of a turn.
pub(super) fn is_well_known_stop(text: &str) -> bool {
    WELL_KNOWN_STOPS.contains(&text)
}

/// Whether a token that the vocabulary calls ordinary text delimits turns all the same: its text
/// is written like a control token and a chat template writes it. Vocabularies are sloppy about
/// this (Phi-3 declares `<|user|>` as text), and content must not be able to forge a turn.
pub(super) fn is_turn_marker(text: &str, templates: &str) -> bool {
    let looks_so = (text.starts_with("<|") || text.starts_with("<｜")) && text.ends_with('>');
    looks_so && templates.contains(text)
}

/// Texts that templates may ask for by name; empty strings count as absent.
#[derive(Debug, Clone, Default)]
pub(super) struct NamedTokens {
    pub(super) bos: Option<String>,
    pub(super) eos: Option<String>,
    pub(super) unknown: Option<String>,
    pub(super) pad: Option<String>,
}

/// A vocabulary and its rules, ready to be put to work.
#[derive(Debug)]
pub(super) struct Parts {
    /// Tokens that are written out in a text.
    pub(super) added: AddedTokens,
    /// Cuts plain text into pieces.
    pub(super) segmenter: Segmenter,
    /// What each token adds to the text.
    pub(super) bytes: TokenBytes,
    /// Begin of text.
    pub(super) bos: Option<u32>,
    /// Tokens that the model wants before a text.
    pub(super) before: Vec<u32>,
    /// Tokens that the model wants after a text.
    pub(super) after: Vec<u32>,
    /// Tokens that end the model's turn; sorted, each once.
    pub(super) stops: Vec<u32>,
    /// The chat template's source.
    pub(super) template: Option<String>,
    /// The source of the chat template for conversations with tools, where there is another.
    pub(super) tool_template: Option<String>,
    /// Texts that the template may ask for.
    pub(super) named: NamedTokens,
}
