//! Holds the parameters of rotary position embedding and turns them into frequencies.

use std::f64::consts::PI;

use crate::ModelError;

/// Which elements of a head are rotated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeKind {
    /// Neighbours `(2i, 2i + 1)`: Llama and Mistral in GGUF files, whose query and key weights are
    /// stored permuted for it. ggml calls it NORM.
    Interleaved,
    /// Halves `(i, i + dim / 2)`: every Hugging Face checkpoint of the family, and Qwen2 in GGUF
    /// files. ggml calls it NEOX.
    Halves,
}

/// How frequencies are stretched for contexts longer than the trained one.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All by the same factor.
    Linear {
        /// Context stretch, at least 1 in practice.
        factor: f32,
    },
    /// Each pair by its own factor (`rope_freqs.weight` of a GGUF), length `dim / 2`.
    Factors(Vec<f32>),
    /// Low frequencies by `factor`, high ones not at all, a ramp between.
    ///
    /// Source: transformers `modeling_rope_utils.py`, `_compute_llama3_parameters`.
    Llama3 {
        /// Context stretch of the low frequencies.
        factor: f32,
        /// Wavelengths above `original_context / low_freq_factor` are stretched.
        low_freq_factor: f32,
        /// Wavelengths below `original_context / high_freq_factor` are not.
        high_freq_factor: f32,
        /// Context length of the first training.
        original_context: usize,
    },
    /// YaRN.
    Yarn(YarnConfig),
}

/// Parameters of YaRN.
///
/// Source: Peng et al. 2023 (arXiv 2309.00071), section 3; transformers `modeling_rope_utils.py`,
/// `_compute_yarn_parameters`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YarnConfig {
    /// Context stretch.
    pub factor: f32,
    /// Context length of the first training.
    pub original_context: usize,
    /// Pairs that turn more often than this within the original context are not stretched.
    pub beta_fast: f32,
    /// Pairs that turn less often than this are fully stretched.
    pub beta_slow: f32,
    /// Multiplies the rotated queries and keys.
    pub attention_factor: f32,
    /// Whether the ends of the ramp are rounded to whole pairs.
    pub truncate: bool,
}

/// Rotary position embedding of a model.
///
/// Source: Su et al. 2021 (RoFormer, arXiv 2104.09864), equation 34.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeConfig {
    /// Which elements are rotated together.
    pub kind: RopeKind,
    /// How many elements of a head are rotated, from its start; even.
    pub dim: usize,
    /// Base of the frequencies, 10,000 in the paper.
    pub base: f32,
    /// Stretching for long contexts.
    pub scaling: RopeScaling,
}

impl RopeConfig {
    /// Angle per position of each pair, length `dim / 2`.
    pub fn frequencies(&self) -> Vec<f32> {
        let plain = |i: usize| f64::from(self.base).powf(-((2 * i) as f64) / self.dim as f64);
        let frequency = |i: usize| match &self.scaling {
            RopeScaling::None => plain(i),
            RopeScaling::Linear { factor } => plain(i) / f64::from(*factor),
            RopeScaling::Factors(factors) => plain(i) / f64::from(factors[i]),
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
                let low = f64::from(*low_freq_factor);
                let high = f64::from(*high_freq_factor);
                let turns = *original_context as f64 * plain(i) / (2.0 * PI);
                let keep = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                plain(i) * (keep + (1.0 - keep) / f64::from(*factor))
            }
            RopeScaling::Yarn(yarn) => {
                let keep = 1.0 - yarn_ramp(yarn, self.dim, f64::from(self.base), i);
                plain(i) * (keep + (1.0 - keep) / f64::from(yarn.factor))
            }
        };
        (0..self.dim / 2).map(|i| frequency(i) as f32).collect()
    }

    /// What rotated queries and keys are multiplied by; 1 except for YaRN.
    pub fn magnitude(&self) -> f32 {
        if let RopeScaling::Yarn(yarn) = &self.scaling { yarn.attention_factor } else { 1.0 }
    }

    pub(super) fn validate(&self, head_dim: usize) -> Result<(), ModelError> {
        if self.dim < 2 || self.dim > head_dim || !self.dim.is_multiple_of(2) {
            let problem = format!("{} is not an even number from 2 to {head_dim}", self.dim);
            return Err(ModelError::config("rope dimension", problem));
        }
        let positive = |field, value: f32| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            Err(ModelError::config(field, format!("{value} is not a positive number")))
        };
        positive("rope base", self.base)?;
        match &self.scaling {
            RopeScaling::None => Ok(()),
            RopeScaling::Linear { factor } => positive("rope scaling factor", *factor),
            RopeScaling::Factors(factors) => {
                if factors.len() != self.dim / 2 {
                    let (have, need) = (factors.len(), self.dim / 2);
                    let problem = format!("there are {have} of them, the model needs {need}");
                    return Err(ModelError::config("rope frequency factors", problem));
                }
                factors.iter().try_for_each(|f| positive("rope frequency factors", *f))
            }
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => {
                positive("rope scaling factor", *factor)?;
                positive("rope low_freq_factor", *low_freq_factor)?;
                positive("rope original context", *original_context as f32)?;
                positive("rope high_freq_factor above low", high_freq_factor - low_freq_factor)
            }
            RopeScaling::Yarn(yarn) => {
                positive("rope scaling factor", yarn.factor)?;
                positive("rope attention factor", yarn.attention_factor)?;
                positive("rope beta_slow", yarn.beta_slow)?;
                positive("rope beta_fast", yarn.beta_fast)?;
                positive("rope original context", yarn.original_context as f32)
            }
        }
    }
}

/// How far pair `i` is stretched, from 0 (not at all) to 1.
fn yarn_ramp(yarn: &YarnConfig, dim: usize, base: f64, i: usize) -> f64 {
    // Index of the pair that turns `turns` times within the original context.
    let pair = |turns: f32| {
        let wavelength = yarn.original_context as f64 / (f64::from(turns) * 2.0 * PI);
        dim as f64 * wavelength.ln() / (2.0 * base.ln())
    };
    let (mut low, mut high) = (pair(yarn.beta_fast), pair(yarn.beta_slow));
    if yarn.truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    let (low, mut high) = (low.max(0.0), high.min(dim as f64 - 1.0));
    if low == high {
        high += 0.001; // as the reference does, against a division by zero
    }
    ((i as f64 - low) / (high - low)).clamp(0.0, 1.0)
}

/// YaRN's magnitude for a stretch of `factor`.
///
/// Source: Peng et al. 2023, equation 22; transformers `get_mscale`.
pub(super) fn yarn_magnitude(factor: f32, multiplier: f32) -> f32 {
    if factor <= 1.0 { 1.0 } else { 0.1 * multiplier * factor.ln() + 1.0 }
}
