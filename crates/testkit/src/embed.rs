//! Imitates an encoder over words.

#[cfg(test)]
mod tests;

use std::ops::Range;

use intramuros_backend::{
    BackendError, EmbedBackend, EmbedBatch, EmbedCodec, EmbedModelInfo, Embedding, EncodedPair,
    EncodedWords, InputKind, Word,
};
use intramuros_types::{ModelId, Span};

use crate::{Control, Mishap};

/// Begins every input; carries no meaning.
const BEGIN: u32 = 0;
/// Follows it in a query.
const QUERY: u32 = 1;
/// Follows it in a passage.
const PASSAGE: u32 = 2;
const FIRST_WORD: u32 = 3;
const WORDS: u64 = 1 << 24;

/// An encoder without weights: the normalised sum of one pseudo-random vector a word, so that the
/// cosine of two texts grows with the words they share. Holds callers to the contract of
/// [`EmbedBackend`].
#[derive(Debug)]
pub struct FakeEmbed {
    info: EmbedModelInfo,
    control: Control<EmbedBatch>,
}

impl FakeEmbed {
    /// An encoder that gives vectors of length `dimension` and takes 512 tokens an input.
    pub fn new(dimension: usize) -> Self {
        let max_tokens = FakeEmbedCodec::default().max_tokens;
        let id = ModelId::new("fake-embed");
        let info = EmbedModelInfo { id, dimension, max_tokens, weight_bytes: 0 };
        Self { info, control: Control::new() }
    }

    /// The same that takes this many tokens an input.
    pub fn with_max_tokens(mut self, max_tokens: u32) -> Self {
        self.info.max_tokens = max_tokens;
        self
    }

    /// What a test holds of this encoder.
    pub fn control(&self) -> Control<EmbedBatch> {
        self.control.clone()
    }

    fn vector(&self, tokens: &[u32]) -> Vec<f32> {
        let mut sum = vec![0.0_f32; self.info.dimension];
        let words = tokens.iter().filter(|&&token| token >= FIRST_WORD);
        // A text without words still gets a direction.
        let words = words.copied().chain(std::iter::once(BEGIN));
        for word in words {
            let weight = if word == BEGIN { 1e-3 } else { 1.0 };
            for (at, value) in sum.iter_mut().enumerate() {
                let random = mix(u64::from(word) << 32 | at as u64);
                *value += weight * ((random >> 40) as f32 / (1u32 << 23) as f32 - 1.0);
            }
        }
        let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        sum.iter().map(|value| value / norm).collect()
    }
}

impl EmbedBackend for FakeEmbed {
    fn info(&self) -> &EmbedModelInfo {
        &self.info
    }

    fn embed(&mut self, batch: &EmbedBatch) -> Result<Vec<Embedding>, BackendError> {
        let mishap = self.control.begin_step(batch);
        if batch.sequences.is_empty() {
            return Err(BackendError::Compute("an empty batch".to_owned()));
        }
        let most = self.info.max_tokens as usize;
        if batch.sequences.iter().any(|tokens| tokens.is_empty() || tokens.len() > most) {
            return Err(BackendError::Input("a sequence is empty or too long".to_owned()));
        }
        let embed = |(input, tokens): (usize, &Vec<u32>)| {
            let group = |group: &Range<usize>| self.vector(&tokens[group.clone()]);
            let groups = batch.groups_of(input).iter().flat_map(group).collect();
            Embedding { vector: self.vector(tokens), groups }
        };
        let mut embeddings: Vec<Embedding> =
            batch.sequences.iter().enumerate().map(embed).collect();
        match mishap {
            None | Some(Mishap::Panic) => {}
            Some(Mishap::Fail) => return Err(BackendError::Compute("a test asked for it".into())),
            Some(Mishap::NotANumber) => {
                embeddings.iter_mut().for_each(|embedding| embedding.vector.fill(f32::NAN));
            }
            Some(Mishap::WrongShape) => drop(embeddings.pop()),
        }
        Ok(embeddings)
    }
}

/// One token a word (a run of letters and digits, case ignored).
#[derive(Debug, Clone, Copy)]
pub struct FakeEmbedCodec {
    max_tokens: u32,
}

impl Default for FakeEmbedCodec {
    fn default() -> Self {
        Self { max_tokens: 512 }
    }
}

impl FakeEmbedCodec {
    /// A codec that refuses inputs of more tokens.
    pub fn with_max_tokens(max_tokens: u32) -> Self {
        Self { max_tokens }
    }
}

impl EmbedCodec for FakeEmbedCodec {
    fn encode(&self, text: &str, kind: InputKind) -> Result<Vec<u32>, BackendError> {
        let prefix = match kind {
            InputKind::Query => Some(QUERY),
            InputKind::Passage => Some(PASSAGE),
            InputKind::Plain => None,
        };
        let tokens: Vec<u32> =
            std::iter::once(BEGIN).chain(prefix).chain(words(text).map(word_token)).collect();
        if tokens.len() > self.max_tokens as usize {
            let (count, most) = (tokens.len(), self.max_tokens);
            let reason = format!("text has {count} tokens, the model takes {most}");
            return Err(BackendError::Input(reason));
        }
        Ok(tokens)
    }

    fn encode_words(&self, text: &str, kind: InputKind) -> Result<EncodedWords, BackendError> {
        let tokens = self.encode(text, kind)?;
        let first = tokens.len() - words(text).count();
        let position = |byte: usize| text[..byte].chars().count() as u32;
        let words = (first..).zip(words(text)).map(|(token, word)| {
            // The words are parts of the text, so their places are the differences of addresses.
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            let span = Span::new(position(start), position(start + word.len()));
            Word { tokens: token..token + 1, span, weight: 1.0 }
        });
        Ok(EncodedWords { tokens, words: words.collect() })
    }

    fn encode_pair(&self, query: &str, passage: &str) -> Result<EncodedPair, BackendError> {
        let mut tokens = self.encode(query, InputKind::Query)?;
        let second = tokens.len();
        tokens.extend(words(passage).map(word_token));
        let shortened = tokens.len() > self.max_tokens as usize;
        tokens.truncate(self.max_tokens as usize);
        Ok(EncodedPair { second: second.min(tokens.len()), tokens, shortened })
    }

    fn count_tokens(&self, text: &str) -> Result<usize, BackendError> {
        Ok(words(text).count())
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn word_token(word: &str) -> u32 {
    let hash = word.to_lowercase().bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
    FIRST_WORD + u32::try_from(hash % WORDS).expect("the remainder is below 2^24")
}

/// Scrambles 64 bits.
///
/// Source: Steele, Lea, Flood 2014 (Fast Splittable Pseudorandom Number Generators), SplitMix64.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
