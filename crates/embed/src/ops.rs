//! What follows each matrix product, in one pass over its rows, in place, with the machine's vector
//! instructions.

use intramuros_simd::dispatch;

use crate::math;

/// Bias of a linear layer, and scale and shift of the normalisation after it; shape `(width)` each.
pub(crate) struct Norm {
    pub(crate) bias: Vec<f32>,
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

/// `x + bias` for every row of `x`.
pub(crate) fn add_bias(x: &mut [f32], bias: &[f32]) {
    dispatch(|| {
        for row in x.chunks_exact_mut(bias.len()) {
            math::add(row, bias);
        }
    });
}

/// `gelu(x + bias)` for every row of `x`.
pub(crate) fn add_bias_gelu(x: &mut [f32], bias: &[f32]) {
    dispatch(|| {
        for row in x.chunks_exact_mut(bias.len()) {
            math::add_bias_gelu(row, bias);
        }
    });
}

/// `layer_norm(x + bias + residual)` for every row of `x`; `residual` has its shape.
pub(crate) fn add_norm(x: &mut [f32], residual: &[f32], norm: &Norm) {
    let width = norm.bias.len();
    dispatch(|| {
        for (row, residual) in x.chunks_exact_mut(width).zip(residual.chunks_exact(width)) {
            math::add(row, &norm.bias);
            math::add(row, residual);
            math::layer_norm(row, &norm.scale, &norm.shift, norm.epsilon);
        }
    });
}

/// `softmax(factor × x)` for every row of `x`, of `width` elements.
pub(crate) fn softmax(x: &mut [f32], width: usize, factor: f32) {
    dispatch(|| {
        for row in x.chunks_exact_mut(width) {
            math::softmax(row, factor);
        }
    });
}
