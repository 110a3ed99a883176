//! Runs an encoder behind the [`EmbedBackend`] trait: checks, batches by length, pools.

use std::ops::Range;
use std::path::Path;

use intramuros_backend::{BackendError, EmbedBackend, EmbedBatch, EmbedModelInfo, Embedding};
use intramuros_types::{EncoderProfile, ModelId};

use crate::config::EncoderConfig;
use crate::encoder::Encoder;
use crate::head::ScoreHead;
use crate::weights::Weights;
use crate::{EmbedError, EncoderCodec, EncoderFiles, common, pooling, profile};

/// The most tokens of one forward pass over several inputs: enough rows to keep the matrix
/// products busy, few enough for the activations to stay in the cache.
const BATCH_TOKENS: usize = 1024;

/// An encoder on the CPU.
pub struct CpuEmbedBackend {
    encoder: Encoder,
    info: EmbedModelInfo,
    output: Output,
}

/// What is made of the hidden states of an input.
enum Output {
    /// A vector of the encoder's width.
    Pooled {
        profile: EncoderProfile,
        /// What all token vectors have in common, shape `(hidden)`.
        common: Vec<f32>,
    },
    /// A vector of one element, the logit of relevance.
    Score(ScoreHead),
}

impl CpuEmbedBackend {
    /// Loads the encoder of `files`, whose text side is `codec`. Linear layers become f32; the
    /// token table stays in the file, memory-mapped.
    ///
    /// # Errors
    /// Any [`EmbedError`] but [`EmbedError::Tokenizer`]: files that
    /// are missing, damaged, contradictory or of an unsupported kind.
    pub fn load(
        files: &EncoderFiles,
        id: ModelId,
        profile: &EncoderProfile,
        codec: &EncoderCodec,
    ) -> Result<Self, EmbedError> {
        profile::check(&files.folder, profile)?;
        let config = EncoderConfig::read(&files.config)?;
        let max_tokens = max_tokens(&config, profile.max_tokens, &files.folder)?;
        let encoder = Encoder::load(config, &Weights::open(&files.weights)?)?;
        let info = EmbedModelInfo {
            id,
            dimension: encoder.config().hidden,
            max_tokens,
            weight_bytes: encoder.weight_bytes(),
        };
        let common = common::direction(&encoder, codec)?;
        tracing::debug!(model = %info.id, info.dimension, info.max_tokens, "encoder loaded");
        let output = Output::Pooled { profile: profile.clone(), common };
        Ok(Self { encoder, info, output })
    }

    /// Loads the cross-encoder of `files`: a BERT-family encoder with a head for one label. Its
    /// vectors have one element, the logit of relevance.
    ///
    /// # Errors
    /// Those of [`load`](Self::load); [`EmbedError::MissingTensor`] for an encoder without head.
    pub fn load_cross_encoder(
        files: &EncoderFiles,
        id: ModelId,
        token_limit: Option<u32>,
    ) -> Result<Self, EmbedError> {
        let config = EncoderConfig::read(&files.config)?;
        let max_tokens = max_tokens(&config, token_limit, &files.folder)?;
        let weights = Weights::open(&files.weights)?;
        let head = ScoreHead::load(&config, &weights)?;
        let encoder = Encoder::load(config, &weights)?;
        let weight_bytes = encoder.weight_bytes() + head.weight_bytes();
        let info = EmbedModelInfo { id, dimension: 1, max_tokens, weight_bytes };
        tracing::debug!(model = %info.id, info.max_tokens, "cross-encoder loaded");
        Ok(Self { encoder, info, output: Output::Score(head) })
    }

    /// Refuses what the encoder's tables cannot answer.
    fn check(&self, batch: &EmbedBatch) -> Result<(), BackendError> {
        let vocabulary = self.encoder.config().vocabulary;
        for (input, sequence) in batch.sequences.iter().enumerate() {
            if sequence.is_empty() {
                return Err(BackendError::Input(format!("input {input} has no token")));
            }
            if sequence.len() > self.info.max_tokens as usize {
                return Err(too_long(sequence.len(), self.info.max_tokens));
            }
            if let Some(token) = sequence.iter().find(|token| **token as usize >= vocabulary) {
                return Err(BackendError::Input(format!(
                    "input {input} has token {token}, the encoder's vocabulary is {vocabulary}"
                )));
            }
            if batch.second_of(input) > sequence.len() {
                return Err(BackendError::Input(format!(
                    "the second text of input {input} does not begin within it"
                )));
            }
            let within = |group: &Range<usize>| !group.is_empty() && group.end <= sequence.len();
            if !batch.groups_of(input).iter().all(within) {
                return Err(BackendError::Input(format!(
                    "input {input} has a group of tokens that is not within it"
                )));
            }
        }
        Ok(())
    }
}

impl EmbedBackend for CpuEmbedBackend {
    fn info(&self) -> &EmbedModelInfo {
        &self.info
    }

    fn embed(&mut self, batch: &EmbedBatch) -> Result<Vec<Embedding>, BackendError> {
        self.check(batch)?;
        let hidden = self.encoder.config().hidden;
        let mut embeddings = vec![Embedding::default(); batch.sequences.len()];
        for inputs in sub_batches(&batch.sequences) {
            let sequences: Vec<(&[u32], usize)> = inputs
                .iter()
                .map(|input| (batch.sequences[*input].as_slice(), batch.second_of(*input)))
                .collect();
            let states = self.encoder.forward_pairs(&sequences);
            let mut rest = states.as_slice();
            for (input, (tokens, _)) in inputs.into_iter().zip(sequences) {
                let (own, others) = rest.split_at(tokens.len() * hidden);
                rest = others;
                let embedding = self.output.of(own, hidden, batch.groups_of(input));
                if embedding.vector.iter().any(|value| !value.is_finite()) {
                    return Err(EmbedError::NotFinite { input }.into());
                }
                embeddings[input] = embedding;
            }
        }
        Ok(embeddings)
    }
}

impl Output {
    /// What becomes of `states`, shape `(tokens, hidden)`.
    fn of(&self, states: &[f32], hidden: usize, groups: &[Range<usize>]) -> Embedding {
        match self {
            Self::Pooled { profile, common } => {
                let mut vector = pooling::pool(states, hidden, profile.pooling);
                if profile.normalise {
                    pooling::normalise(&mut vector);
                }
                Embedding { vector, groups: pooling::groups(states, groups, common) }
            }
            Self::Score(head) => {
                Embedding { vector: vec![head.score(&states[..hidden])], groups: Vec::new() }
            }
        }
    }
}

/// Positions of the inputs, longest first, cut into passes of at most [`BATCH_TOKENS`] tokens or
/// one input. Sequences of one pass that are of similar length finish their attention together.
fn sub_batches(sequences: &[Vec<u32>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    order.sort_by_key(|input| std::cmp::Reverse(sequences[*input].len()));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for input in order {
        let tokens = sequences[input].len();
        match batches.last_mut() {
            Some(batch) if tokens <= room => batch.push(input),
            _ => {
                batches.push(vec![input]);
                room = BATCH_TOKENS.max(tokens);
            }
        }
        room -= tokens;
    }
    batches
}

/// The most tokens of an input: what the position table allows, less if the profile says so
/// (`limit`).
pub(crate) fn max_tokens(
    config: &EncoderConfig,
    limit: Option<u32>,
    folder: &Path,
) -> Result<u32, EmbedError> {
    let table = u32::try_from(config.max_tokens()).unwrap_or(u32::MAX);
    match limit {
        Some(0..3) => Err(EmbedError::Profile {
            folder: folder.to_owned(),
            reason: "max_tokens is less than 3, which leaves no room for text".to_owned(),
        }),
        Some(limit) => Ok(limit.min(table)),
        None => Ok(table),
    }
}

/// The error of an input that exceeds the encoder's limit.
pub(crate) fn too_long(tokens: usize, max_tokens: u32) -> BackendError {
    BackendError::Input(format!(
        "text has {tokens} tokens, the encoder takes {max_tokens}; send it in pieces"
    ))
}

#[cfg(test)]
mod tests;
