//! Attention of each sequence to itself.
//!
//! Source: Vaswani et al. 2017 (Attention Is All You Need), equation 1 and section 3.2.2.

use rayon::prelude::*;

use crate::config::EncoderConfig;
use crate::matmul::{View, multiply};
use crate::ops;

/// Queries that look at a sequence together: the piece of work of one thread. Their scores, 512
/// each with most encoders, stay in its cache.
const QUERIES: usize = 128;

/// Some queries of one sequence.
struct Task<'a> {
    /// Query, key and value of the sequence, shape `(tokens, 3 × hidden)`.
    qkv: &'a [f32],
    /// The first query.
    first: usize,
    /// What becomes of them, shape `(queries, hidden)`.
    context: &'a mut [f32],
}

/// Writes to `context`, shape `(tokens, hidden)`, what the tokens of each sequence gather from one
/// another. `qkv` has shape `(tokens, 3 × hidden)`; `lengths` are those of the sequences in it.
pub(crate) fn attend(qkv: &[f32], lengths: &[usize], context: &mut [f32], config: &EncoderConfig) {
    let hidden = config.hidden;
    let mut tasks = Vec::new();
    let (mut qkv, mut context) = (qkv, context);
    for length in lengths {
        let (own, others) = qkv.split_at(length * 3 * hidden);
        let (out, rest) = context.split_at_mut(length * hidden);
        (qkv, context) = (others, rest);
        let blocks = out.chunks_mut(QUERIES * hidden).enumerate();
        tasks.extend(blocks.map(|(block, context)| Task {
            qkv: own,
            first: block * QUERIES,
            context,
        }));
    }
    match tasks.as_mut_slice() {
        [single] => single.run(config, &mut Vec::new()),
        several => several.par_iter_mut().for_each_init(Vec::new, |scores, task| {
            task.run(config, scores);
        }),
    }
}

impl Task<'_> {
    /// Heads are views in the rows: nothing is copied together.
    fn run(&mut self, config: &EncoderConfig, scores: &mut Vec<f32>) {
        let (hidden, width) = (config.hidden, config.hidden / config.heads);
        let step = 3 * hidden;
        let (tokens, queries) = (self.qkv.len() / step, self.context.len() / hidden);
        scores.resize(queries * tokens, 0.0);
        for head in (0..config.heads).map(|head| head * width) {
            let query = View::new(&self.qkv[self.first * step + head..], queries, width, step);
            let key = View::new(&self.qkv[hidden + head..], tokens, width, step);
            let value = View::new(&self.qkv[2 * hidden + head..], tokens, width, step);
            multiply(query, key.transposed(), scores, tokens, 1);
            ops::softmax(scores, tokens, 1.0 / (width as f32).sqrt());
            let weights = View::new(scores, queries, tokens, tokens);
            multiply(weights, value, &mut self.context[head..], hidden, 1);
        }
    }
}
