//! Normalises rows by their root mean square.

use candle_core::Tensor;

use super::host;
use super::parallel::for_each_chunk;
use crate::Result;
use crate::config::DecoderConfig;
use crate::weights::Weights;

/// RMSNorm with a learned weight per column.
///
/// Source: Zhang and Sennrich 2019 (arXiv 1910.07467), equation 4.
pub(super) struct RmsNorm {
    weight: Vec<f32>,
    eps: f32,
}

impl RmsNorm {
    pub(super) fn load(config: &DecoderConfig, weights: &mut Weights, name: &str) -> Result<Self> {
        Ok(Self { weight: weights.vector(name, config.hidden)?, eps: config.rms_eps })
    }

    /// `(rows, hidden)` in and out.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let width = self.weight.len();
        let input = host::read(x)?;
        let mut out = vec![0.0; input.len()];
        for_each_chunk(&mut out, width, |row, out| {
            rms_norm(&input[row * width..(row + 1) * width], &self.weight, self.eps, out);
        });
        host::tensor(out, width, x.device())
    }
}

/// `out = x / √(mean(x²) + eps) × weight`, all of one length. The mean is taken in f64: sums of
/// some thousand squares lose digits in f32, and the result is what every later layer sees.
fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let sum: f64 = x.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    let scale = 1.0 / (sum / x.len() as f64 + f64::from(eps)).sqrt();
    let scale = scale as f32;
    for ((out, value), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = value * scale * weight;
    }
}

#[cfg(test)]
mod tests;
