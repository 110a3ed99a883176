//! Finds an encoder's files in a folder laid out as on the hub.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use intramuros_types::EncoderProfile;
use serde::de::DeserializeOwned;

use crate::{EmbedError, profile};

/// The most bytes of a configuration file.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The most bytes of a `tokenizer.json`; those of 250,000 pieces have 17 MB.
const MAX_TOKENIZER_BYTES: u64 = 128 << 20;

/// The files of one encoder.
#[derive(Debug, Clone)]
pub struct EncoderFiles {
    /// The folder that was searched.
    pub folder: PathBuf,
    /// `config.json`.
    pub config: PathBuf,
    /// `model.safetensors`.
    pub weights: PathBuf,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
}

impl EncoderFiles {
    /// Finds the files of the encoder in `folder`.
    ///
    /// # Errors
    /// [`EmbedError::Missing`] names the first file that is not there.
    pub fn discover(folder: &Path) -> Result<Self, EmbedError> {
        let find = |name: &'static str, remedy: &'static str| {
            let path = folder.join(name);
            if path.is_file() {
                Ok(path)
            } else {
                Err(EmbedError::Missing { folder: folder.to_owned(), name, remedy })
            }
        };
        let fetch = "fetch the model with `intramuros models pull` or scripts/fetch-models";
        let config = find("config.json", fetch)?;
        let weights = if folder.join("pytorch_model.bin").is_file() {
            find("model.safetensors", "pytorch_model.bin is not read: convert it to safetensors")?
        } else {
            find("model.safetensors", fetch)?
        };
        let tokenizer = find("tokenizer.json", fetch)?;
        Ok(Self { folder: folder.to_owned(), config, weights, tokenizer })
    }

    /// The profile that the model declares in the files of sentence-transformers (`modules.json`,
    /// `1_Pooling/config.json`, prompts and longest input), `None` where it has none. It serves
    /// models that the catalogue does not know; the catalogue's profile comes first.
    ///
    /// # Errors
    /// [`EmbedError::Json`]; [`EmbedError::Unsupported`] for a pooling or a module that would
    /// change the vectors and is not implemented.
    pub fn declared_profile(&self) -> Result<Option<EncoderProfile>, EmbedError> {
        profile::declared(&self.folder)
    }

    /// The tokenizer's file, whole.
    pub(crate) fn read_tokenizer(&self) -> Result<Vec<u8>, EmbedError> {
        read_bounded(&self.tokenizer, MAX_TOKENIZER_BYTES)
    }
}

/// Parses a small JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, EmbedError> {
    let bytes = read_bounded(path, MAX_CONFIG_BYTES)?;
    serde_json::from_slice(&bytes)
        .map_err(|source| EmbedError::Json { path: path.to_owned(), source })
}

/// Reads a file of at most `limit_bytes`; the limit holds even if the file grows meanwhile.
fn read_bounded(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, EmbedError> {
    let failed = |source| EmbedError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit_bytes {
        let bytes = size.max(limit_bytes + 1);
        return Err(EmbedError::TooLarge { path: path.to_owned(), bytes, limit_bytes });
    }
    Ok(bytes)
}
