//! Describes documents as the ledger sees them: files on their way into a knowledge base.

use std::collections::BTreeMap;

use intramuros_types::{DocumentFormat, DocumentId, KnowledgeBaseId, ReadWarning};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

mod details;
mod list;
mod queue;
mod records;

pub(crate) use details::{checked_labels, from_json, to_json};
pub(crate) use queue::single_line;
pub(crate) use records::{digests_of, record};

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
    /// What its owner says about it.
    pub details: DocumentDetails,
    /// The document that it was in: an e-mail, an archive.
    pub parent: Option<DocumentId>,
}

/// What the owner of a document says about it; can be changed without reading the file again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentDetails {
    /// The owner's own name for it, up to 500 characters; a new file under the same name takes the
    /// old one's place.
    pub external_id: Option<String>,
    /// The synchronised folder that brought it.
    pub source: Option<String>,
    /// Who may read it, up to 20 names of up to 100 characters; empty for everybody. Stored in
    /// order, without repetition.
    pub labels: Vec<String>,
    /// Names and values to filter by, up to 50 of up to 64 and 500 characters.
    pub metadata: BTreeMap<String, String>,
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

/// Why a document could not be indexed, or something else failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReason {
    /// A stable name that programs can match on, such as `encrypted`.
    pub code: String,
    /// What people read. Must not quote the document.
    pub text: String,
}

/// What indexing found out about a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Title from the metadata, the first heading or the file name.
    pub title: String,
    /// ISO 639-1 code of the main language, where it could be told.
    pub language: Option<String>,
    /// Number of pages, where the format has them.
    pub pages: Option<u32>,
    /// Number of passages that were stored.
    pub chunks: u32,
    /// The format that was recognised; `None` for an archive, which has no text of its own.
    pub format: Option<DocumentFormat>,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was made, as it says itself: `YYYY-MM-DD` or RFC 3339.
    pub written: Option<String>,
    /// When it was last changed, as it says itself: `YYYY-MM-DD` or RFC 3339.
    pub modified: Option<String>,
    /// What could not be read well.
    pub warnings: Vec<ReadWarning>,
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
    /// What its owner says about it.
    pub details: DocumentDetails,
    /// The document that it was in.
    pub parent: Option<DocumentId>,
    /// Counts the changes of content and details; what was indexed under another number is stale.
    pub revision: u32,
    /// The format, once indexed and where it has text.
    pub format: Option<DocumentFormat>,
    /// Who wrote it, once indexed and where it says so.
    pub author: Option<String>,
    /// When it was made, as it says itself.
    pub written: Option<String>,
    /// When it was last changed, as it says itself.
    pub modified: Option<String>,
    /// What could not be read well.
    pub warnings: Vec<ReadWarning>,
    /// When it was uploaded.
    pub created: OffsetDateTime,
    /// When the record last changed.
    pub updated: OffsetDateTime,
    /// The attempt of a job that has it in work.
    pub claimed_by: Option<String>,
}

/// What an upload led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// A new document, pending.
    New(DocumentRecord),
    /// The knowledge base already has this content; nothing was changed.
    Duplicate(DocumentRecord),
    /// The document of this external id has another content now and is pending. What was found of
    /// its old content still is until the new one is read.
    Replaced {
        /// The document.
        record: DocumentRecord,
        /// The digest of the file it had.
        previous: String,
    },
}

impl Inserted {
    /// The document, whatever happened.
    pub fn record(&self) -> &DocumentRecord {
        match self {
            Self::New(record) | Self::Duplicate(record) | Self::Replaced { record, .. } => record,
        }
    }
}

/// A part of a list to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Continue after this document; `None` from the start.
    pub after: Option<DocumentId>,
    /// The most documents to return, 1 to [`Page::MAX_LIMIT`].
    pub limit: u32,
    /// Only those that this source brought.
    pub source: Option<String>,
    /// Only the one with this external id.
    pub external_id: Option<String>,
    /// Only those that were in this document.
    pub parent: Option<DocumentId>,
}

impl Page {
    /// The most documents that one page may have.
    pub const MAX_LIMIT: u32 = 1000;

    /// The first `limit` documents of all.
    pub fn of(limit: u32) -> Self {
        Self { after: None, limit, source: None, external_id: None, parent: None }
    }
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
