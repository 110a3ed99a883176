//! Multiplies by a weight matrix, quantised or not.

use std::sync::Arc;

use candle_core::Tensor;
use candle_core::quantized::{GgmlDType, QTensor};

use crate::weights::{Weights, is_float};
use crate::{ModelError, Result};

#[cfg(test)]
mod tests;

/// `y = x Wᵀ + b` with `W` of shape `(out, in)`.
pub(super) struct Linear {
    weight: Arc<QTensor>,
    bias: Option<Tensor>,
}

impl Linear {
    /// A layer without bias.
    pub(super) fn new(weight: Arc<QTensor>) -> Self {
        Self { weight, bias: None }
    }

    /// Takes `<name>.weight`, and `<name>.bias` when the file has one.
    pub(super) fn load(
        weights: &mut Weights,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Self> {
        let weight = weights.matrix(&format!("{name}.weight"), rows, columns)?;
        let bias = weights.optional_vector(&format!("{name}.bias"), rows)?;
        let bias = bias.map(|values| Tensor::from_vec(values, (1, rows), &weight.device()));
        let bias = bias.transpose().map_err(ModelError::compute("loading a bias"))?;
        Ok(Self { weight, bias })
    }

    /// Whether the layer has a bias.
    pub(super) fn has_bias(&self) -> bool {
        self.bias.is_some()
    }

    /// `(rows, in)` → `(rows, out)`, f32.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.product(x).map_err(ModelError::compute("a linear layer"))
    }

    fn product(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let y = if self.single_row_differs() && x.dim(0)? == 1 {
            let twice = Tensor::cat(&[x, x], 0)?;
            twice.apply_op1_no_bwd(self.weight.as_ref())?.narrow(0, 0, 1)?
        } else {
            x.apply_op1_no_bwd(self.weight.as_ref())?
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// Whether candle multiplies one row by another kernel than several, with another result: a
    /// token decoded alone would differ from the same token decoded beside others. Such a row is
    /// computed twice instead; it costs the wider tiles of the other kernel (10 bits per weight
    /// instead of 6.6).
    ///
    /// Source: candle-core 0.11.1 `quantized/repack_x86.rs`, `select`.
    fn single_row_differs(&self) -> bool {
        let Ok((rows, columns)) = self.weight.shape().dims2() else { return false };
        let dtype = self.weight.dtype();
        dtype == GgmlDType::Q6K && packed_bytes(dtype, rows, columns) > 0
    }
}

/// Bytes of a matrix as it is held: float types are widened to f32.
pub(super) fn held_bytes(dtype: GgmlDType, rows: usize, columns: usize) -> u64 {
    let dtype = if is_float(dtype) { GgmlDType::F32 } else { dtype };
    (rows * columns / dtype.block_size() * dtype.type_size()) as u64
}

/// Bytes of the copy that candle makes beside a matrix for its x86 kernels, at first use.
///
/// Source: candle-core 0.11.1 `quantized/repack_x86.rs`, `select` and the tile types.
pub(super) fn packed_bytes(dtype: GgmlDType, rows: usize, columns: usize) -> u64 {
    let fits = rows.is_multiple_of(16) && columns.is_multiple_of(256);
    if !fits || !cfg!(target_arch = "x86_64") {
        return 0;
    }
    // Bits per weight of a tile.
    let packed = [(GgmlDType::Q4K, 6.0), (GgmlDType::Q6K, 10.0), (GgmlDType::Q8_0, 8.5)];
    let bits = packed.iter().find(|(packed, _)| *packed == dtype).map_or(0.0, |(_, bits)| *bits);
    ((rows * columns) as f64 * bits / 8.0) as u64
}
