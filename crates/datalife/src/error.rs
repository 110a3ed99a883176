//! Says what can go wrong with the life of data.

use intramuros_jobs::JobError;
use intramuros_knowledge::KnowledgeError;
use intramuros_ledger::LedgerError;
use intramuros_types::Fault;

/// An error of retention, erasure or export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataLifeError {
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The knowledge bases refused or failed.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// A field of the request cannot be honoured.
    #[error("'{name}' {reason}")]
    Invalid {
        /// The field.
        name: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// It may not be done now, or not by the one who asks.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// Too many exports at the same time.
    #[error("{running} exports run, which is the limit; wait for one to end")]
    Busy {
        /// How many run.
        running: usize,
    },
    /// A worker thread was lost.
    #[error("a background task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl DataLifeError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Ledger(error) => error.fault(),
            Self::Knowledge(error) => error.fault(),
            Self::Invalid { .. } | Self::Refused { .. } => Fault::User,
            Self::Busy { .. } => Fault::Capacity,
            Self::Task(_) => Fault::Bug,
        }
    }

    pub(crate) fn invalid(name: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { name, reason: reason.into() }
    }
}

impl From<DataLifeError> for JobError {
    fn from(error: DataLifeError) -> Self {
        match error {
            DataLifeError::Ledger(error) => error.into(),
            DataLifeError::Knowledge(error) => error.into(),
            DataLifeError::Invalid { .. } | DataLifeError::Refused { .. } => {
                Self::failed("invalid", error.to_string())
            }
            DataLifeError::Busy { .. } | DataLifeError::Task(_) => {
                Self::retry("server_failure", error.to_string())
            }
        }
    }
}
