//! Keeps the records that must survive everything: API keys, knowledge bases and documents, in
//! SQL.
//!
//! The entry is [`Ledger::open`]. A [`Ledger`] is a cheap handle on a pool of SQLite connections;
//! clone it freely. What a method returned `Ok` for is on disk: the journal is a write-ahead log
//! with `synchronous = FULL`, so that it survives `kill -9` and a power cut.
//!
//! - **Keys.** A secret is shown once; the ledger keeps its SHA-256 and a visible prefix
//!   ([`Ledger::create_key`], [`Ledger::authenticate`]).
//! - **Knowledge bases.** Deleted in two steps, because the passages live elsewhere:
//!   [`Ledger::delete_knowledge_base`] marks, the caller erases, [`Ledger::forget_knowledge_base`]
//!   removes the rows.
//! - **Documents** are the indexing queue too. States: `pending` → `indexing` → `ready` or
//!   `failed`; from every state to `deleting`, then gone. [`Ledger::recover`] puts a crashed run's
//!   work back in the queue. What their owners say about them (labels, metadata, an own id) counts
//!   revisions, so that nothing is stored under what a document was.
//! - **Indexes** say how the passages of a knowledge base were made. One may be made beside the
//!   active one and take its place ([`Ledger::begin_index`], [`Ledger::swap_indexes`]).
//! - **Questions without answer** are counted for a time ([`Ledger::note_unanswered`]).
//!
//! Migrations are plain SQL under `migrations/`, forward only, applied at open. A file that a
//! newer version wrote is refused, never guessed at.
//!
//! The ledger does not hold document text, vectors or file contents, and it knows nothing of HTTP,
//! of models or of the vector store.

mod document;
mod error;
mod index;
mod key;
mod knowledge_base;
mod ledger;
mod migrations;
mod moment;
mod unanswered;
mod validate;

pub use document::{
    DocumentCounts, DocumentDetails, DocumentFacts, DocumentPage, DocumentRecord, DocumentState,
    FailureReason, Inserted, NewDocument, Page, Recovery,
};
pub use error::LedgerError;
pub use index::{
    Calibration, Chunking, IndexProgress, IndexRecord, IndexRole, TestQuestion, Verdict,
};
pub use key::{Authentication, KeyRecord, KeyRequest, NewKey, Scope};
pub use knowledge_base::{KnowledgeBase, KnowledgeBaseState, NewKnowledgeBase};
pub use ledger::{Ledger, LedgerSize};
pub use unanswered::Unanswered;
