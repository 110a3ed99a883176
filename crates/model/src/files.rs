//! Finds the files of one model on disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ModelError;

#[cfg(test)]
mod tests;

/// The most entries of a model directory that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// The most shards of one safetensors model.
const MAX_SHARDS: usize = 1_000;
/// The most bytes of `model.safetensors.index.json`.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// Where the weights of a model are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightFiles {
    /// One GGUF file; it also carries configuration, tokenizer and chat template.
    Gguf(PathBuf),
    /// Safetensors, one file or several shards; `config` is the `config.json` beside them.
    Safetensors {
        /// The shards, sorted by name, each once.
        shards: Vec<PathBuf>,
        /// `config.json`.
        config: PathBuf,
    },
}

/// The files of one model. Every path exists when [`ModelFiles::discover`] returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// The weights.
    pub weights: WeightFiles,
    /// `tokenizer.json`; always there for safetensors, an override beside a GGUF.
    pub tokenizer: Option<PathBuf>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<PathBuf>,
    /// `generation_config.json`.
    pub generation_config: Option<PathBuf>,
    /// `chat_template.jinja`.
    pub chat_template: Option<PathBuf>,
}

impl ModelFiles {
    /// Finds the model at `path`: a `.gguf` file, a directory that holds exactly one, or a
    /// directory with `config.json`, `tokenizer.json` and `model.safetensors` (or its index and
    /// shards).
    ///
    /// A `.gguf` path stands alone: what lies beside it is not looked at.
    ///
    /// # Errors
    /// [`ModelError::Io`] when the path cannot be read; [`ModelError::Files`] when it holds no
    /// complete model or several; [`ModelError::Json`] when the shard index is damaged.
    pub fn discover(path: &Path) -> Result<ModelFiles, ModelError> {
        let metadata = path.metadata().map_err(|e| ModelError::io("open", path, e))?;
        if metadata.is_file() {
            if !has_gguf_extension(path) {
                return Err(files(path, "a model file must end in .gguf; give its directory"));
            }
            return Ok(ModelFiles::alone(WeightFiles::Gguf(path.to_path_buf())));
        }
        let mut ggufs = list_ggufs(path)?;
        let weights = match ggufs.len() {
            0 => discover_safetensors(path)?,
            1 => WeightFiles::Gguf(ggufs.remove(0)),
            _ => {
                let names = ggufs.iter().map(|p| name_of(p)).collect::<Vec<_>>().join(", ");
                let problem = format!("it holds several gguf files ({names}); name one of them");
                return Err(files(path, problem));
            }
        };
        let mut found = ModelFiles::alone(weights);
        found.tokenizer = existing(path, "tokenizer.json");
        found.tokenizer_config = existing(path, "tokenizer_config.json");
        found.generation_config = existing(path, "generation_config.json");
        found.chat_template = existing(path, "chat_template.jinja");
        let safetensors = matches!(found.weights, WeightFiles::Safetensors { .. });
        if safetensors && found.tokenizer.is_none() {
            return Err(files(path, "tokenizer.json is missing beside the safetensors weights"));
        }
        Ok(found)
    }

    fn alone(weights: WeightFiles) -> Self {
        ModelFiles {
            weights,
            tokenizer: None,
            tokenizer_config: None,
            generation_config: None,
            chat_template: None,
        }
    }
}

/// Reads a small text file of a model.
///
/// # Errors
/// [`ModelError::Io`]; [`ModelError::Malformed`] when it has more than `max_bytes` or is not UTF-8.
pub(crate) fn read_text(path: &Path, max_bytes: u64) -> Result<String, ModelError> {
    let file = File::open(path).map_err(|e| ModelError::io("open", path, e))?;
    let mut bytes = Vec::new();
    let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes);
    let length = read.map_err(|e| ModelError::io("read", path, e))?;
    if length as u64 > max_bytes {
        return Err(ModelError::malformed(path, format!("it has more than {max_bytes} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| ModelError::malformed(path, "it is not utf-8 text"))
}

/// Reads a JSON file of a model; unknown fields are the model's own business.
///
/// # Errors
/// As [`read_text`], and [`ModelError::Json`].
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(
    path: &Path,
    max_bytes: u64,
) -> Result<T, ModelError> {
    let text = read_text(path, max_bytes)?;
    serde_json::from_str(&text)
        .map_err(|source| ModelError::Json { path: path.to_path_buf(), source })
}

fn discover_safetensors(directory: &Path) -> Result<WeightFiles, ModelError> {
    let config = directory.join("config.json");
    let single = directory.join("model.safetensors");
    let index = directory.join("model.safetensors.index.json");
    if !config.is_file() {
        let problem = "it holds neither a gguf file nor config.json with model.safetensors";
        return Err(files(directory, problem));
    }
    let shards = if single.is_file() {
        vec![single]
    } else if index.is_file() {
        read_shards(directory, &index)?
    } else {
        let problem = "model.safetensors (or model.safetensors.index.json) is missing";
        return Err(files(directory, problem));
    };
    Ok(WeightFiles::Safetensors { shards, config })
}

/// The index maps each tensor to the file that holds it.
#[derive(Deserialize)]
struct ShardIndex {
    weight_map: std::collections::HashMap<String, String>,
}

fn read_shards(directory: &Path, index: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let parsed: ShardIndex = read_json(index, MAX_INDEX_BYTES)?;
    let names: BTreeSet<String> = parsed.weight_map.into_values().collect();
    if names.is_empty() || names.len() > MAX_SHARDS {
        let problem = format!("it names {} shards, the limit is {MAX_SHARDS}", names.len());
        return Err(ModelError::malformed(index, problem));
    }
    let mut shards = Vec::with_capacity(names.len());
    for name in names {
        // A shard lies beside its index; anything else would reach outside the model.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(ModelError::malformed(index, format!("shard name `{name}` is a path")));
        }
        let shard = directory.join(&name);
        if !shard.is_file() {
            return Err(files(directory, format!("shard {name} is missing")));
        }
        shards.push(shard);
    }
    Ok(shards)
}

fn list_ggufs(directory: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let entries = directory.read_dir().map_err(|e| ModelError::io("list", directory, e))?;
    let mut ggufs = Vec::new();
    for entry in entries.take(MAX_ENTRIES) {
        let path = entry.map_err(|e| ModelError::io("list", directory, e))?.path();
        if has_gguf_extension(&path) && path.is_file() {
            ggufs.push(path);
        }
    }
    ggufs.sort();
    Ok(ggufs)
}

fn has_gguf_extension(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
}

fn existing(directory: &Path, name: &str) -> Option<PathBuf> {
    Some(directory.join(name)).filter(|p| p.is_file())
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn files(path: &Path, problem: impl Into<String>) -> ModelError {
    ModelError::Files { path: path.to_path_buf(), problem: problem.into() }
}
