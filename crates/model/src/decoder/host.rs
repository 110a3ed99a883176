//! Looks into tensors in main memory without copying them.
//!
//! The steps between matrix products are plain loops over f32 slices. A GPU path would replace the
//! callers of this module, nothing else.

use std::ops::Deref;

use candle_core::{CpuStorage, Device, Error, Storage, Tensor};

use crate::{ModelError, Result};

/// The elements of a contiguous f32 tensor; holds the tensor's read lock, whatever type candle
/// has for it.
pub(super) struct HostSlice<Guard> {
    storage: Guard,
    start: usize,
    end: usize,
}

impl<Guard: Deref<Target = Storage>> Deref for HostSlice<Guard> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        elements(&self.storage).map_or(&[], |all| &all[self.start..self.end])
    }
}

/// The elements of a contiguous f32 tensor in main memory.
pub(super) fn read(tensor: &Tensor) -> Result<HostSlice<impl Deref<Target = Storage> + Sync + '_>> {
    let (storage, layout) = tensor.storage_and_layout();
    let range = layout.contiguous_offsets();
    if let Some((start, end)) = range
        && elements(&storage).is_some_and(|all| all.len() >= end)
    {
        return Ok(HostSlice { storage, start, end });
    }
    let source = Error::Msg("the tensor is not a contiguous f32 tensor in main memory".to_owned());
    Err(ModelError::Compute { what: "reading a tensor", source })
}

/// A tensor `(elements / width, width)` that takes over `values`.
pub(super) fn tensor(values: Vec<f32>, width: usize, device: &Device) -> Result<Tensor> {
    let rows = values.len() / width.max(1);
    Tensor::from_vec(values, (rows, width), device).map_err(ModelError::compute("making a tensor"))
}

/// The elements of a tensor, copied.
pub(super) fn into_vec(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(read(tensor)?.to_vec())
}

/// Some rows of a `(rows, width)` tensor, in the order given.
pub(super) fn select_rows(x: &Tensor, rows: &[u32]) -> Result<Tensor> {
    let width = x.dims().last().copied().unwrap_or(1);
    let input = read(x)?;
    let mut out = Vec::with_capacity(rows.len() * width);
    for row in rows {
        let start = *row as usize * width;
        out.extend_from_slice(&input[start..start + width]);
    }
    tensor(out, width, x.device())
}

fn elements(storage: &Storage) -> Option<&[f32]> {
    if let Storage::Cpu(CpuStorage::F32(values)) = storage { Some(values) } else { None }
}
