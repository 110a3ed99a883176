//! Says what can go wrong below the engine.

use intramuros_types::Fault;

/// An error of a backend or a codec.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The model cannot take this input; the message names the thing and the limit.
    #[error("{0}")]
    Input(String),
    /// The model's files are missing, damaged or of an unsupported kind.
    #[error("{0}")]
    Model(String),
    /// The machine cannot hold what was asked: `needed_bytes` against `available_bytes`.
    #[error("{what} needs {needed_bytes} bytes, {available_bytes} are available")]
    Memory {
        /// What needs the memory.
        what: String,
        /// Bytes it needs.
        needed_bytes: u64,
        /// Bytes that may be used.
        available_bytes: u64,
    },
    /// The arithmetic failed; the sequences of the batch are lost, the model is not.
    #[error("forward pass failed: {0}")]
    Compute(String),
}

impl BackendError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            BackendError::Input(_) => Fault::User,
            BackendError::Memory { .. } => Fault::Capacity,
            BackendError::Model(_) => Fault::Runtime,
            BackendError::Compute(_) => Fault::Bug,
        }
    }
}
