//! Describes documents as the ledger sees them: files on their way into a knowledge base.

use intramuros_types::{DocumentId, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

mod queue;
mod records;

pub(crate) use records::digests_of;

/// What is known of a file when it has been uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// Where it goes.
    pub knowledge_base: KnowledgeBaseId,
    /// Its name, up to 255 characters; shown, never used as a path.
    pub file_name: String,
    /// Its media type (`application/pdf`), up to 127 characters.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal; also the name of its blob.
    pub sha256: String,
}

/// Where a document is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentState {
    /// Waits to be indexed.
    Pending,
    /// Is being read, embedded and stored.
    Indexing,
    /// Can be searched.
    Ready,
    /// Could not be indexed; the reason is in the record.
    Failed,
    /// Is being erased.
    Deleting,
}

impl DocumentState {
    /// Every state, in the order of a document's life.
    pub const ALL: [DocumentState; 5] = [
        DocumentState::Pending,
        DocumentState::Indexing,
        DocumentState::Ready,
        DocumentState::Failed,
        DocumentState::Deleting,
    ];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            DocumentState::Pending => "pending",
            DocumentState::Indexing => "indexing",
            DocumentState::Ready => "ready",
            DocumentState::Failed => "failed",
            DocumentState::Deleting => "deleting",
        }
    }
}

/// Why a document could not be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReason {
    /// A stable name that programs can match on, such as `encrypted`.
    pub code: String,
    /// What people read. Must not quote the document.
    pub text: String,
}

/// What indexing found out about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Title from the metadata, the first heading or the file name.
    pub title: String,
    /// ISO 639-1 code of the main language, where it could be told.
    pub language: Option<String>,
    /// Number of pages, where the format has them.
    pub pages: Option<u32>,
    /// Number of passages that were stored.
    pub chunks: u32,
}

/// A document as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRecord {
    /// `doc_` and a UUID v7, so that ids sort by time of upload.
    pub id: DocumentId,
    /// The knowledge base it belongs to.
    pub knowledge_base: KnowledgeBaseId,
    /// The name it was uploaded under.
    pub file_name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Where it is in its life.
    pub state: DocumentState,
    /// Why it failed; `Some` exactly when `state` is `Failed`.
    pub reason: Option<FailureReason>,
    /// Its title, once indexed.
    pub title: Option<String>,
    /// Its main language, once indexed and where it could be told.
    pub language: Option<String>,
    /// Number of pages, once indexed and where the format has them.
    pub pages: Option<u32>,
    /// Number of passages, once indexed.
    pub chunks: Option<u32>,
    /// When it was uploaded.
    pub created: OffsetDateTime,
    /// When the record last changed.
    pub updated: OffsetDateTime,
}

/// What an upload led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// A new document, pending.
    New(DocumentRecord),
    /// The knowledge base already has this content; nothing was changed.
    Duplicate(DocumentRecord),
}

/// A part of a list to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Continue after this document; `None` from the start.
    pub after: Option<DocumentId>,
    /// The most documents to return, 1 to [`Page::MAX_LIMIT`].
    pub limit: u32,
}

impl Page {
    /// The most documents that one page may have.
    pub const MAX_LIMIT: u32 = 1000;
}

/// A part of a list of documents, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<DocumentRecord>,
    /// What to pass as [`Page::after`] to go on; `None` at the end.
    pub next: Option<DocumentId>,
}

/// How many documents are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentCounts {
    /// Waiting.
    pub pending: u64,
    /// In work.
    pub indexing: u64,
    /// Searchable.
    pub ready: u64,
    /// Failed.
    pub failed: u64,
    /// Being erased.
    pub deleting: u64,
}

impl DocumentCounts {
    /// Documents that exist for their users, that is, all but those being erased.
    pub fn total(&self) -> u64 {
        self.pending + self.indexing + self.ready + self.failed
    }
}

/// What a start finds to do after a crash or a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Documents that were in work and are pending again; their rows in the store, if any, are
    /// replaced when they are indexed.
    pub requeued: u64,
    /// Documents whose erasure must be finished.
    pub deleting: Vec<DocumentRecord>,
    /// Knowledge bases whose erasure must be finished.
    pub deleting_knowledge_bases: Vec<KnowledgeBaseId>,
}

#[cfg(test)]
mod tests;
