//! Says what can be wrong with an encoder's files, and what failed in its arithmetic.

use std::path::PathBuf;

use intramuros_backend::BackendError;
use intramuros_types::Fault;

/// An error of loading or running an encoder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// A file that every encoder needs is not there.
    #[error("{} has no {name}; {remedy}", folder.display())]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// The file's name.
        name: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that is read whole exceeds its limit.
    #[error("{} has {bytes} bytes, at most {limit_bytes} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// A JSON file of the model does not parse.
    #[error("{} is not what an encoder's file looks like: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A value of `config.json` cannot be.
    #[error("{}: {key} is {found}, expected {expected}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// The model needs something that is not implemented.
    #[error("{}: {what} {found} is not supported, supported: {supported}", path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// What kind of thing.
        what: &'static str,
        /// The thing.
        found: String,
        /// What is.
        supported: &'static str,
    },
    /// The weights file is truncated or damaged.
    #[error("{} is damaged or not safetensors: {source}; fetch the model again", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What the parser found.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// A tensor that the configuration promises is not in the weights file.
    #[error("{} has no tensor {name}", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor does not have the shape that the configuration promises.
    #[error("{}: tensor {name} has shape {found:?}, config.json says {expected:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// A tensor is of a number type that is not read.
    #[error("{}: tensor {name} is {found}, read are F32, F16 and BF16", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        found: String,
    },
    /// The tokenizer's file does not load.
    #[error("{}: {reason}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Tokenizer and weights are of different models.
    #[error("{}: tokenizer has {tokens} tokens, the model's table has {rows}", path.display())]
    Vocabulary {
        /// The tokenizer's file.
        path: PathBuf,
        /// Tokens of the tokenizer.
        tokens: usize,
        /// Rows of the embedding table.
        rows: usize,
    },
    /// The profile that was asked for contradicts the model.
    #[error("profile of {}: {reason}", folder.display())]
    Profile {
        /// The model's folder.
        folder: PathBuf,
        /// The contradiction.
        reason: String,
    },
    /// The weights produce numbers that are not numbers.
    #[error("input {input} gives a vector that is not finite; the weights are damaged")]
    NotFinite {
        /// Position in the batch.
        input: usize,
    },
}

impl EmbedError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            EmbedError::Missing { .. }
            | EmbedError::Read { .. }
            | EmbedError::TooLarge { .. }
            | EmbedError::Json { .. }
            | EmbedError::Config { .. }
            | EmbedError::Unsupported { .. }
            | EmbedError::Weights { .. }
            | EmbedError::MissingTensor { .. }
            | EmbedError::TensorShape { .. }
            | EmbedError::TensorType { .. }
            | EmbedError::Tokenizer { .. }
            | EmbedError::Vocabulary { .. }
            | EmbedError::Profile { .. }
            | EmbedError::NotFinite { .. } => Fault::Runtime,
        }
    }
}

impl From<EmbedError> for BackendError {
    fn from(error: EmbedError) -> Self {
        match error.fault() {
            Fault::Bug => BackendError::Compute(error.to_string()),
            Fault::User | Fault::Capacity | Fault::Runtime => {
                BackendError::Model(error.to_string())
            }
        }
    }
}
