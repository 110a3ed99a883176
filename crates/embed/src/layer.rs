//! One layer of an encoder.

use rayon::prelude::*;

use crate::EmbedError;
use crate::attention::attend;
use crate::config::EncoderConfig;
use crate::matmul::{View, multiply};
use crate::ops::{self, Norm};
use crate::weights::Weights;

/// Rows of the token matrix that one thread takes through the linear layers at a time: enough to
/// keep a matrix product busy, few enough for what is between two products to stay in its cache.
const MAX_ROWS: usize = 128;
/// Fewer rows are not worth a thread of their own: their product is split over threads instead.
const MIN_ROWS: usize = 48;

/// A linear layer without bias.
struct Linear {
    /// Shape `(inputs, outputs)`, row-major. Checkpoints have it the other way round, in which
    /// every product would copy it into this order first: with the few tokens of a question, three
    /// times the work.
    weights: Vec<f32>,
    outputs: usize,
}

/// One layer with its weights.
pub(crate) struct Layer {
    /// Query, key and value beside each other.
    qkv: Linear,
    /// Shape `(3 × hidden)`.
    qkv_bias: Vec<f32>,
    attention_out: Linear,
    attention_norm: Norm,
    expand: Linear,
    /// Shape `(feed_forward)`.
    expand_bias: Vec<f32>,
    contract: Linear,
    output_norm: Norm,
}

impl Linear {
    /// `stored` has shape `(outputs, inputs)`.
    fn new(stored: &[f32], outputs: usize) -> Self {
        let inputs = stored.len() / outputs;
        let mut weights = Vec::with_capacity(stored.len());
        for input in 0..inputs {
            weights.extend(stored[input..].iter().step_by(inputs));
        }
        Self { weights, outputs }
    }

    /// Writes `x · weights` to `out`, shape `(rows, outputs)`; `x` has shape `(rows, inputs)`.
    fn forward(&self, x: &[f32], out: &mut [f32], threads: usize) {
        let (rows, inputs) = (out.len() / self.outputs, self.weights.len() / self.outputs);
        let weights = View::new(&self.weights, inputs, self.outputs, self.outputs);
        multiply(View::new(x, rows, inputs, inputs), weights, out, self.outputs, threads);
    }
}

impl Layer {
    /// Reads the weights of layer `index`.
    ///
    /// # Errors
    /// [`EmbedError::MissingTensor`], [`EmbedError::TensorShape`], [`EmbedError::TensorType`].
    pub(crate) fn load(
        index: usize,
        config: &EncoderConfig,
        weights: &Weights,
    ) -> Result<Self, EmbedError> {
        let (hidden, ffn) = (config.hidden, config.feed_forward);
        let read = |name: &str, shape: &[usize]| {
            weights.tensor(&format!("encoder.layer.{index}.{name}"), shape)
        };
        let norm = |bias: &str, norm: &str| {
            Ok::<_, EmbedError>(Norm {
                bias: read(bias, &[hidden])?,
                scale: read(&format!("{norm}.weight"), &[hidden])?,
                shift: read(&format!("{norm}.bias"), &[hidden])?,
                epsilon: config.norm_epsilon,
            })
        };
        let (mut qkv, mut qkv_bias) = (Vec::new(), Vec::new());
        for part in ["query", "key", "value"] {
            qkv.extend(read(&format!("attention.self.{part}.weight"), &[hidden, hidden])?);
            qkv_bias.extend(read(&format!("attention.self.{part}.bias"), &[hidden])?);
        }
        let attention_out = read("attention.output.dense.weight", &[hidden, hidden])?;
        let expand = read("intermediate.dense.weight", &[ffn, hidden])?;
        let contract = read("output.dense.weight", &[hidden, ffn])?;
        Ok(Self {
            qkv: Linear::new(&qkv, 3 * hidden),
            qkv_bias,
            attention_out: Linear::new(&attention_out, hidden),
            attention_norm: norm("attention.output.dense.bias", "attention.output.LayerNorm")?,
            expand: Linear::new(&expand, ffn),
            expand_bias: read("intermediate.dense.bias", &[ffn])?,
            contract: Linear::new(&contract, hidden),
            output_norm: norm("output.dense.bias", "output.LayerNorm")?,
        })
    }

    /// Number of weights.
    pub(crate) fn elements(&self) -> usize {
        let linear = [&self.qkv, &self.attention_out, &self.expand, &self.contract];
        let norms = [&self.attention_norm, &self.output_norm];
        linear.iter().map(|linear| linear.weights.len()).sum::<usize>()
            + norms.iter().map(|norm| 3 * norm.bias.len()).sum::<usize>()
            + self.qkv_bias.len()
            + self.expand_bias.len()
    }

    /// Replaces `x`, shape `(tokens, hidden)`, by what the layer makes of it. `lengths` are those
    /// of the sequences in it.
    pub(crate) fn forward(
        &self,
        x: &mut [f32],
        lengths: &[usize],
        config: &EncoderConfig,
        scratch: &mut Scratch,
    ) {
        let hidden = config.hidden;
        let Scratch { qkv, context, rows, threads } = scratch;
        let (rows, threads) = (*rows, *threads);
        let project = |x: &[f32], qkv: &mut [f32]| {
            self.qkv.forward(x, qkv, threads);
            ops::add_bias(qkv, &self.qkv_bias);
        };
        let transform = |wide: &mut Wide, x: &mut [f32], context: &[f32]| {
            wide.attended.resize(x.len(), 0.0);
            self.attention_out.forward(context, &mut wide.attended, threads);
            ops::add_norm(&mut wide.attended, x, &self.attention_norm);
            wide.expanded.resize(x.len() / hidden * config.feed_forward, 0.0);
            self.expand.forward(&wide.attended, &mut wide.expanded, threads);
            ops::add_bias_gelu(&mut wide.expanded, &self.expand_bias);
            self.contract.forward(&wide.expanded, x, threads);
            ops::add_norm(x, &wide.attended, &self.output_norm);
        };
        if x.len() == rows * hidden {
            // Not by way of the pool, whose threads would have to be woken twice a layer.
            project(x, qkv);
            attend(qkv, lengths, context, config);
            return transform(&mut Wide::default(), x, context);
        }
        let pieces = qkv.par_chunks_mut(rows * 3 * hidden).zip(x.par_chunks(rows * hidden));
        pieces.for_each(|(qkv, x)| project(x, qkv));
        attend(qkv, lengths, context, config);
        let pieces = x.par_chunks_mut(rows * hidden).zip(context.par_chunks(rows * hidden));
        pieces.for_each_init(Wide::default, |wide, (x, context)| transform(wide, x, context));
    }
}

/// What a piece of work keeps between its products.
#[derive(Default)]
struct Wide {
    /// Shape `(rows, hidden)`.
    attended: Vec<f32>,
    /// Shape `(rows, feed_forward)`.
    expanded: Vec<f32>,
}

/// What layers write between their steps, and how they divide their work.
pub(crate) struct Scratch {
    /// Shape `(tokens, 3 × hidden)`.
    qkv: Vec<f32>,
    /// Shape `(tokens, hidden)`.
    context: Vec<f32>,
    /// Rows of one piece of work.
    rows: usize,
    /// Threads that compute a piece together.
    threads: usize,
}

impl Scratch {
    /// For a pass over `tokens`.
    pub(crate) fn new(tokens: usize, config: &EncoderConfig) -> Self {
        let threads = rayon::current_num_threads();
        let (qkv, context) =
            (vec![0.0; tokens * 3 * config.hidden], vec![0.0; tokens * config.hidden]);
        if tokens < 2 * MIN_ROWS {
            return Self { qkv, context, rows: tokens, threads };
        }
        // As many pieces for each thread as for the others.
        let pieces = tokens.div_ceil(MAX_ROWS * threads) * threads;
        let rows = tokens.div_ceil(pieces).max(MIN_ROWS);
        Self { qkv, context, rows, threads: 1 }
    }
}
