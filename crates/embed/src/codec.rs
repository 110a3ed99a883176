//! Tokenises text for an encoder, with the prefixes of its profile.

use std::ops::Range;

use intramuros_backend::{BackendError, EmbedCodec, EncodedPair, EncodedWords, InputKind, Word};
use intramuros_types::{EncoderProfile, Span};
use tokenizers::{
    Encoding, Model, ModelWrapper, PostProcessor as _, Tokenizer, TruncationDirection,
};

use crate::backend::{max_tokens, too_long};
use crate::config::EncoderConfig;
use crate::{EmbedError, EncoderFiles};

/// The most bytes of a text to embed: far more than the longest input of any encoder, little
/// enough for a refusal to take milliseconds.
const MAX_INPUT_BYTES: usize = 1 << 20;

/// The most bytes that are tokenised at once to be counted: an encoding takes some hundred bytes a
/// token.
const COUNT_BYTES: usize = 256 << 10;

/// The bytes of each text of a pair that are tokenised: more than the longest input of any
/// cross-encoder has.
const PAIR_BYTES: usize = 32 << 10;

/// Words that are one token and weigh less than this are everywhere: of the 250,000 pieces of
/// XLM-RoBERTa, `de` weighs 5.3, `avec` 9.9, `image` 12.3.
const COMMON: f32 = 9.5;

/// The text side of an encoder.
pub struct EncoderCodec {
    tokenizer: Tokenizer,
    query_prefix: String,
    passage_prefix: String,
    max_tokens: u32,
    /// How much each token says: what it is worth in nats, where the tokenizer knows.
    weights: Vec<f32>,
}

impl EncoderCodec {
    /// Loads the tokenizer of `files`. Truncation and padding that `tokenizer.json` may ask for are
    /// switched off: an input is never silently shortened.
    ///
    /// # Errors
    /// [`EmbedError::Read`], [`EmbedError::TooLarge`], [`EmbedError::Tokenizer`],
    /// [`EmbedError::Vocabulary`], and those of `config.json`.
    pub fn load(files: &EncoderFiles, profile: &EncoderProfile) -> Result<Self, EmbedError> {
        let prefixes = (profile.query_prefix.clone(), profile.passage_prefix.clone());
        Self::open(files, prefixes, profile.max_tokens)
    }

    /// Loads the tokenizer of a cross-encoder, for [`EmbedCodec::encode_pair`].
    ///
    /// # Errors
    /// Those of [`load`](Self::load); [`EmbedError::Profile`] when `token_limit` leaves no room for
    /// text.
    pub fn load_cross_encoder(
        files: &EncoderFiles,
        token_limit: Option<u32>,
    ) -> Result<Self, EmbedError> {
        Self::open(files, Default::default(), token_limit)
    }

    fn open(
        files: &EncoderFiles,
        (query_prefix, passage_prefix): (String, String),
        token_limit: Option<u32>,
    ) -> Result<Self, EmbedError> {
        let config = EncoderConfig::read(&files.config)?;
        let max_tokens = max_tokens(&config, token_limit, &files.folder)?;
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
            weights: weights(&tokenizer),
            tokenizer,
            query_prefix,
            passage_prefix,
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

    /// `text` with the prefix of its kind.
    fn prefixed(&self, text: &str, kind: InputKind) -> Result<String, BackendError> {
        if text.len() > MAX_INPUT_BYTES {
            let bytes = text.len();
            let message =
                format!("input has {bytes} bytes, at most {MAX_INPUT_BYTES} are embedded");
            return Err(BackendError::Input(message));
        }
        Ok(format!("{}{text}", self.prefix(kind)))
    }

    fn check_length(&self, ids: &[u32]) -> Result<(), BackendError> {
        if ids.len() > self.max_tokens as usize {
            return Err(too_long(ids.len(), self.max_tokens));
        }
        Ok(())
    }

    /// The word of the tokens in `group`; `None` for one of a passage that is everywhere.
    fn word(&self, encoding: &Encoding, group: Group, kind: InputKind) -> Option<Word> {
        let ids = &encoding.get_ids()[group.tokens.clone()];
        let weight = ids.iter().map(|id| self.weights.get(*id as usize).copied().unwrap_or(1.0));
        let weight: f32 = weight.sum();
        let is_common = ids.len() == 1 && weight < COMMON;
        let span = group.span;
        let word = Word { tokens: group.tokens, span, weight };
        (kind == InputKind::Query || !is_common).then_some(word)
    }

    /// Token ids of `text`; the length of the text is already bounded.
    fn ids(&self, text: &str, add_special: bool) -> Result<Vec<u32>, BackendError> {
        Ok(self.encoding(text, add_special)?.get_ids().to_vec())
    }

    fn encoding(&self, text: &str, add_special: bool) -> Result<Encoding, BackendError> {
        self.tokenizer.encode_fast(text, add_special).map_err(|error| not_tokenised(&error))
    }
}

impl EmbedCodec for EncoderCodec {
    fn encode(&self, text: &str, kind: InputKind) -> Result<Vec<u32>, BackendError> {
        let ids = self.ids(&self.prefixed(text, kind)?, true)?;
        self.check_length(&ids)?;
        Ok(ids)
    }

    fn encode_words(&self, text: &str, kind: InputKind) -> Result<EncodedWords, BackendError> {
        let prefixed = self.prefixed(text, kind)?;
        let encoding = self
            .tokenizer
            .encode_char_offsets(prefixed, true)
            .map_err(|error| not_tokenised(&error))?;
        let tokens = encoding.get_ids().to_vec();
        self.check_length(&tokens)?;
        let pieces = pieces(&encoding, self.prefix(kind).chars().count());
        let groups = if kind == InputKind::Query { pieces } else { joined(pieces) };
        let words =
            groups.into_iter().filter_map(|group| self.word(&encoding, group, kind)).collect();
        Ok(EncodedWords { tokens, words })
    }

    fn encode_pair(&self, query: &str, passage: &str) -> Result<EncodedPair, BackendError> {
        let start = |text: &str| text.floor_char_boundary(PAIR_BYTES);
        let is_cut = start(query) < query.len() || start(passage) < passage.len();
        let mut query = self.encoding(&query[..start(query)], false)?;
        let mut passage = self.encoding(&passage[..start(passage)], false)?;
        let whole = query.len() + passage.len();
        let special = self.tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(true));
        let room = (self.max_tokens as usize).saturating_sub(special);
        if whole > room {
            shorten(&mut query, room / 2);
            shorten(&mut passage, room - query.len());
        }
        let both = self.tokenizer.post_process(query, Some(passage), true);
        let both = both.map_err(|error| not_tokenised(&error))?;
        let tokens = both.get_ids().to_vec();
        let second = both.get_type_ids().iter().position(|kind| *kind == 1);
        let shortened = is_cut || whole > room;
        Ok(EncodedPair { second: second.unwrap_or(tokens.len()), tokens, shortened })
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

/// Keeps the first `tokens` tokens.
fn shorten(encoding: &mut Encoding, tokens: usize) {
    encoding.truncate(tokens, 0, TruncationDirection::Right);
    // It keeps what was cut off, and a pair would combine every piece with every other.
    drop(encoding.take_overflowing());
}

fn not_tokenised(error: &tokenizers::Error) -> BackendError {
    BackendError::Input(format!("text cannot be tokenised: {error}"))
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

/// Tokens that belong together, and the characters of the text that they are.
struct Group {
    tokens: Range<usize>,
    span: Span,
    /// Whether it begins a word: after white space, or after what is no letter and no figure.
    begins: bool,
}

/// The tokens that have a letter or a figure of the text itself. `prefix`: characters before it.
fn pieces(encoding: &Encoding, prefix: usize) -> Vec<Group> {
    let mut pieces = Vec::new();
    let mut before = 0;
    let special = encoding.get_special_tokens_mask();
    let tokens = encoding.get_tokens().iter().zip(encoding.get_offsets());
    for (at, (token, (start, end))) in tokens.enumerate() {
        let says_something = token.chars().any(char::is_alphanumeric);
        // The blank before the first word can belong to its token, and is the prefix's.
        let (start, end) = ((*start).max(prefix), *end);
        if special[at] == 1 || start >= end || !says_something {
            continue;
        }
        // Its characters follow those of the piece before, and it begins with none of its own.
        let apart = start > before || starts_word(token);
        let span = Span::new((start - prefix) as u32, (end - prefix) as u32);
        pieces.push(Group { tokens: at..at + 1, span, begins: apart || pieces.is_empty() });
        before = end;
    }
    pieces
}

/// Whether a token says itself that a word begins, as those of SentencePiece do.
fn starts_word(token: &str) -> bool {
    token.starts_with('\u{2581}')
}

/// The pieces of each word as one group.
fn joined(pieces: Vec<Group>) -> Vec<Group> {
    let mut words: Vec<Group> = Vec::new();
    for piece in pieces {
        match words.last_mut() {
            Some(word) if !piece.begins && word.tokens.end == piece.tokens.start => {
                word.tokens.end = piece.tokens.end;
                word.span.end = piece.span.end;
            }
            _ => words.push(piece),
        }
    }
    words
}

/// How much each token says. A SentencePiece model knows how probable its pieces are; other
/// vocabularies are about in order of frequency.
fn weights(tokenizer: &Tokenizer) -> Vec<f32> {
    if let ModelWrapper::Unigram(model) = tokenizer.get_model() {
        return model.iter().map(|(_, score)| -(*score as f32)).map(|w| w.max(0.1)).collect();
    }
    let size = u32::try_from(tokenizer.get_model().get_vocab_size()).unwrap_or(u32::MAX);
    // Scaled so that the most frequent hundred of 30,000 count as common.
    (0..size).map(|id| (f64::from(id) + 2.0).ln() as f32 * 1.3).collect()
}
