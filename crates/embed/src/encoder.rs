//! Computes the hidden states of a BERT-family encoder.
//!
//! Source: Devlin et al. 2019 (BERT), section 3, and transformers' `modeling_bert.py` for the order
//! of normalisation (after each residual) and the names of tensors.

use crate::config::EncoderConfig;
use crate::layer::{Layer, Scratch};
use crate::weights::{Table, Weights};
use crate::{EmbedError, math};

/// An encoder with its weights; f32 but for the token table.
pub(crate) struct Encoder {
    config: EncoderConfig,
    /// Shape `(vocabulary, hidden)`.
    words: Table,
    /// Position embeddings with token type 0 added, shape `(positions, hidden)`, row-major.
    positions: Vec<f32>,
    /// What token type 1 has more than type 0, shape `(hidden)`; empty where there is one type.
    second: Vec<f32>,
    /// Scale and shift of the normalisation before the first layer, shape `(hidden)` each.
    norm: (Vec<f32>, Vec<f32>),
    layers: Vec<Layer>,
}

impl Encoder {
    /// Reads the weights that `config` promises.
    ///
    /// # Errors
    /// [`EmbedError::MissingTensor`], [`EmbedError::TensorShape`], [`EmbedError::TensorType`].
    pub(crate) fn load(config: EncoderConfig, weights: &Weights) -> Result<Self, EmbedError> {
        let hidden = config.hidden;
        let words =
            weights.table("embeddings.word_embeddings.weight", config.vocabulary, hidden)?;
        let name = "embeddings.position_embeddings.weight";
        let mut positions = weights.tensor(name, &[config.positions, hidden])?;
        let name = "embeddings.token_type_embeddings.weight";
        let types = weights.tensor(name, &[config.token_types, hidden])?;
        for row in positions.chunks_exact_mut(hidden) {
            for (value, kind) in row.iter_mut().zip(&types[..hidden]) {
                *value += kind;
            }
        }
        let second = match types.get(hidden..2 * hidden) {
            Some(second) => second.iter().zip(&types).map(|(one, zero)| one - zero).collect(),
            None => Vec::new(),
        };
        let norm = (
            weights.tensor("embeddings.LayerNorm.weight", &[hidden])?,
            weights.tensor("embeddings.LayerNorm.bias", &[hidden])?,
        );
        // Not allocated ahead: the number of layers is only believed once their tensors are there.
        let mut layers = Vec::new();
        for index in 0..config.layers {
            layers.push(Layer::load(index, &config, weights)?);
        }
        Ok(Self { config, words, positions, second, norm, layers })
    }

    /// The shape that the encoder was loaded with.
    pub(crate) fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// Bytes that the weights take, in memory and mapped.
    pub(crate) fn weight_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(Layer::elements).sum();
        let others =
            self.positions.len() + self.second.len() + self.norm.0.len() + self.norm.1.len();
        self.words.bytes() + 4 * (layers + others) as u64
    }

    /// Hidden states of all tokens of single texts, as [`Self::forward_pairs`].
    pub(crate) fn forward(&self, sequences: &[&[u32]]) -> Vec<f32> {
        let single: Vec<(&[u32], usize)> = sequences.iter().map(|one| (*one, one.len())).collect();
        self.forward_pairs(&single)
    }

    /// Hidden states of all tokens of `sequences`, one after the other: shape
    /// `(tokens, hidden)`, f32, row-major. Sequences are not empty, not longer than the position
    /// table allows, and their tokens are rows of the token table. With each comes where its second
    /// text begins, its length when it is one text.
    pub(crate) fn forward_pairs(&self, sequences: &[(&[u32], usize)]) -> Vec<f32> {
        let mut x = self.embed_tokens(sequences);
        let lengths: Vec<usize> = sequences.iter().map(|(tokens, _)| tokens.len()).collect();
        let mut scratch = Scratch::new(lengths.iter().sum(), &self.config);
        for layer in &self.layers {
            layer.forward(&mut x, &lengths, &self.config, &mut scratch);
        }
        x
    }

    /// Sum of token, position and type embeddings, normalised: shape `(tokens, hidden)`.
    fn embed_tokens(&self, sequences: &[(&[u32], usize)]) -> Vec<f32> {
        let EncoderConfig { hidden, first_position, norm_epsilon, .. } = self.config;
        let tokens: usize = sequences.iter().map(|(tokens, _)| tokens.len()).sum();
        let mut out = vec![0.0; tokens * hidden];
        let with_place = sequences.iter().flat_map(|(tokens, second)| {
            tokens.iter().enumerate().map(move |(at, token)| (at, token, at >= *second))
        });
        for (row, (at, token, is_second)) in out.chunks_exact_mut(hidden).zip(with_place) {
            self.words.row_into(*token as usize, row);
            let position = first_position + at;
            let place = &self.positions[position * hidden..(position + 1) * hidden];
            if is_second {
                row.iter_mut().zip(&self.second).for_each(|(value, second)| *value += second);
            }
            for (value, place) in row.iter_mut().zip(place) {
                *value += place;
            }
            math::layer_norm(row, &self.norm.0, &self.norm.1, norm_epsilon);
        }
        out
    }
}
