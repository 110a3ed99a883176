//! Serves a decoder through the engine's interface: a budget, a paged KV cache, ragged batches.

use candle_core::Device;
use intramuros_backend::{BackendError, Logits, TextBackend, TextBatch, TextModelInfo};
use intramuros_types::ModelId;

use crate::config::DecoderConfig;
use crate::decoder::{self, Decoder, DecoderBatch, DecoderOutput, DecoderRow, KvCache, KvShape};
use crate::weights::{self, WeightSource, Weights};
use crate::{Gguf, ModelError, ModelFiles, WeightFiles};

mod budget;
mod contract;
mod options;

pub use options::LoadOptions;

/// A generative model on the CPU. One compute thread owns it.
pub struct CandleTextBackend {
    decoder: Decoder,
    cache: KvCache,
    info: TextModelInfo,
}

impl CandleTextBackend {
    /// Loads a model's weights, after making sure that all it needs fits into
    /// [`LoadOptions::memory_bytes`].
    ///
    /// # Errors
    /// [`ModelError::Memory`] when it does not fit, with what needs how much; [`ModelError`] of
    /// every other kind but `Input` when the files are damaged, of another architecture or do not
    /// agree with themselves, or when the options ask for what the model cannot do.
    pub fn load(
        files: &ModelFiles,
        id: ModelId,
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        let device = Device::Cpu;
        let (config, source) = open(files)?;
        let mut weights = Weights::new(source, device.clone());
        let shape = KvShape::new(&config, options.kv_type, options.block_tokens)?;
        let weight_bytes = decoder::weight_bytes(&config, &weights)?;
        let budget = budget::plan(&config, shape, weight_bytes, options)?;
        let info = TextModelInfo {
            id,
            architecture: config.architecture.clone(),
            context_tokens: budget.context_tokens,
            vocab_size: config.vocab_size,
            memory: budget.memory,
            kv: budget.kv,
        };
        let decoder = Decoder::load(&config, &mut weights, &device)?;
        let cache = KvCache::new(shape, info.kv.blocks);
        tracing::info!(
            model = %info.id,
            architecture = %info.architecture,
            context_tokens = info.context_tokens,
            weight_bytes = info.memory.weight_bytes,
            kv_bytes = info.memory.kv_bytes,
            kv_type = options.kv_type.name(),
            workspace_bytes = info.memory.workspace_bytes,
            "model loaded"
        );
        Ok(Self { decoder, cache, info })
    }
}

impl TextBackend for CandleTextBackend {
    fn info(&self) -> &TextModelInfo {
        &self.info
    }

    fn forward(&mut self, batch: &TextBatch) -> Result<Vec<Logits>, BackendError> {
        contract::check(batch, &self.info)?;
        if batch.rows.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.decoder.forward(&flatten(batch), &mut self.cache)?;
        Ok(split(batch, output, self.info.vocab_size))
    }
}

/// Maps the weights and reads what they are; no weight is touched.
fn open(files: &ModelFiles) -> Result<(DecoderConfig, WeightSource), ModelError> {
    Ok(match &files.weights {
        WeightFiles::Gguf(path) => {
            let file = Gguf::open(path)?;
            (DecoderConfig::from_gguf(&file)?, WeightSource::Gguf(file))
        }
        WeightFiles::Safetensors { shards, config } => {
            (DecoderConfig::from_config_json(config)?, weights::open_safetensors(shards)?)
        }
    })
}

/// Puts the rows of a batch one after the other.
fn flatten(batch: &TextBatch) -> DecoderBatch<'_> {
    let mut flat = DecoderBatch::default();
    for row in &batch.rows {
        let (first, count) = (flat.tokens.len(), row.tokens.len());
        let end = first + count;
        flat.wanted.extend((end - row.logits..end).map(|index| index as u32));
        flat.hidden |= row.hidden;
        flat.tokens.extend_from_slice(&row.tokens);
        let (position, blocks) = (row.position as usize, row.blocks.as_slice());
        flat.rows.push(DecoderRow { first, count, position, blocks });
    }
    flat
}

/// Gives each row of the batch its own part of the output.
fn split(batch: &TextBatch, output: DecoderOutput, vocab_size: usize) -> Vec<Logits> {
    let DecoderOutput { logits: mut rest, hidden } = output;
    let wanted: usize = batch.rows.iter().map(|row| row.logits).sum();
    let width = hidden.len() / wanted.max(1);
    let mut end = wanted;
    let mut parts = Vec::with_capacity(batch.rows.len());
    // From the back, so that each part is copied once at most, and the first not at all.
    for row in batch.rows.iter().rev() {
        let start = rest.len() - row.logits * vocab_size;
        let values = if start == 0 { std::mem::take(&mut rest) } else { rest.split_off(start) };
        let hidden =
            if row.hidden { hidden[(end - 1) * width..end * width].to_vec() } else { Vec::new() };
        end -= row.logits;
        parts.push(Logits { values, vocab_size, hidden });
    }
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests;
