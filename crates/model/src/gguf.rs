//! Maps a GGUF file and reads its header: metadata and the table of tensors.
//!
//! The header of a downloaded file is hostile until proven otherwise: every count, length and
//! offset is checked against a limit and against the bytes that are left before anything is
//! allocated, so that a damaged file ends in an error that names what is wrong.
//!
//! Source: ggml, `docs/gguf.md` (versions 2 and 3, little-endian).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::ModelError;
use crate::map::map_file;

mod header;
mod tensor;
#[cfg(test)]
mod tests;
mod value;

pub use tensor::TensorInfo;
pub use value::{Array, Value};

/// A memory-mapped GGUF file whose header was checked.
pub struct Gguf {
    path: PathBuf,
    map: Mmap,
    metadata: HashMap<String, Value>,
    tensors: HashMap<String, TensorInfo>,
}

impl Gguf {
    /// Maps the file and reads its header; tensor data is not touched.
    ///
    /// # Errors
    /// [`ModelError::Io`] when the file cannot be opened or mapped; [`ModelError::Malformed`] when
    /// the header is damaged, cut short, big-endian, of another version or beyond a limit.
    pub fn open(path: &Path) -> Result<Gguf, ModelError> {
        let map = map_file(path, header::MIN_FILE_BYTES)?;
        let (metadata, tensors) =
            header::read(&map).map_err(|problem| ModelError::malformed(path, problem))?;
        Ok(Gguf { path: path.to_path_buf(), map, metadata, tensors })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The metadata value of `key`.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// A whole number that fits u32; `None` when the key is absent.
    ///
    /// # Errors
    /// [`ModelError::Metadata`] when the value is not such a number. So for every typed accessor.
    pub fn u32(&self, key: &str) -> Result<Option<u32>, ModelError> {
        self.typed(key, "a whole number from 0 to 4294967295", Value::as_u32)
    }

    /// A finite number.
    ///
    /// # Errors
    /// [`ModelError::Metadata`].
    pub fn f32(&self, key: &str) -> Result<Option<f32>, ModelError> {
        self.typed(key, "a finite number", Value::as_f32)
    }

    /// A truth value.
    ///
    /// # Errors
    /// [`ModelError::Metadata`].
    pub fn bool(&self, key: &str) -> Result<Option<bool>, ModelError> {
        self.typed(key, "a truth value", Value::as_bool)
    }

    /// A text.
    ///
    /// # Errors
    /// [`ModelError::Metadata`].
    pub fn string(&self, key: &str) -> Result<Option<&str>, ModelError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// A list of texts.
    ///
    /// # Errors
    /// [`ModelError::Metadata`].
    pub fn strings(&self, key: &str) -> Result<Option<&[String]>, ModelError> {
        self.typed(key, "an array of strings", Value::as_strings)
    }

    /// A list of whole numbers.
    ///
    /// # Errors
    /// [`ModelError::Metadata`].
    pub fn integers(&self, key: &str) -> Result<Option<&[i64]>, ModelError> {
        self.typed(key, "an array of whole numbers", Value::as_integers)
    }

    /// A list of numbers.
    ///
    /// # Errors
    /// [`ModelError::Metadata`].
    pub fn floats(&self, key: &str) -> Result<Option<&[f32]>, ModelError> {
        self.typed(key, "an array of floating-point numbers", Value::as_floats)
    }

    /// The value that `found` holds, or the error that says that the key is missing.
    ///
    /// # Errors
    /// [`ModelError::Metadata`] when `found` is `None`.
    pub fn required<T>(&self, key: &str, found: Option<T>) -> Result<T, ModelError> {
        found.ok_or_else(|| self.metadata_error(key, "it is missing"))
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    /// Names of all tensors, in no order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensor's data as it is in the file, `info.bytes` long and aligned to at least 8 bytes.
    ///
    /// # Panics
    /// When `info` is another file's: a bug of the caller.
    pub fn data(&self, info: &TensorInfo) -> &[u8] {
        &self.map[info.start..info.start + info.bytes]
    }

    /// An error about `key` of this file.
    pub(crate) fn metadata_error(&self, key: &str, problem: impl Into<String>) -> ModelError {
        ModelError::Metadata {
            path: self.path.clone(),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ModelError> {
        let Some(value) = self.metadata.get(key) else { return Ok(None) };
        let problem = || format!("it is {}, not {wanted}", value.kind());
        read(value).map(Some).ok_or_else(|| self.metadata_error(key, problem()))
    }
}

impl std::fmt::Debug for Gguf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gguf")
            .field("path", &self.path)
            .field("bytes", &self.map.len())
            .field("metadata", &self.metadata.len())
            .field("tensors", &self.tensors.len())
            .finish()
    }
}
