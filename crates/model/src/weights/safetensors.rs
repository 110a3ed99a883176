//! Maps a safetensors file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors, TensorInfo};

use super::RawTensor;
use crate::ModelError;
use crate::map::map_file;

/// The length of the JSON header and an empty header.
const MIN_FILE_BYTES: u64 = 10;

/// A mapped safetensors file whose header was checked.
///
/// Source: safetensors, `README.md`, "Format".
pub(crate) struct SafetensorsFile {
    path: PathBuf,
    map: Mmap,
    data_start: usize,
    tensors: HashMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Maps the file and reads its header. The library bounds the header's size and checks that
    /// the tensors cover the file exactly, without overlap.
    ///
    /// # Errors
    /// [`ModelError::Io`]; [`ModelError::Malformed`] when the header is damaged or does not fit
    /// the file.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let map = map_file(path, MIN_FILE_BYTES)?;
        let damaged = |e: safetensors::SafeTensorError| ModelError::malformed(path, e.to_string());
        let (header_bytes, metadata) = SafeTensors::read_metadata(&map).map_err(damaged)?;
        let tensors = metadata.tensors().into_iter().map(|(n, info)| (n, info.clone())).collect();
        // The header starts after its own length, a u64.
        Ok(Self { path: path.to_path_buf(), map, data_start: header_bytes + 8, tensors })
    }

    /// Names of all tensors.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] when it is neither F32, F16 nor BF16.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<RawTensor<'_>>, ModelError> {
        let Some(info) = self.tensors.get(name) else { return Ok(None) };
        let other = info.dtype;
        let dtype = if other == Dtype::F32 {
            GgmlDType::F32
        } else if other == Dtype::F16 {
            GgmlDType::F16
        } else if other == Dtype::BF16 {
            GgmlDType::BF16
        } else {
            let problem = format!("type {other:?} is not supported; supported are F32, F16, BF16");
            return Err(ModelError::tensor(name, problem));
        };
        let (from, to) = info.data_offsets;
        let data = self.map.get(self.data_start + from..self.data_start + to);
        let data = data.ok_or_else(|| ModelError::malformed(&self.path, "it was cut short"))?;
        Ok(Some(RawTensor { dtype, shape: &info.shape, data }))
    }
}
