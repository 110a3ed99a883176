//! Says what can go wrong with a model's files, text side and arithmetic.

use std::path::{Path, PathBuf};

use intramuros_backend::BackendError;
use intramuros_types::Fault;

/// An error of this crate. Paths are those of the operator's models directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file could not be read.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `open`, `read`, `map`, `list`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The files are there, but they are not one complete model.
    #[error("{} is not a model: {problem}", path.display())]
    Files {
        /// The directory or file that was looked at.
        path: PathBuf,
        /// What is missing or superfluous.
        problem: String,
    },
    /// A file is damaged, cut short or beyond a limit.
    #[error("{} is damaged or not supported: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the limit where there is one.
        problem: String,
    },
    /// A JSON file cannot be read as what it should hold.
    #[error("cannot read {}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why parsing ended.
        #[source]
        source: serde_json::Error,
    },
    /// A GGUF metadata key is missing or has another type or value than the model needs.
    #[error("metadata `{key}` of {}: {problem}", path.display())]
    Metadata {
        /// The GGUF file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The model is of a family that the decoder does not compute.
    #[error("architecture `{name}` is not supported; supported are {supported}")]
    Architecture {
        /// What the file says.
        name: String,
        /// What would work, comma separated.
        supported: String,
    },
    /// A number of the model's configuration is absurd or contradicts another one.
    #[error("model configuration `{field}`: {problem}")]
    Config {
        /// The field.
        field: &'static str,
        /// What is wrong, with the limit.
        problem: String,
    },
    /// A tensor is missing or has another shape or type than the configuration demands.
    #[error("tensor `{name}`: {problem}")]
    Tensor {
        /// The tensor's name in the file.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The tokenizer cannot be built from the model's files.
    #[error("tokenizer of {}: {problem}", path.display())]
    Tokenizer {
        /// The file it comes from.
        path: PathBuf,
        /// What is wrong, with what is supported.
        problem: String,
    },
    /// The model's chat template cannot be compiled or misbehaves.
    #[error("chat template: {problem}")]
    Template {
        /// What is wrong.
        problem: String,
    },
    /// The caller's input cannot be taken; the message names the thing and the limit.
    #[error("{0}")]
    Input(String),
    /// The machine cannot hold what was asked.
    #[error("{what} needs {needed_bytes} bytes, {available_bytes} are available")]
    Memory {
        /// What needs the memory.
        what: String,
        /// Bytes it needs.
        needed_bytes: u64,
        /// Bytes that may be used.
        available_bytes: u64,
    },
    /// The arithmetic failed although every input was checked.
    #[error("{what} failed: {source}")]
    Compute {
        /// The step.
        what: &'static str,
        /// What the library says.
        #[source]
        source: candle_core::Error,
    },
}

impl ModelError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            ModelError::Input(_) => Fault::User,
            ModelError::Memory { .. } => Fault::Capacity,
            ModelError::Compute { .. } => Fault::Bug,
            ModelError::Io { .. }
            | ModelError::Files { .. }
            | ModelError::Malformed { .. }
            | ModelError::Json { .. }
            | ModelError::Metadata { .. }
            | ModelError::Architecture { .. }
            | ModelError::Config { .. }
            | ModelError::Tensor { .. }
            | ModelError::Tokenizer { .. }
            | ModelError::Template { .. } => Fault::Runtime,
        }
    }

    /// A failed file operation.
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        ModelError::Io { action, path: path.to_path_buf(), source }
    }

    /// A damaged or unsupported file.
    pub(crate) fn malformed(path: &Path, problem: impl Into<String>) -> Self {
        ModelError::Malformed { path: path.to_path_buf(), problem: problem.into() }
    }

    /// A tensor that is missing or not what it should be.
    pub(crate) fn tensor(name: &str, problem: impl Into<String>) -> Self {
        ModelError::Tensor { name: name.to_owned(), problem: problem.into() }
    }

    /// A number of the configuration that cannot be.
    pub(crate) fn config(field: &'static str, problem: impl Into<String>) -> Self {
        ModelError::Config { field, problem: problem.into() }
    }

    /// Names the step that a candle error belongs to; for `map_err`.
    pub(crate) fn compute(what: &'static str) -> impl FnOnce(candle_core::Error) -> Self {
        move |source| ModelError::Compute { what, source }
    }
}

impl From<ModelError> for BackendError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Input(message) => BackendError::Input(message),
            ModelError::Memory { what, needed_bytes, available_bytes } => {
                BackendError::Memory { what, needed_bytes, available_bytes }
            }
            ModelError::Compute { .. } => BackendError::Compute(error.to_string()),
            ModelError::Io { .. }
            | ModelError::Files { .. }
            | ModelError::Malformed { .. }
            | ModelError::Json { .. }
            | ModelError::Metadata { .. }
            | ModelError::Architecture { .. }
            | ModelError::Config { .. }
            | ModelError::Tensor { .. }
            | ModelError::Tokenizer { .. }
            | ModelError::Template { .. } => BackendError::Model(error.to_string()),
        }
    }
}
