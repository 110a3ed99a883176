//! Reads a decoder's numbers from GGUF metadata.

use super::rope::yarn_magnitude;
use super::{
    DecoderConfig, RopeConfig, RopeKind, RopeScaling, TemperatureScaling, YarnConfig, unsupported,
};
use crate::{Gguf, ModelError};

/// Frequency factors of Llama 3.1 and later, beside the weights.
const ROPE_FACTORS: &str = "rope_freqs.weight";
/// Scores of the vocabulary, or failing that its rows.
const EMBEDDING: &str = "token_embd.weight";

impl DecoderConfig {
    /// Reads the configuration of a GGUF file.
    ///
    /// Source: ggml `docs/gguf.md`, "LLM"; llama.cpp `src/llama-arch.cpp` and `llama-model.cpp` for
    /// defaults.
    ///
    /// # Errors
    /// [`ModelError::Architecture`] for another family; [`ModelError::Metadata`] for a missing key
    /// or one of the wrong type; [`ModelError::Config`] for numbers that cannot be.
    pub fn from_gguf(file: &Gguf) -> Result<DecoderConfig, ModelError> {
        let key = "general.architecture";
        let architecture = file.required(key, file.string(key)?)?;
        let kind = match architecture {
            "llama" | "mistral" | "mistral3" => RopeKind::Interleaved,
            "qwen2" => RopeKind::Halves,
            other => return Err(unsupported(other)),
        };
        let keys = Keys { file, architecture };
        if keys.number("expert_count")?.unwrap_or(0) > 0 {
            return Err(unsupported(&format!("{architecture} with experts")));
        }
        let layers = keys.required("block_count")?;
        let hidden = keys.required("embedding_length")?;
        let heads = keys.required("attention.head_count")?;
        let head_dim = head_dim(&keys, hidden, heads)?;
        let eps_key = keys.name("attention.layer_norm_rms_epsilon");
        let window = keys.number("attention.sliding_window")?.filter(|w| *w > 0);
        if file.value(&keys.name("attention.sliding_window_pattern")).is_some() {
            let problem = "windows that alternate between layers are not supported in GGUF files";
            return Err(ModelError::config("sliding window pattern", problem));
        }
        let rope = rope(&keys, kind, head_dim)?;
        let config = DecoderConfig {
            architecture: architecture.to_owned(),
            layers,
            hidden,
            heads,
            kv_heads: keys.number("attention.head_count_kv")?.unwrap_or(heads),
            head_dim,
            ffn: keys.required("feed_forward_length")?,
            vocab_size: vocab_size(&keys)?,
            context_tokens: keys.required("context_length")?,
            rms_eps: file.required(&eps_key, file.f32(&eps_key)?)?,
            temperature: temperature(&keys, &rope)?,
            rope,
            windows: vec![window; layers.min(super::MAX_LAYERS)],
            tied_embeddings: file.tensor("output.weight").is_none(),
            qkv_bias: architecture == "qwen2",
        };
        config.validate()
    }
}

/// Keys of one architecture: `llama.block_count` and so on.
struct Keys<'a> {
    file: &'a Gguf,
    architecture: &'a str,
}

impl Keys<'_> {
    fn name(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.architecture)
    }

    fn number(&self, suffix: &str) -> Result<Option<usize>, ModelError> {
        Ok(self.file.u32(&self.name(suffix))?.map(|value| value as usize))
    }

    fn required(&self, suffix: &str) -> Result<usize, ModelError> {
        self.file.required(&self.name(suffix), self.number(suffix)?)
    }

    fn float(&self, suffix: &str) -> Result<Option<f32>, ModelError> {
        self.file.f32(&self.name(suffix))
    }
}

fn head_dim(keys: &Keys<'_>, hidden: usize, heads: usize) -> Result<usize, ModelError> {
    let key_dim = match keys.number("attention.key_length")? {
        Some(length) => length,
        // Zero heads are refused by the validation; here they must only not divide.
        None => hidden / heads.max(1),
    };
    let value_dim = keys.number("attention.value_length")?.unwrap_or(key_dim);
    if key_dim != value_dim {
        let problem = format!("keys of {key_dim} and values of {value_dim} are not supported");
        return Err(ModelError::config("head size", problem));
    }
    Ok(key_dim)
}

fn vocab_size(keys: &Keys<'_>) -> Result<usize, ModelError> {
    let info = keys.file.tensor(EMBEDDING);
    let info = info.ok_or_else(|| ModelError::tensor(EMBEDDING, "it is missing"))?;
    Ok(info.shape[0])
}

fn temperature(
    keys: &Keys<'_>,
    rope: &RopeConfig,
) -> Result<Option<TemperatureScaling>, ModelError> {
    let Some(beta) = keys.float("attention.temperature_scale")?.filter(|beta| *beta != 0.0) else {
        return Ok(None);
    };
    let RopeScaling::Yarn(yarn) = &rope.scaling else {
        let problem = "it needs the original context of yarn scaling, which is absent";
        return Err(ModelError::config("attention temperature", problem));
    };
    Ok(Some(TemperatureScaling { beta, floor: yarn.original_context }))
}

fn rope(keys: &Keys<'_>, kind: RopeKind, head_dim: usize) -> Result<RopeConfig, ModelError> {
    let scaling_key = keys.name("rope.scaling.type");
    let factor = match keys.float("rope.scaling.factor")? {
        Some(factor) => factor,
        None => keys.float("rope.scale_linear")?.unwrap_or(1.0),
    };
    let scaling = match keys.file.string(&scaling_key)? {
        Some("yarn") => RopeScaling::Yarn(yarn(keys, factor)?),
        // A factor without a type is linear: files from before the type was written.
        Some("linear") | None if factor != 1.0 => RopeScaling::Linear { factor },
        Some("none" | "linear") | None => RopeScaling::None,
        Some(other) => {
            let problem = format!("`{other}` is not supported; supported are none, linear, yarn");
            return Err(keys.file.metadata_error(&scaling_key, problem));
        }
    };
    let scaling = match (rope_factors(keys.file)?, scaling) {
        (None, scaling) => scaling,
        (Some(factors), RopeScaling::None) => RopeScaling::Factors(factors),
        (Some(_), _) => {
            let problem = "frequency factors together with another scaling are not supported";
            return Err(ModelError::tensor(ROPE_FACTORS, problem));
        }
    };
    let dim = keys.number("rope.dimension_count")?.unwrap_or(head_dim);
    Ok(RopeConfig { kind, dim, base: keys.float("rope.freq_base")?.unwrap_or(10_000.0), scaling })
}

fn rope_factors(file: &Gguf) -> Result<Option<Vec<f32>>, ModelError> {
    let Some(info) = file.tensor(ROPE_FACTORS) else { return Ok(None) };
    if info.dtype != candle_core::quantized::GgmlDType::F32 || info.shape.len() != 1 {
        let problem = format!("it must be an F32 vector, it is {:?} {:?}", info.dtype, info.shape);
        return Err(ModelError::tensor(ROPE_FACTORS, problem));
    }
    let (numbers, _) = file.data(info).as_chunks::<4>();
    Ok(Some(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
}

/// Source: llama.cpp `src/llama-context.cpp`, where `yarn_attn_factor` is set.
fn yarn(keys: &Keys<'_>, factor: f32) -> Result<YarnConfig, ModelError> {
    let explicit = keys.float("rope.scaling.attn_factor")?.unwrap_or(1.0);
    let multiplier = keys.float("rope.scaling.yarn_log_multiplier")?.filter(|m| *m != 0.0);
    let magnitude = match multiplier {
        Some(all) => yarn_magnitude(factor, 1.0) / yarn_magnitude(factor, all),
        None => yarn_magnitude(factor, 1.0),
    };
    let original_context = match keys.number("rope.scaling.original_context_length")? {
        Some(context) => context,
        None => keys.required("context_length")?,
    };
    Ok(YarnConfig {
        factor,
        original_context,
        beta_fast: keys.float("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
        beta_slow: keys.float("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
        attention_factor: explicit * magnitude,
        truncate: true,
    })
}
