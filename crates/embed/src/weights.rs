//! Reads tensors of a memory-mapped safetensors file.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, Metadata, SafeTensors};

use crate::EmbedError;

/// Prefixes under which checkpoints store the encoder: a bare one, and one with a task head.
const PREFIXES: [&str; 4] = ["", "bert.", "roberta.", "model."];

/// Bytes of the header's length at the beginning of the file.
const LENGTH_BYTES: usize = 8;

/// A weights file. Source: the safetensors format (length, JSON header, data).
pub(crate) struct Weights {
    path: PathBuf,
    map: Arc<Mmap>,
    /// Where the data begin within the file.
    data_start: usize,
    metadata: Metadata,
    prefix: &'static str,
}

/// Where a tensor is within the file, and how its numbers are stored.
#[derive(Debug, Clone)]
struct Stored {
    kind: FloatKind,
    bytes: Range<usize>,
}

/// A number type that weights may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FloatKind {
    F32,
    F16,
    Bf16,
}

impl FloatKind {
    fn bytes(self) -> usize {
        match self {
            FloatKind::F32 => 4,
            FloatKind::F16 | FloatKind::Bf16 => 2,
        }
    }

    /// Converts little-endian `bytes` to `out`, which has one element a number.
    fn decode(self, bytes: &[u8], out: &mut [f32]) {
        match self {
            FloatKind::F32 => {
                for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *out = f32::from_le_bytes(*raw);
                }
            }
            FloatKind::F16 => {
                for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *out = f16::from_le_bytes(*raw).to_f32();
                }
            }
            FloatKind::Bf16 => {
                for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *out = bf16::from_le_bytes(*raw).to_f32();
                }
            }
        }
    }
}

impl Weights {
    /// Maps `path` and checks its header: every tensor lies within the file.
    ///
    /// # Errors
    /// [`EmbedError::Read`], [`EmbedError::Weights`], and [`EmbedError::MissingTensor`] when it
    /// does not hold a BERT-family encoder.
    pub(crate) fn open(path: &Path) -> Result<Self, EmbedError> {
        let map =
            map_file(path).map_err(|source| EmbedError::Read { path: path.into(), source })?;
        let (header_bytes, metadata) = SafeTensors::read_metadata(&map)
            .map_err(|source| EmbedError::Weights { path: path.into(), source })?;
        let probe = "embeddings.word_embeddings.weight";
        let prefix = PREFIXES
            .into_iter()
            .find(|prefix| metadata.info(&format!("{prefix}{probe}")).is_some())
            .ok_or_else(|| EmbedError::MissingTensor { path: path.into(), name: probe.into() })?;
        let data_start = LENGTH_BYTES + header_bytes;
        Ok(Self { path: path.into(), map: Arc::new(map), data_start, metadata, prefix })
    }

    /// The tensor `name` of exactly `shape`, row-major, as f32.
    ///
    /// # Errors
    /// [`EmbedError::MissingTensor`], [`EmbedError::TensorShape`], [`EmbedError::TensorType`].
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EmbedError> {
        let stored = self.find(name, shape)?;
        let mut values = vec![0.0; stored.bytes.len() / stored.kind.bytes()];
        stored.kind.decode(&self.map[stored.bytes], &mut values);
        Ok(values)
    }

    /// The matrix `name` of shape `(rows, width)`, left in the file; rows are converted on use.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub(crate) fn table(&self, name: &str, rows: usize, width: usize) -> Result<Table, EmbedError> {
        let stored = self.find(name, &[rows, width])?;
        Ok(Table { map: Arc::clone(&self.map), stored, rows, width })
    }

    /// The tensor `name` of the task head, which is not under the encoder's prefix.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub(crate) fn head(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EmbedError> {
        let stored = self.find_full(name.to_owned(), shape)?;
        let mut values = vec![0.0; stored.bytes.len() / stored.kind.bytes()];
        stored.kind.decode(&self.map[stored.bytes], &mut values);
        Ok(values)
    }

    fn find(&self, name: &str, shape: &[usize]) -> Result<Stored, EmbedError> {
        self.find_full(format!("{}{name}", self.prefix), shape)
    }

    fn find_full(&self, full: String, shape: &[usize]) -> Result<Stored, EmbedError> {
        let info =
            self.metadata.info(&full).or_else(|| self.metadata.info(&old_name(&full))).ok_or_else(
                || EmbedError::MissingTensor { path: self.path.clone(), name: full.clone() },
            )?;
        if info.shape != shape {
            return Err(EmbedError::TensorShape {
                path: self.path.clone(),
                name: full,
                found: info.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        // Not a wildcard of ours: safetensors marks its list of types as open.
        let kind = if info.dtype == Dtype::F32 {
            FloatKind::F32
        } else if info.dtype == Dtype::F16 {
            FloatKind::F16
        } else if info.dtype == Dtype::BF16 {
            FloatKind::Bf16
        } else {
            let found = format!("{:?}", info.dtype);
            return Err(EmbedError::TensorType { path: self.path.clone(), name: full, found });
        };
        // `read_metadata` has checked that offsets agree with shape, type and the file's length.
        let (start, end) = info.data_offsets;
        Ok(Stored { kind, bytes: self.data_start + start..self.data_start + end })
    }
}

/// The name that checkpoints converted from TensorFlow give to layer normalisation.
fn old_name(name: &str) -> String {
    match name.strip_suffix("LayerNorm.weight") {
        Some(stem) => format!("{stem}LayerNorm.gamma"),
        None => match name.strip_suffix("LayerNorm.bias") {
            Some(stem) => format!("{stem}LayerNorm.beta"),
            None => name.to_owned(),
        },
    }
}

/// A matrix of shape `(rows, width)` that stays in the file's precision.
pub(crate) struct Table {
    map: Arc<Mmap>,
    stored: Stored,
    rows: usize,
    width: usize,
}

impl Table {
    /// Bytes of the file that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.stored.bytes.len() as u64
    }

    /// Writes row `index` to `out`, which has `width` elements.
    ///
    /// # Panics
    /// When the table has no row `index`: callers check tokens first.
    pub(crate) fn row_into(&self, index: usize, out: &mut [f32]) {
        let stride = self.width * self.stored.kind.bytes();
        let start = self.stored.bytes.start + index * stride;
        assert!(index < self.rows, "row {index} of {} was asked for", self.rows);
        self.stored.kind.decode(&self.map[start..start + stride], out);
    }
}

#[allow(unsafe_code, reason = "a memory map is unsafe by nature; it saves a copy of the weights")]
fn map_file(path: &Path) -> std::io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: the map is private and read-only. The models directory replaces files by renaming,
    // which keeps the mapped one intact; only another process that truncates a model's file in
    // place could pull bytes away, and then the process ends with SIGBUS instead of reading them.
    unsafe { Mmap::map(&file) }
}

#[cfg(test)]
mod tests;
