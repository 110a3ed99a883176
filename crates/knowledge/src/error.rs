//! Says what can go wrong between a document and an answer.

use intramuros_engine::EngineError;
use intramuros_ingest::IngestError;
use intramuros_ledger::LedgerError;
use intramuros_store::StoreError;
use intramuros_types::Fault;

/// An error of indexing, search or answering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnowledgeError {
    /// The record does not exist, exists already, or the ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The encoder or the generator refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file cannot be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A field of the request cannot be honoured.
    #[error("'{name}' {reason}")]
    Invalid {
        /// The field.
        name: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// The upload is larger than the configured limit.
    #[error("the file has more than {limit} bytes (server.max_upload_bytes); split it")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The disk has less room than uploads must leave.
    #[error(
        "the server's disk has {} MiB free and keeps {} MiB of them (server.min_free_mib); make \
         room where data_dir is",
        free_bytes >> 20,
        floor_bytes >> 20
    )]
    DiskLow {
        /// Bytes that are free.
        free_bytes: u64,
        /// Bytes that must stay free.
        floor_bytes: u64,
    },
    /// The knowledge base was indexed with another encoder than the one that runs.
    #[error(
        "the knowledge base was indexed with the encoder '{indexed}', the server runs \
         '{running}'; add the first to embedding.more_models"
    )]
    OtherEncoder {
        /// The encoder of the stored vectors.
        indexed: String,
        /// The encoder that runs.
        running: String,
    },
    /// The server runs without a generator.
    #[error("no text model is configured (text.model), so that only search works")]
    NoGenerator,
    /// The document was deleted while it was indexed; nothing of it was stored.
    #[error("the document was deleted meanwhile")]
    Abandoned,
    /// A worker thread was lost.
    #[error("a background task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl From<StoreError> for KnowledgeError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BlobTooLarge { max_bytes } => KnowledgeError::TooLarge { limit: max_bytes },
            other => KnowledgeError::Store(other),
        }
    }
}

impl KnowledgeError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            KnowledgeError::Ledger(error) => error.fault(),
            KnowledgeError::Store(error) => error.fault(),
            KnowledgeError::Engine(error) => error.fault(),
            KnowledgeError::Ingest(error) => error.fault(),
            KnowledgeError::Invalid { .. }
            | KnowledgeError::TooLarge { .. }
            | KnowledgeError::Abandoned => Fault::User,
            KnowledgeError::DiskLow { .. }
            | KnowledgeError::OtherEncoder { .. }
            | KnowledgeError::NoGenerator => Fault::Runtime,
            KnowledgeError::Task(_) => Fault::Bug,
        }
    }

    /// Whether the disk of the data directory has no room left.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, KnowledgeError::DiskLow { .. })
            || self.is_of_storage(LedgerError::is_storage_full, StoreError::is_storage_full)
    }

    /// Whether the disk of the data directory was mounted read-only.
    pub fn is_read_only(&self) -> bool {
        self.is_of_storage(LedgerError::is_read_only, StoreError::is_read_only)
    }

    fn is_of_storage(
        &self,
        ledger: fn(&LedgerError) -> bool,
        store: fn(&StoreError) -> bool,
    ) -> bool {
        match self {
            KnowledgeError::Ledger(error) => ledger(error),
            KnowledgeError::Store(error) => store(error),
            KnowledgeError::Engine(_)
            | KnowledgeError::Ingest(_)
            | KnowledgeError::Invalid { .. }
            | KnowledgeError::TooLarge { .. }
            | KnowledgeError::DiskLow { .. }
            | KnowledgeError::OtherEncoder { .. }
            | KnowledgeError::NoGenerator
            | KnowledgeError::Abandoned
            | KnowledgeError::Task(_) => false,
        }
    }

    /// Whether the file of a document is missing or damaged.
    pub fn is_lost_file(&self) -> bool {
        matches!(self, KnowledgeError::Store(error) if error.is_lost_file())
    }

    pub(crate) fn invalid(name: &'static str, reason: impl Into<String>) -> Self {
        KnowledgeError::Invalid { name, reason: reason.into() }
    }
}
