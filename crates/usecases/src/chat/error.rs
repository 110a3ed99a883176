//! Says what can go wrong with a conversation.

use intramuros_engine::EngineError;
use intramuros_knowledge::KnowledgeError;
use intramuros_ledger::LedgerError;
use intramuros_types::Fault;

use super::AssistantError;

/// An error of an assistant or a conversation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The record does not exist, its state does not allow it, or the ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A model refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The knowledge base refused or failed.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// The configuration cannot be.
    #[error(transparent)]
    Assistant(#[from] AssistantError),
    /// A stored configuration cannot be read: it was written by another version of the program.
    #[error("version {number} of the assistant `{id}` cannot be read ({reason}); publish it again")]
    Unreadable {
        /// Which assistant.
        id: String,
        /// Which version; 0 is the draft.
        number: u32,
        /// Why.
        reason: String,
    },
    /// The assistant is not for web pages, or not for those of this origin.
    #[error("the assistant is not offered to pages of `{origin}`")]
    Origin {
        /// Where the page comes from.
        origin: String,
    },
    /// More messages wait for an answer than the server takes.
    #[error("{limit} messages wait for an answer, which is the limit; send it again in a moment")]
    Busy {
        /// How many.
        limit: usize,
    },
    /// A background task was lost.
    #[error("a background task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl ChatError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            ChatError::Ledger(error) => error.fault(),
            ChatError::Engine(error) => error.fault(),
            ChatError::Knowledge(error) => error.fault(),
            ChatError::Assistant(_) | ChatError::Origin { .. } => Fault::User,
            ChatError::Unreadable { .. } => Fault::Runtime,
            ChatError::Busy { .. } => Fault::Capacity,
            ChatError::Task(_) => Fault::Bug,
        }
    }
}
