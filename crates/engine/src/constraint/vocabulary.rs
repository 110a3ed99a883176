//! Holds the trie of a model's tokens, which every matcher of that model shares.

use std::sync::Arc;

use intramuros_backend::TextCodec;
use llguidance::ParserFactory;
use llguidance::toktrie::{INVALID_TOKEN, TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use super::ConstraintError;

/// Longer tokens are never allowed: the trie has room for a depth of 1,024.
const MAX_TOKEN_BYTES: usize = 1_000;
/// Marks where a text begins, for tokenizers that put a space before it.
const SENTINEL: &str = "\u{2}";

/// A model's tokens, arranged for masking. Built once per loaded model (it takes time in
/// proportion to the vocabulary), cheap to clone.
///
/// A special token enters the trie as the byte 0xFF and its text. No UTF-8 text holds that byte,
/// so a grammar matches a special token only by its name.
///
/// Source: llguidance, `docs/special_tokens.md`.
#[derive(Clone)]
pub(crate) struct Vocabulary {
    factory: Arc<ParserFactory>,
    env: TokEnv,
}

impl Vocabulary {
    /// Arranges the tokens of `codec` that the model has logits for, `model_size` of them.
    ///
    /// # Errors
    /// [`ConstraintError::Vocabulary`] when there are none, or too many (2^24).
    pub(crate) fn new(
        codec: Arc<dyn TextCodec>,
        model_size: usize,
    ) -> Result<Self, ConstraintError> {
        let size = codec.vocab_size().min(model_size);
        if size == 0 || size >= 1 << 24 {
            let reason = format!("it has {size} tokens, 1 to 16,777,215 are possible");
            return Err(ConstraintError::Vocabulary { reason });
        }
        let words: Vec<Vec<u8>> = (0..size as u32).map(|token| word(&*codec, token)).collect();
        let stops: Vec<u32> =
            codec.stop_tokens().iter().copied().filter(|&stop| (stop as usize) < size).collect();
        let first = stops.first().copied().unwrap_or(INVALID_TOKEN);
        let mut trie = TokTrie::from(&TokRxInfo::new(size as u32, first), &words);
        if !stops.is_empty() {
            trie = trie.with_eos_tokens(&stops);
        }
        let env: TokEnv = Arc::new(CodecEnv { codec, trie });
        let mut factory = ParserFactory::new_simple(&env)
            .map_err(|error| ConstraintError::Vocabulary { reason: error.to_string() })?;
        // It would write grammars and answers to standard error.
        factory.quiet();
        Ok(Vocabulary { factory: Arc::new(factory), env })
    }

    /// How a Lark grammar names `marker`: as the special token of that spelling where the model
    /// has one, otherwise as plain text, which ordinary tokens may spell in any way.
    #[cfg(test)]
    pub(crate) fn lark_marker(&self, marker: &str) -> String {
        match self.special_token(marker) {
            Some(token) => format!("<[{token}]>"),
            None => super::lark::string(marker),
        }
    }

    /// The special token that is written `text`.
    pub(crate) fn special_token(&self, text: &str) -> Option<u32> {
        self.trie().get_special_token(text)
    }

    pub(super) fn factory(&self) -> &ParserFactory {
        &self.factory
    }

    pub(super) fn trie(&self) -> &TokTrie {
        self.env.tok_trie()
    }
}

/// What the trie knows a token by; empty for those that no grammar may use.
fn word(codec: &dyn TextCodec, token: u32) -> Vec<u8> {
    let bytes = match codec.special_text(token) {
        Some(text) => {
            let mut word = vec![TokTrie::SPECIAL_TOKEN_MARKER];
            word.extend_from_slice(text.as_bytes());
            word
        }
        // A byte token of 0xFF would be taken for the marker.
        None if codec.token_bytes(token).contains(&TokTrie::SPECIAL_TOKEN_MARKER) => Vec::new(),
        None => codec.token_bytes(token).to_vec(),
    };
    if bytes.len() > MAX_TOKEN_BYTES { Vec::new() } else { bytes }
}

/// The codec as llguidance sees it.
struct CodecEnv {
    codec: Arc<dyn TextCodec>,
    trie: TokTrie,
}

impl CodecEnv {
    /// The model's own tokens for `text`, or the greedy ones where the tokenizer adds or changes
    /// bytes.
    fn tokenize_text(&self, text: &str) -> Vec<TokenId> {
        if let Ok(tokens) = self.codec.encode(text, false)
            && self.spells(&tokens, text.as_bytes())
        {
            return tokens;
        }
        // SentencePiece writes a space before the text; it then stands before the sentinel.
        if let Ok(tokens) = self.codec.encode(&format!("{SENTINEL}{text}"), false) {
            for at in 1..tokens.len().min(6) {
                let (head, tail) = tokens.split_at(at);
                if self.bytes(head).ends_with(SENTINEL.as_bytes())
                    && self.spells(tail, text.as_bytes())
                {
                    return tail.to_vec();
                }
            }
        }
        self.trie.greedy_tokenize(text.as_bytes())
    }

    fn bytes(&self, tokens: &[TokenId]) -> Vec<u8> {
        tokens.iter().flat_map(|&token| self.codec.token_bytes(token)).copied().collect()
    }

    fn spells(&self, tokens: &[TokenId], bytes: &[u8]) -> bool {
        let known = |&token: &TokenId| (token as usize) < self.trie.vocab_size();
        tokens.iter().all(known) && self.bytes(tokens) == bytes
    }
}

impl TokenizerEnv for CodecEnv {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| self.tokenize_text(text))
    }
}
