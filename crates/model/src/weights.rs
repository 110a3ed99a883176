//! Hands out a model's tensors under GGUF names, whichever format the file has.
//!
//! Every matrix becomes a candle [`QTensor`]: quantised ones keep their numbers, F16 and BF16 are
//! widened to F32. One type for all keeps the decoder free of formats, and candle's product with a
//! `QTensor` computes each row by itself, so that a token's result does not depend on what else is
//! in the batch; its dense product does not promise that.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};

use crate::{Gguf, ModelError};

mod exact;
mod names;
mod safetensors;

pub(crate) use safetensors::SafetensorsFile;

/// The files that tensors come from.
pub(crate) enum WeightSource {
    /// One GGUF.
    Gguf(Gguf),
    /// Shards of safetensors.
    Safetensors(Vec<SafetensorsFile>),
}

/// A model's weights while it is being loaded. It remembers what was taken, so that tensors that
/// the decoder would ignore are an error and not a silently wrong answer.
pub(crate) struct Weights {
    source: WeightSource,
    device: Device,
    untaken: BTreeSet<String>,
}

/// Element type, shape and bytes of a tensor in a file.
struct RawTensor<'a> {
    dtype: GgmlDType,
    shape: &'a [usize],
    data: &'a [u8],
}

impl Weights {
    /// Takes tensors from `source` and puts them on `device`.
    pub(crate) fn new(source: WeightSource, device: Device) -> Self {
        let untaken = match &source {
            WeightSource::Gguf(file) => file.tensor_names().map(str::to_owned).collect(),
            WeightSource::Safetensors(files) => {
                files.iter().flat_map(SafetensorsFile::names).map(str::to_owned).collect()
            }
        };
        Self { source, device, untaken }
    }

    /// The matrix `name` of shape `(rows, columns)`.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] when it is missing or has another shape.
    pub(crate) fn matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Arc<QTensor>, ModelError> {
        let device = self.device.clone();
        let name = self.take(name);
        let raw = self.raw(&name)?.ok_or_else(|| ModelError::tensor(&name, "it is missing"))?;
        if raw.shape != [rows, columns] {
            let problem = format!("its shape is {:?}, not ({rows}, {columns})", raw.shape);
            return Err(ModelError::tensor(&name, problem));
        }
        let tensor = if is_float(raw.dtype) {
            let widened = Tensor::from_vec(widen(&raw), (rows, columns), &device);
            widened.and_then(|t| QTensor::quantize(&t, GgmlDType::F32))
        } else {
            let held = exact::held_type(raw.dtype, &device);
            let data = match held == raw.dtype {
                true => Cow::Borrowed(raw.data),
                false => Cow::Owned(exact::q5_0_as_q8_0(raw.data)),
            };
            QStorage::from_data(data, &device, held)
                .and_then(|storage| QTensor::new(storage, (rows, columns)))
        };
        tensor.map(Arc::new).map_err(ModelError::compute("loading a matrix"))
    }

    /// Element type that the matrix `name` is held in and its size in elements,
    /// `(rows, columns)`, without reading it; `None` when the file has none.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] when its type is not supported.
    pub(crate) fn matrix_kind(
        &self,
        name: &str,
    ) -> Result<Option<(GgmlDType, usize, usize)>, ModelError> {
        let raw = self.raw(&self.file_name(name))?;
        let Some(RawTensor { dtype, shape: [rows, columns], .. }) = raw else { return Ok(None) };
        Ok(Some((exact::held_type(dtype, &self.device), *rows, *columns)))
    }

    /// The vector `name` of `length` elements.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] when it is missing, has another shape or is quantised.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        let found = self.optional_vector(name, length)?;
        found.ok_or_else(|| ModelError::tensor(&self.file_name(name), "it is missing"))
    }

    /// As [`vector`](Self::vector), `None` when the file has none.
    pub(crate) fn optional_vector(
        &mut self,
        name: &str,
        length: usize,
    ) -> Result<Option<Vec<f32>>, ModelError> {
        let name = self.take(name);
        let Some(raw) = self.raw(&name)? else { return Ok(None) };
        if raw.shape != [length] {
            let problem = format!("its shape is {:?}, not ({length})", raw.shape);
            return Err(ModelError::tensor(&name, problem));
        }
        if !is_float(raw.dtype) {
            let problem = format!("a vector cannot be of type {:?}", raw.dtype);
            return Err(ModelError::tensor(&name, problem));
        }
        Ok(Some(widen(&raw)))
    }

    /// Marks a tensor as known although it is not used.
    pub(crate) fn ignore(&mut self, name: &str) {
        self.take(name);
    }

    /// Refuses tensors that nobody took: the file is of another architecture than it says.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] naming the first one.
    pub(crate) fn finish(&self) -> Result<(), ModelError> {
        let unknown = self.untaken.iter().find(|name| !names::is_derived(name));
        let Some(name) = unknown else { return Ok(()) };
        let problem = "the supported architectures have no such tensor, ignoring it would give \
                       wrong answers";
        Err(ModelError::tensor(name, problem))
    }

    /// Notes that `name` was taken and translates it to the file's own names.
    fn take(&mut self, name: &str) -> String {
        let name = self.file_name(name);
        self.untaken.remove(&name);
        name
    }

    fn file_name(&self, name: &str) -> String {
        match &self.source {
            WeightSource::Gguf(_) => name.to_owned(),
            WeightSource::Safetensors(_) => names::hugging_face(name),
        }
    }

    fn raw(&self, name: &str) -> Result<Option<RawTensor<'_>>, ModelError> {
        match &self.source {
            WeightSource::Gguf(file) => Ok(file.tensor(name).map(|info| RawTensor {
                dtype: info.dtype,
                shape: &info.shape,
                data: file.data(info),
            })),
            WeightSource::Safetensors(files) => {
                files.iter().find_map(|f| f.tensor(name).transpose()).transpose()
            }
        }
    }
}

/// Opens the shards of a safetensors model.
///
/// # Errors
/// [`ModelError::Io`], [`ModelError::Malformed`]; [`ModelError::Tensor`] when two shards hold
/// tensors of the same name.
pub(crate) fn open_safetensors(shards: &[impl AsRef<Path>]) -> Result<WeightSource, ModelError> {
    let mut files = Vec::with_capacity(shards.len());
    let mut seen = BTreeSet::new();
    for shard in shards {
        let file = SafetensorsFile::open(shard.as_ref())?;
        for name in file.names() {
            if !seen.insert(name.to_owned()) {
                return Err(ModelError::tensor(name, "two shards hold it"));
            }
        }
        files.push(file);
    }
    Ok(WeightSource::Safetensors(files))
}

/// Whether elements are plain floating-point numbers.
pub(crate) fn is_float(dtype: GgmlDType) -> bool {
    [GgmlDType::F32, GgmlDType::F16, GgmlDType::BF16].contains(&dtype)
}

/// Reads F32, F16 or BF16 elements as f32.
fn widen(raw: &RawTensor<'_>) -> Vec<f32> {
    if raw.dtype == GgmlDType::F32 {
        let (numbers, _) = raw.data.as_chunks::<4>();
        return numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    }
    let (numbers, _) = raw.data.as_chunks::<2>();
    if raw.dtype == GgmlDType::F16 {
        return numbers.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect();
    }
    numbers.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect()
}
