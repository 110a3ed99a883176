//! Says what can go wrong with a pilot.

use intramuros_engine::EngineError;
use intramuros_knowledge::KnowledgeError;
use intramuros_ledger::LedgerError;
use intramuros_types::Fault;

use crate::chat::ChatError;
use crate::pilot::{SetError, TooSmall};
use crate::triage::TriageError;

/// An error of a pilot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PilotError {
    /// The record does not exist, or the ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file is no labelled set.
    #[error(transparent)]
    Set(#[from] SetError),
    /// Triage refused or failed.
    #[error(transparent)]
    Triage(#[from] TriageError),
    /// Search or answering refused or failed.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// A model is not served.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No threshold keeps the promise.
    #[error("no threshold keeps this promise: {0}")]
    TooSmall(TooSmall),
    /// The assistant refused or failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// A field of the request cannot be honoured.
    #[error("'{name}' {reason}")]
    Invalid {
        /// The field.
        name: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// What is stored cannot be read: another version of the program wrote it.
    #[error("the {what} of this pilot cannot be read: another version of the program wrote it")]
    Unreadable {
        /// What.
        what: &'static str,
    },
    /// A worker thread was lost.
    #[error("a background task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl PilotError {
    pub(super) fn invalid(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { name, reason: reason.into() }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            PilotError::Ledger(error) => error.fault(),
            PilotError::Triage(error) => error.fault(),
            PilotError::Knowledge(error) => error.fault(),
            PilotError::Chat(error) => error.fault(),
            PilotError::Engine(error) => error.fault(),
            PilotError::Set(_) | PilotError::TooSmall(_) | PilotError::Invalid { .. } => {
                Fault::User
            }
            PilotError::Unreadable { .. } => Fault::Runtime,
            PilotError::Task(_) => Fault::Bug,
        }
    }
}
