//! Tokenises text for an encoder, with the prefixes of its profile.

use intramuros_backend::{BackendError, EmbedCodec, InputKind};
use intramuros_types::EncoderProfile;
use tokenizers::Tokenizer;

use crate::backend::{max_tokens, too_long};
use crate::config::EncoderConfig;
use crate::{EmbedError, EncoderFiles};

/// The most bytes of a text to embed: far more than the longest input of any encoder, little
/// enough for a refusal to take milliseconds.
const MAX_INPUT_BYTES: usize = 1 << 20;

/// The most bytes that are tokenised at once to be counted: an encoding takes some hundred bytes a
/// token.
const COUNT_BYTES: usize = 256 << 10;

/// The text side of an encoder.
pub struct EncoderCodec {
    tokenizer: Tokenizer,
    query_prefix: String,
    passage_prefix: String,
    max_tokens: u32,
}

impl EncoderCodec {
    /// Loads the tokenizer of `files`. Truncation and padding that `tokenizer.json` may ask for are
    /// switched off: an input is never silently shortened.
    ///
    /// # Errors
    /// [`EmbedError::Read`], [`EmbedError::TooLarge`], [`EmbedError::Tokenizer`],
    /// [`EmbedError::Vocabulary`], and those of `config.json`.
    pub fn load(files: &EncoderFiles, profile: &EncoderProfile) -> Result<Self, EmbedError> {
        let config = EncoderConfig::read(&files.config)?;
        let max_tokens = max_tokens(&config, profile, files)?;
        let failed = |reason: String| {
            let path = files.tokenizer.clone();
            EmbedError::Tokenizer { path, reason }
        };
        let mut tokenizer = Tokenizer::from_bytes(files.read_tokenizer()?)
            .map_err(|error| failed(format!("does not load as a tokenizer: {error}")))?;
        tokenizer.with_truncation(None).map_err(|error| failed(error.to_string()))?;
        tokenizer.with_padding(None);
        let tokens = tokenizer.get_vocab_size(true);
        if tokens > config.vocabulary {
            let path = files.tokenizer.clone();
            return Err(EmbedError::Vocabulary { path, tokens, rows: config.vocabulary });
        }
        Ok(Self {
            tokenizer,
            query_prefix: profile.query_prefix.clone(),
            passage_prefix: profile.passage_prefix.clone(),
            max_tokens,
        })
    }

    fn prefix(&self, kind: InputKind) -> &str {
        match kind {
            InputKind::Query => &self.query_prefix,
            InputKind::Passage => &self.passage_prefix,
            InputKind::Plain => "",
        }
    }

    /// Token ids of `text`; the length of the text is already bounded.
    fn ids(&self, text: &str, add_special: bool) -> Result<Vec<u32>, BackendError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, add_special)
            .map_err(|error| BackendError::Input(format!("text cannot be tokenised: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }
}

impl EmbedCodec for EncoderCodec {
    fn encode(&self, text: &str, kind: InputKind) -> Result<Vec<u32>, BackendError> {
        if text.len() > MAX_INPUT_BYTES {
            let bytes = text.len();
            let message =
                format!("input has {bytes} bytes, at most {MAX_INPUT_BYTES} are embedded");
            return Err(BackendError::Input(message));
        }
        let prefixed = format!("{}{text}", self.prefix(kind));
        let ids = self.ids(&prefixed, true)?;
        if ids.len() > self.max_tokens as usize {
            return Err(too_long(ids.len(), self.max_tokens));
        }
        Ok(ids)
    }

    /// A text of more than 256 KiB, far more than any passage, is counted in parts that end before
    /// a space; where it has none, a token across the border counts as two.
    fn count_tokens(&self, text: &str) -> Result<usize, BackendError> {
        let (mut rest, mut count) = (text, 0);
        while !rest.is_empty() {
            let (part, others) = rest.split_at(part_end(rest, COUNT_BYTES));
            count += self.ids(part, false)?.len();
            rest = others;
        }
        Ok(count)
    }
}

/// Where the first part of `text` ends: at most `limit` bytes on, before a space if there is one.
fn part_end(text: &str, limit: usize) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    let end = text.floor_char_boundary(limit);
    match text[..end].rfind(char::is_whitespace) {
        Some(space) if space > 0 => space,
        _ => end,
    }
}
