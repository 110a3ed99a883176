//! Reads a decoder's numbers from a `config.json` as transformers writes it.

use std::path::Path;

use serde::Deserialize;

use super::rope::yarn_magnitude;
use super::{
    DecoderConfig, RopeConfig, RopeKind, RopeScaling, TemperatureScaling, YarnConfig, unsupported,
};
use crate::ModelError;
use crate::files::read_json;

const MAX_CONFIG_BYTES: u64 = 4 << 20;

impl DecoderConfig {
    /// Reads a `config.json`, as transformers 4 or 5 writes it.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::Json`]; [`ModelError::Architecture`] for another family or
    /// a quantised checkpoint; [`ModelError::Config`] for numbers that cannot be.
    pub fn from_config_json(path: &Path) -> Result<DecoderConfig, ModelError> {
        let raw: RawConfig = read_json(path, MAX_CONFIG_BYTES)?;
        let architecture = raw.architectures.first().map_or("unnamed", String::as_str);
        let qwen2 = match architecture {
            "LlamaForCausalLM" | "MistralForCausalLM" | "Ministral3ForCausalLM" => false,
            "Qwen2ForCausalLM" => true,
            other => return Err(unsupported(other)),
        };
        if raw.quantization_config.is_some() {
            return Err(unsupported(&format!("{architecture} with quantization_config")));
        }
        if raw.hidden_act != "silu" {
            let problem = format!("`{}` is not supported; supported is silu", raw.hidden_act);
            return Err(ModelError::config("activation", problem));
        }
        let head_dim =
            raw.head_dim.unwrap_or_else(|| raw.hidden_size / raw.num_attention_heads.max(1));
        let rope_fields = raw.rope_parameters.clone().or_else(|| raw.rope_scaling.clone());
        let rope_fields = rope_fields.unwrap_or_default();
        let config = DecoderConfig {
            architecture: architecture.to_owned(),
            layers: raw.num_hidden_layers,
            hidden: raw.hidden_size,
            heads: raw.num_attention_heads,
            kv_heads: raw.num_key_value_heads.unwrap_or(raw.num_attention_heads),
            head_dim,
            ffn: raw.intermediate_size,
            vocab_size: raw.vocab_size,
            context_tokens: raw.max_position_embeddings,
            rms_eps: raw.rms_norm_eps,
            rope: rope(&raw, &rope_fields, head_dim)?,
            windows: windows(&raw, qwen2)?,
            tied_embeddings: raw.tie_word_embeddings,
            qkv_bias: qwen2 || raw.attention_bias,
            temperature: temperature(&raw, &rope_fields),
        };
        config.validate()
    }
}

/// The fields that decide what is computed; others (dropout, initialisation) do not.
#[derive(Deserialize)]
struct RawConfig {
    #[serde(default)]
    architectures: Vec<String>,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: usize,
    rms_norm_eps: f32,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    rope_theta: Option<f32>,
    /// transformers 4.
    rope_scaling: Option<RawRope>,
    /// transformers 5.
    rope_parameters: Option<RawRope>,
    partial_rotary_factor: Option<f32>,
    sliding_window: Option<usize>,
    /// Qwen2's switch; the other architectures have none.
    #[serde(default)]
    use_sliding_window: bool,
    max_window_layers: Option<usize>,
    layer_types: Option<Vec<String>>,
    quantization_config: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize, Clone, Default)]
struct RawRope {
    rope_type: Option<String>,
    /// What older checkpoints call `rope_type`; some carry both.
    #[serde(rename = "type")]
    legacy_type: Option<String>,
    rope_theta: Option<f32>,
    partial_rotary_factor: Option<f32>,
    factor: Option<f32>,
    low_freq_factor: Option<f32>,
    high_freq_factor: Option<f32>,
    original_max_position_embeddings: Option<usize>,
    beta_fast: Option<f32>,
    beta_slow: Option<f32>,
    attention_factor: Option<f32>,
    mscale: Option<f32>,
    mscale_all_dim: Option<f32>,
    truncate: Option<bool>,
    llama_4_scaling_beta: Option<f32>,
}

fn silu() -> String {
    "silu".to_owned()
}

fn rope(raw: &RawConfig, fields: &RawRope, head_dim: usize) -> Result<RopeConfig, ModelError> {
    let missing = |name: &'static str| move || ModelError::config(name, "it is missing");
    let factor = || fields.factor.ok_or_else(missing("rope scaling factor"));
    let original = fields.original_max_position_embeddings;
    let scaling = match fields.rope_type.as_deref().or(fields.legacy_type.as_deref()) {
        None | Some("default") => RopeScaling::None,
        Some("linear") => RopeScaling::Linear { factor: factor()? },
        Some("llama3") => RopeScaling::Llama3 {
            factor: factor()?,
            low_freq_factor: fields.low_freq_factor.ok_or_else(missing("low_freq_factor"))?,
            high_freq_factor: fields.high_freq_factor.ok_or_else(missing("high_freq_factor"))?,
            original_context: original.ok_or_else(missing("original_max_position_embeddings"))?,
        },
        Some("yarn") => RopeScaling::Yarn(yarn(raw, fields)),
        Some(other) => {
            let known = "default, linear, llama3 and yarn";
            let problem = format!("`{other}` is not supported; supported are {known}");
            return Err(ModelError::config("rope type", problem));
        }
    };
    let part = fields.partial_rotary_factor.or(raw.partial_rotary_factor).unwrap_or(1.0);
    if !(part > 0.0 && part <= 1.0) {
        let problem = format!("{part} is not between 0 and 1");
        return Err(ModelError::config("partial_rotary_factor", problem));
    }
    Ok(RopeConfig {
        kind: RopeKind::Halves,
        dim: (head_dim as f32 * part) as usize,
        base: fields.rope_theta.or(raw.rope_theta).unwrap_or(10_000.0),
        scaling,
    })
}

fn yarn(raw: &RawConfig, fields: &RawRope) -> YarnConfig {
    let original_context =
        fields.original_max_position_embeddings.unwrap_or(raw.max_position_embeddings);
    let stretch = raw.max_position_embeddings as f32 / original_context as f32;
    let factor = fields.factor.unwrap_or(stretch);
    let nonzero = |value: Option<f32>| value.filter(|v| *v != 0.0);
    let inferred = match (nonzero(fields.mscale), nonzero(fields.mscale_all_dim)) {
        (Some(one), Some(all)) => yarn_magnitude(factor, one) / yarn_magnitude(factor, all),
        _ => yarn_magnitude(factor, 1.0),
    };
    YarnConfig {
        factor,
        original_context,
        beta_fast: nonzero(fields.beta_fast).unwrap_or(32.0),
        beta_slow: nonzero(fields.beta_slow).unwrap_or(1.0),
        attention_factor: fields.attention_factor.unwrap_or(inferred),
        truncate: fields.truncate.unwrap_or(true),
    }
}

fn windows(raw: &RawConfig, qwen2: bool) -> Result<Vec<Option<usize>>, ModelError> {
    // The layer count is validated later; here it must only not make a huge list.
    let layers = raw.num_hidden_layers.min(super::MAX_LAYERS);
    let enabled = !qwen2 || raw.use_sliding_window;
    let Some(window) = raw.sliding_window.filter(|_| enabled) else {
        return Ok(vec![None; layers]);
    };
    if let Some(types) = &raw.layer_types {
        let of_layer = |kind: &String| match kind.as_str() {
            "full_attention" => Ok(None),
            "sliding_attention" => Ok(Some(window)),
            other => Err(ModelError::config("layer_types", format!("`{other}` is not supported"))),
        };
        return types.iter().map(of_layer).collect();
    }
    let first = if qwen2 { raw.max_window_layers.unwrap_or(28) } else { 0 };
    Ok((0..layers).map(|layer| (layer >= first).then_some(window)).collect())
}

fn temperature(raw: &RawConfig, fields: &RawRope) -> Option<TemperatureScaling> {
    let beta = fields.llama_4_scaling_beta.filter(|beta| *beta != 0.0)?;
    let floor = fields.original_max_position_embeddings.unwrap_or(raw.max_position_embeddings);
    Some(TemperatureScaling { beta, floor })
}
