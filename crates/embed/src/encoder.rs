//! Computes the hidden states of a BERT-family encoder.
//!
//! Source: Devlin et al. 2019 (BERT), section 3, and transformers' `modeling_bert.py` for the order
//! of normalisation (after each residual) and the names of tensors.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::config::EncoderConfig;
use crate::error::Operation;
use crate::ops::{AddBias, AddBiasGelu, AddNorm, Softmax};
use crate::weights::{Table, Weights};
use crate::{EmbedError, math};

/// The most attention scores that one sequence computes at a time (16 MB of f32); a long sequence
/// takes its queries in blocks, which changes nothing in the result.
const MAX_SCORES: usize = 4 << 20;

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

/// One layer. Weights are views of shape `(in, out)` on matrices stored `(out, in)`.
struct Layer {
    /// Query, key and value beside each other, shape `(hidden, 3 × hidden)`.
    qkv: Tensor,
    /// Shape `(3 × hidden)`.
    qkv_bias: Tensor,
    /// Shape `(hidden, hidden)`.
    attention_out: Tensor,
    /// Bias of `attention_out`, scale and shift, shape `(3, hidden)`.
    attention_norm: Tensor,
    /// Shape `(hidden, feed_forward)`.
    expand: Tensor,
    /// Shape `(feed_forward)`.
    expand_bias: Tensor,
    /// Shape `(feed_forward, hidden)`.
    contract: Tensor,
    /// Bias of `contract`, scale and shift, shape `(3, hidden)`.
    output_norm: Tensor,
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
    ///
    /// # Errors
    /// [`EmbedError::Compute`].
    pub(crate) fn forward(&self, sequences: &[&[u32]]) -> Result<Vec<f32>, EmbedError> {
        let single: Vec<(&[u32], usize)> = sequences.iter().map(|one| (*one, one.len())).collect();
        self.forward_pairs(&single)
    }

    /// Hidden states of all tokens of `sequences`, one after the other: shape
    /// `(tokens, hidden)`, f32, row-major. Sequences are not empty, not longer than the position
    /// table allows, and their tokens are rows of the token table. With each comes where its second
    /// text begins, its length when it is one text.
    ///
    /// # Errors
    /// [`EmbedError::Compute`].
    pub(crate) fn forward_pairs(
        &self,
        sequences: &[(&[u32], usize)],
    ) -> Result<Vec<f32>, EmbedError> {
        let embedded = self.embed_tokens(sequences);
        let tokens = embedded.len() / self.config.hidden;
        let mut x = Tensor::from_vec(embedded, (tokens, self.config.hidden), &Device::Cpu)
            .during("token embeddings")?;
        let spans = spans(sequences);
        for layer in &self.layers {
            x = layer.forward(&x, &spans, &self.config)?;
        }
        x.flatten_all().and_then(|flat| flat.to_vec1()).during("hidden states")
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

/// First row and number of rows of each sequence in the matrix of all tokens.
fn spans(sequences: &[(&[u32], usize)]) -> Vec<(usize, usize)> {
    let mut start = 0;
    let mut spans = Vec::with_capacity(sequences.len());
    for (tokens, _) in sequences {
        spans.push((start, tokens.len()));
        start += tokens.len();
    }
    spans
}

impl Layer {
    fn load(index: usize, config: &EncoderConfig, weights: &Weights) -> Result<Self, EmbedError> {
        let (hidden, ffn) = (config.hidden, config.feed_forward);
        let read = |name: &str, shape: &[usize]| {
            weights.tensor(&format!("encoder.layer.{index}.{name}"), shape)
        };
        // Concatenates tensors, in order.
        let stacked = |names: &[&str], shape: &[usize]| -> Result<Vec<f32>, EmbedError> {
            let mut all = Vec::new();
            for name in names {
                all.extend(read(name, shape)?);
            }
            Ok(all)
        };
        let qkv = stacked(
            &[
                "attention.self.query.weight",
                "attention.self.key.weight",
                "attention.self.value.weight",
            ],
            &[hidden, hidden],
        )?;
        let qkv_bias = stacked(
            &["attention.self.query.bias", "attention.self.key.bias", "attention.self.value.bias"],
            &[hidden],
        )?;
        let attention_norm = stacked(
            &[
                "attention.output.dense.bias",
                "attention.output.LayerNorm.weight",
                "attention.output.LayerNorm.bias",
            ],
            &[hidden],
        )?;
        let output_norm = stacked(
            &["output.dense.bias", "output.LayerNorm.weight", "output.LayerNorm.bias"],
            &[hidden],
        )?;
        let attention_out = read("attention.output.dense.weight", &[hidden, hidden])?;
        let expand = read("intermediate.dense.weight", &[ffn, hidden])?;
        let expand_bias = read("intermediate.dense.bias", &[ffn])?;
        let contract = read("output.dense.weight", &[hidden, ffn])?;
        Ok(Self {
            qkv: transposed(qkv, 3 * hidden, hidden)?,
            qkv_bias: matrix(qkv_bias, 1, 3 * hidden)?,
            attention_out: transposed(attention_out, hidden, hidden)?,
            attention_norm: matrix(attention_norm, 3, hidden)?,
            expand: transposed(expand, ffn, hidden)?,
            expand_bias: matrix(expand_bias, 1, ffn)?,
            contract: transposed(contract, hidden, ffn)?,
            output_norm: matrix(output_norm, 3, hidden)?,
        })
    }

    /// Number of weights.
    fn elements(&self) -> usize {
        [
            &self.qkv,
            &self.qkv_bias,
            &self.attention_out,
            &self.attention_norm,
            &self.expand,
            &self.expand_bias,
            &self.contract,
            &self.output_norm,
        ]
        .iter()
        .map(|tensor| tensor.elem_count())
        .sum()
    }

    /// `x` and the result have shape `(tokens, hidden)`.
    fn forward(
        &self,
        x: &Tensor,
        spans: &[(usize, usize)],
        config: &EncoderConfig,
    ) -> Result<Tensor, EmbedError> {
        let norm = AddNorm { epsilon: config.norm_epsilon };
        let qkv = x.matmul(&self.qkv).during("query, key and value")?;
        qkv.inplace_op2(&self.qkv_bias, &AddBias).during("query, key and value")?;
        let context = attention(&qkv, spans, config).during("attention")?;

        let attended = context.matmul(&self.attention_out).during("attention output")?;
        attended.inplace_op3(x, &self.attention_norm, &norm).during("attention output")?;

        let wide = attended.matmul(&self.expand).during("feed-forward")?;
        wide.inplace_op2(&self.expand_bias, &AddBiasGelu).during("feed-forward")?;
        let out = wide.matmul(&self.contract).during("feed-forward output")?;
        out.inplace_op3(&attended, &self.output_norm, &norm).during("feed-forward output")?;
        Ok(out)
    }
}

/// A matrix stored `(rows, columns)`, seen as `(columns, rows)` without a copy.
fn transposed(values: Vec<f32>, rows: usize, columns: usize) -> Result<Tensor, EmbedError> {
    matrix(values, rows, columns)?.t().during("loading weights")
}

fn matrix(values: Vec<f32>, rows: usize, columns: usize) -> Result<Tensor, EmbedError> {
    Tensor::from_vec(values, (rows, columns), &Device::Cpu).during("loading weights")
}

/// Attention of each sequence to itself. `qkv` has shape `(tokens, 3 × hidden)`, the result
/// `(tokens, hidden)`.
fn attention(
    qkv: &Tensor,
    spans: &[(usize, usize)],
    config: &EncoderConfig,
) -> candle_core::Result<Tensor> {
    let contexts = spans
        .par_iter()
        .map(|&(start, tokens)| attend(&qkv.narrow(0, start, tokens)?, config))
        .collect::<candle_core::Result<Vec<_>>>()?;
    Tensor::cat(&contexts, 0)
}

/// Attention within one sequence. `qkv` has shape `(tokens, 3 × hidden)`, the result
/// `(tokens, hidden)`. Heads are strided views: only their results are copied together.
fn attend(qkv: &Tensor, config: &EncoderConfig) -> candle_core::Result<Tensor> {
    let tokens = qkv.dim(0)?;
    let head_dim = config.hidden / config.heads;
    let parts = qkv.reshape((tokens, 3, config.heads, head_dim))?;
    // Shape `(heads, tokens, head_dim)`.
    let part = |index: usize| parts.narrow(1, index, 1)?.squeeze(1)?.transpose(0, 1);
    let (queries, keys, values) = (part(0)?, part(1)?.transpose(1, 2)?, part(2)?);
    let softmax = Softmax { factor: 1.0 / (head_dim as f32).sqrt() };

    let block = (MAX_SCORES / (config.heads * tokens)).clamp(1, tokens);
    let mut contexts = Vec::with_capacity(tokens.div_ceil(block));
    for start in (0..tokens).step_by(block) {
        let rows = block.min(tokens - start);
        let scores = queries.narrow(1, start, rows)?.matmul(&keys)?;
        scores.inplace_op1(&softmax)?;
        let context = scores.matmul(&values)?.transpose(0, 1)?;
        contexts.push(context.reshape((rows, config.hidden))?);
    }
    Tensor::cat(&contexts, 0)
}
