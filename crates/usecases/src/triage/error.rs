//! Says what can go wrong with a ticket.

use intramuros_engine::EngineError;
use intramuros_ledger::LedgerError;
use intramuros_types::Fault;

use super::PolicyError;

/// An error of triage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TriageError {
    /// The record does not exist, exists already, or the ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The encoder refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A stored policy cannot be read: it was written by another version of the program.
    #[error("the triage policy `{id}` cannot be read ({reason}); store it again")]
    Unreadable {
        /// Which.
        id: String,
        /// Why.
        reason: String,
    },
    /// A field of the request cannot be honoured.
    #[error("'{name}' {reason}")]
    Invalid {
        /// The field.
        name: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A worker thread was lost.
    #[error("a background task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl TriageError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            TriageError::Ledger(error) => error.fault(),
            TriageError::Engine(error) => error.fault(),
            TriageError::Policy(_) | TriageError::Invalid { .. } => Fault::User,
            TriageError::Unreadable { .. } => Fault::Runtime,
            TriageError::Task(_) => Fault::Bug,
        }
    }
}
