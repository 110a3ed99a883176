//! Adds residuals and applies the feed-forward activation, element by element.

use candle_core::Tensor;

use super::host;
use super::parallel::for_each_chunk;
use crate::Result;

/// Elements of one work item; small ones are not worth another thread.
const CHUNK: usize = 8_192;

/// `a + b`, equal shapes.
pub(super) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    combine(a, b, |a, b| a + b)
}

/// `silu(gate) × up` with `silu(x) = x / (1 + e⁻ˣ)`, equal shapes.
pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    combine(gate, up, |gate, up| gate / (1.0 + (-gate).exp()) * up)
}

fn combine(a: &Tensor, b: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Result<Tensor> {
    let (left, right) = (host::read(a)?, host::read(b)?);
    let mut out = vec![0.0; left.len()];
    for_each_chunk(&mut out, CHUNK, |index, out| {
        let range = index * CHUNK..index * CHUNK + out.len();
        for ((out, a), b) in out.iter_mut().zip(&left[range.clone()]).zip(&right[range]) {
            *out = f(*a, *b);
        }
    });
    let width = a.dims().last().copied().unwrap_or(1);
    host::tensor(out, width, a.device())
}
