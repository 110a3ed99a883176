//! Fuses what follows each matrix product into one pass over its result, in place.
//!
//! All tensors are f32, contiguous, on the CPU, of shape `(…, width)`; the row-wise function of
//! `math` runs over the rows in parallel.

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, InplaceOp3, Layout, Result, bail};
use rayon::prelude::*;

use crate::math;

/// Elements below which splitting the work costs more than it saves.
const PARALLEL_ELEMENTS: usize = 1 << 15;

/// `x + bias`; bias of shape `(width)`.
pub(crate) struct AddBias;

/// `gelu(x + bias)`; bias of shape `(width)`.
pub(crate) struct AddBiasGelu;

/// `layer_norm(x + bias + residual)`; residual of `x`'s shape, parameters of shape `(3, width)`:
/// bias, scale, shift.
pub(crate) struct AddNorm {
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

/// `softmax(factor × x)` over the last dimension.
pub(crate) struct Softmax {
    /// A positive number, `1 / √head_dim`.
    pub(crate) factor: f32,
}

impl InplaceOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<()> {
        let (x, width) = rows_mut(x, x_layout)?;
        let bias = values(bias, bias_layout, width)?;
        each_row(x, width, |_, row| {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value += bias;
            }
        });
        Ok(())
    }
}

impl InplaceOp2 for AddBiasGelu {
    fn name(&self) -> &'static str {
        "add-bias-gelu"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<()> {
        let (x, width) = rows_mut(x, x_layout)?;
        let bias = values(bias, bias_layout, width)?;
        each_row(x, width, |_, row| math::add_bias_gelu(row, bias));
        Ok(())
    }
}

impl InplaceOp3 for AddNorm {
    fn name(&self) -> &'static str {
        "add-norm"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<()> {
        let (x, width) = rows_mut(x, x_layout)?;
        let residual = values(residual, residual_layout, x.len())?;
        let parameters = values(parameters, parameters_layout, 3 * width)?;
        let (bias, scale_shift) = parameters.split_at(width);
        let (scale, shift) = scale_shift.split_at(width);
        each_row(x, width, |index, row| {
            let residual = &residual[index * width..(index + 1) * width];
            for ((value, bias), residual) in row.iter_mut().zip(bias).zip(residual) {
                *value += bias + residual;
            }
            math::layer_norm(row, scale, shift, self.epsilon);
        });
        Ok(())
    }
}

impl InplaceOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, x_layout: &Layout) -> Result<()> {
        let (x, width) = rows_mut(x, x_layout)?;
        each_row(x, width, |_, row| math::softmax(row, self.factor));
        Ok(())
    }
}

/// Runs `work` on every row with its index, in parallel where that pays.
fn each_row(values: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if values.len() < PARALLEL_ELEMENTS {
        for (index, row) in values.chunks_exact_mut(width).enumerate() {
            work(index, row);
        }
        return;
    }
    let rows = values.len() / width;
    let rows_per_task = rows.div_ceil(4 * rayon::current_num_threads());
    values.par_chunks_mut(rows_per_task * width).enumerate().for_each(|(task, chunk)| {
        for (index, row) in chunk.chunks_exact_mut(width).enumerate() {
            work(task * rows_per_task + index, row);
        }
    });
}

/// The elements of a tensor and the length of its last dimension, which is not 0.
fn rows_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<(&'a mut [f32], usize)> {
    let width = layout.dims().last().copied().unwrap_or(0);
    let (Some((start, end)), CpuStorage::F32(values)) = (layout.contiguous_offsets(), storage)
    else {
        bail!("expected a contiguous f32 tensor, found {layout:?}")
    };
    if width == 0 {
        bail!("expected rows, found {layout:?}")
    }
    Ok((&mut values[start..end], width))
}

/// The `count` elements of a tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout, count: usize) -> Result<&'a [f32]> {
    match (layout.contiguous_offsets(), storage) {
        (Some((start, end)), CpuStorage::F32(values)) if end - start == count => {
            Ok(&values[start..end])
        }
        _ => bail!("expected {count} contiguous f32 elements, found {layout:?}"),
    }
}
