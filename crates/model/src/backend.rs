//! Serves a decoder through the engine's interface: sequences, budgets, ragged batches.

use std::collections::HashMap;

use candle_core::Device;
use intramuros_backend::{
    BackendError, BatchRow, Logits, LogitsWanted, SequenceId, TextBackend, TextBatch, TextModelInfo,
};
use intramuros_types::ModelId;

use crate::config::DecoderConfig;
use crate::decoder::{Decoder, DecoderBatch, KvCache};
use crate::weights::{self, WeightSource, Weights};
use crate::{Gguf, ModelError, ModelFiles, WeightFiles};

/// How a model is loaded.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Upper limit of the context; the model's own applies when it is smaller or this is absent.
    pub context_tokens: Option<u32>,
    /// The most bytes that the KV caches of all open sequences may take; absent is no limit.
    pub kv_budget_bytes: Option<u64>,
}

/// A generative model on the CPU. One compute thread owns it.
pub struct CandleTextBackend {
    decoder: Decoder,
    info: TextModelInfo,
    kv_budget_bytes: Option<u64>,
    sequences: HashMap<SequenceId, Sequence>,
    next_sequence: u64,
}

/// What is kept for an open sequence.
struct Sequence {
    cache: KvCache,
    max_tokens: usize,
    reserved_bytes: u64,
}

impl CandleTextBackend {
    /// Loads a model's weights.
    ///
    /// # Errors
    /// [`ModelError`] of every kind but `Input`: the files are damaged, of another architecture or
    /// do not agree with themselves.
    pub fn load(
        files: &ModelFiles,
        id: ModelId,
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        let device = Device::Cpu;
        let (config, source) = match &files.weights {
            WeightFiles::Gguf(path) => {
                let file = Gguf::open(path)?;
                (DecoderConfig::from_gguf(&file)?, WeightSource::Gguf(file))
            }
            WeightFiles::Safetensors { shards, config } => {
                (DecoderConfig::from_config_json(config)?, weights::open_safetensors(shards)?)
            }
        };
        let mut weights = Weights::new(source, device.clone());
        let decoder = Decoder::load(config, &mut weights, &device)?;
        let info = info(&decoder, id, options)?;
        tracing::info!(
            model = %info.id,
            architecture = %info.architecture,
            context_tokens = info.context_tokens,
            weight_bytes = info.weight_bytes,
            kv_bytes_per_token = info.kv_bytes_per_token,
            "model loaded"
        );
        Ok(Self {
            decoder,
            info,
            kv_budget_bytes: options.kv_budget_bytes,
            sequences: HashMap::new(),
            next_sequence: 1,
        })
    }

    /// Bytes that the open sequences may grow to. Summed anew each time: a count kept beside the
    /// table would be wrong for ever if a pass panicked while it held sequences.
    fn reserved_bytes(&self) -> u64 {
        self.sequences.values().map(|sequence| sequence.reserved_bytes).sum()
    }

    /// Refuses a batch that breaks the interface's promises, before anything is changed.
    fn check(&self, batch: &TextBatch) -> Result<(), BackendError> {
        let mut seen = std::collections::HashSet::new();
        for row in &batch.rows {
            let BatchRow { sequence: SequenceId(id), tokens, .. } = row;
            let broken = |problem: String| Err(BackendError::Compute(problem));
            let Some(sequence) = self.sequences.get(&row.sequence) else {
                return broken(format!("sequence {id} is not open"));
            };
            if tokens.is_empty() || !seen.insert(row.sequence) {
                return broken(format!("sequence {id} has no tokens or occurs twice in the batch"));
            }
            let length = sequence.cache.length() + tokens.len();
            if length > sequence.max_tokens {
                let limit = sequence.max_tokens;
                return broken(format!("sequence {id} would hold {length} tokens of {limit}"));
            }
            let vocab_size = self.info.vocab_size;
            if let Some(token) = tokens.iter().find(|token| **token as usize >= vocab_size) {
                return Err(BackendError::Input(format!(
                    "token {token} is not in the model's vocabulary of {vocab_size}"
                )));
            }
        }
        Ok(())
    }
}

impl TextBackend for CandleTextBackend {
    fn info(&self) -> &TextModelInfo {
        &self.info
    }

    fn open(&mut self, max_tokens: u32) -> Result<SequenceId, BackendError> {
        let limit = self.info.context_tokens;
        if max_tokens == 0 || max_tokens > limit {
            return Err(BackendError::Input(format!(
                "the sequence asks for {max_tokens} tokens, the model's context is {limit}"
            )));
        }
        let needed_bytes = u64::from(max_tokens) * self.info.kv_bytes_per_token;
        if let Some(budget) = self.kv_budget_bytes {
            let available_bytes = budget.saturating_sub(self.reserved_bytes());
            if needed_bytes > available_bytes {
                let what = format!("kv cache of {max_tokens} tokens");
                return Err(BackendError::Memory { what, needed_bytes, available_bytes });
            }
        }
        let id = SequenceId(self.next_sequence);
        self.next_sequence += 1;
        let config = self.decoder.config();
        let max_tokens = max_tokens as usize;
        let cache = KvCache::new(config.layers, config.kv_width(), max_tokens);
        self.sequences.insert(id, Sequence { cache, max_tokens, reserved_bytes: needed_bytes });
        Ok(id)
    }

    fn forward(&mut self, batch: &TextBatch) -> Result<Vec<Logits>, BackendError> {
        self.check(batch)?;
        if batch.rows.is_empty() {
            return Ok(Vec::new());
        }
        // The caches leave the table for the pass: a batch borrows several of them mutably.
        let mut taken: Vec<(SequenceId, Sequence)> = Vec::with_capacity(batch.rows.len());
        for row in &batch.rows {
            taken.extend(self.sequences.remove_entry(&row.sequence));
        }
        let mut caches: Vec<&mut KvCache> = taken.iter_mut().map(|(_, s)| &mut s.cache).collect();
        let result = self.decoder.forward(&flatten(batch), &mut caches);
        self.sequences.extend(taken);
        Ok(split(batch, result?.unwrap_or_default(), self.info.vocab_size))
    }

    fn truncate(&mut self, sequence: SequenceId, length: u32) {
        if let Some(sequence) = self.sequences.get_mut(&sequence) {
            sequence.cache.truncate(length as usize);
        }
    }

    fn close(&mut self, sequence: SequenceId) {
        self.sequences.remove(&sequence);
    }
}

fn info(
    decoder: &Decoder,
    id: ModelId,
    options: &LoadOptions,
) -> Result<TextModelInfo, ModelError> {
    let config = decoder.config();
    let own = u32::try_from(config.context_tokens).unwrap_or(u32::MAX);
    let context_tokens = options.context_tokens.map_or(own, |limit| limit.min(own));
    if context_tokens == 0 {
        return Err(ModelError::config("context length", "the limit of 0 tokens holds no prompt"));
    }
    Ok(TextModelInfo {
        id,
        architecture: config.architecture.clone(),
        context_tokens,
        vocab_size: config.vocab_size,
        weight_bytes: decoder.weight_bytes(),
        kv_bytes_per_token: config.kv_bytes_per_token(),
    })
}

/// Puts the rows of a batch one after the other.
fn flatten(batch: &TextBatch) -> DecoderBatch {
    let mut flat = DecoderBatch::default();
    for row in &batch.rows {
        let start = flat.tokens.len() as u32;
        let end = start + row.tokens.len() as u32;
        match row.logits {
            LogitsWanted::None => {}
            LogitsWanted::Last => flat.wanted.push(end - 1),
            LogitsWanted::All => flat.wanted.extend(start..end),
        }
        flat.tokens.extend_from_slice(&row.tokens);
        flat.counts.push(row.tokens.len());
    }
    flat
}

/// Gives each row of the batch its own part of the logits.
fn split(batch: &TextBatch, logits: Vec<f32>, vocab_size: usize) -> Vec<Logits> {
    let mut rest = logits;
    let mut parts = Vec::with_capacity(batch.rows.len());
    // From the back, so that each part is copied once at most, and the first not at all.
    for row in batch.rows.iter().rev() {
        let count = match row.logits {
            LogitsWanted::None => 0,
            LogitsWanted::Last => 1,
            LogitsWanted::All => row.tokens.len(),
        };
        let start = rest.len() - count * vocab_size;
        let values = if start == 0 { std::mem::take(&mut rest) } else { rest.split_off(start) };
        parts.push(Logits { values, vocab_size });
    }
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests;
