//! Keeps what was erased for whom: ids, hashes and numbers, never what was erased.
//!
//! A job does an erasure (kind [`ERASE`]). What it removes of this ledger is counted in the
//! transaction that removes it, and what it removes elsewhere is noted before it goes, so that the
//! report of one that was interrupted is the report of one that was not.
//!
//! Texts that were given (a name, an address) are needed until the end of the job and are then gone.
//! Until then they are stored in hexadecimal, so that the search of the disk that ends an erasure
//! does not find its own question. What stays of them is a hash with a key of this ledger: a plain
//! hash of a name or an e-mail address is found by trying, while with the key somebody in charge can
//! show that two requests were about the same person.

use std::collections::BTreeMap;

use intramuros_types::{DocumentId, ErasureId, JobId, KnowledgeBaseId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

mod documents;
mod records;
mod traces;
mod user;

pub use documents::document_ids;
pub(crate) use records::{count, key};
pub use traces::{Leftovers, TextMatch};
pub(crate) use user::check_erasable;

/// The kind of the jobs that erase.
pub const ERASE: &str = "erase";

/// What an erasure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureSubject {
    /// Documents that were named.
    Documents,
    /// A user of this server.
    User(UserId),
    /// Somebody about whom documents speak.
    Person,
}

impl ErasureSubject {
    /// The name in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            ErasureSubject::Documents => "documents",
            ErasureSubject::User(_) => "user",
            ErasureSubject::Person => "person",
        }
    }
}

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewErasure {
    /// What it is about.
    pub subject: ErasureSubject,
    /// What is needed until its end.
    pub matter: ErasureMatter,
    /// Who asked.
    pub requested_by: String,
}

/// What an erasure needs until its end and not longer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureMatter {
    /// The documents to erase, the files within them not named.
    pub documents: Vec<DocumentId>,
    /// What the person is called, their addresses and numbers.
    pub texts: Vec<String>,
    /// Where questions with these texts are looked for; empty for everywhere.
    pub knowledge_bases: Vec<KnowledgeBaseId>,
    /// Pieces of the documents, which the disk is searched for afterwards.
    #[serde(default)]
    pub phrases: Vec<String>,
}

/// Where an erasure is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureState {
    /// Its job waits or runs.
    Running,
    /// All of it is done.
    Done,
    /// Its job was given up, or paused, or cancelled; `jobs retry` goes on with it.
    Stopped,
}

impl ErasureState {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ErasureState::Running => "running",
            ErasureState::Done => "done",
            ErasureState::Stopped => "stopped",
        }
    }
}

/// A document of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedDocument {
    /// The document.
    pub id: DocumentId,
    /// Where it was.
    pub knowledge_base: KnowledgeBaseId,
    /// The document that it was in.
    pub parent: Option<DocumentId>,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Size of its file.
    pub bytes: u64,
    /// Passages that it had, in all indexes together.
    pub passages: u64,
    /// Indexes in which it had some.
    pub indexes: u32,
    /// `erased`, or `file_kept` where another document has the same file; `None` until then.
    pub outcome: Option<String>,
}

/// An erasure as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ErasureRecord {
    /// `era_` and a UUID v7.
    pub id: ErasureId,
    /// `documents`, `user` or `person`.
    pub subject: String,
    /// Id of the user; empty for the others.
    pub target: String,
    /// Keyed hashes of the texts that were given, in their order.
    pub fingerprints: Vec<String>,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub created: OffsetDateTime,
    /// When all was done.
    pub finished: Option<OffsetDateTime>,
    /// The job that does it.
    pub job: JobId,
    /// How it is.
    pub state: ErasureState,
}

/// What an erasure removed and found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErasureReport {
    /// The documents, in the order of their ids.
    pub documents: Vec<ErasedDocument>,
    /// How much was removed, by place.
    pub removed: BTreeMap<String, u64>,
    /// What was found out, by name.
    pub findings: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests;
