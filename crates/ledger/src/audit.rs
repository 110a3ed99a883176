//! Keeps the audit trail: who did what to what, when, and how it ended.
//!
//! Entries form a chain: each holds the hash of the one before, and its own hash is over all of its
//! fields. Who changes, removes or moves an entry breaks the chain; who removes the last ones is
//! found out by a head that was exported before. Contents (questions, answers) are not in the
//! entries; where they are kept at all, they are sealed for the holder of a private key, and the
//! chain has their digest only, so that they can be erased and it still holds.

use std::fmt;

use intramuros_types::RequestId;
use serde_json::Value;
use time::OffsetDateTime;

pub(crate) mod chain;
mod contents;
mod records;
mod seal;

pub use chain::{AuditVerifier, Fault, FaultKind, Head, Verification};
pub use records::{AuditFilter, AuditPage};
pub use seal::{Sealer, Unsealer};

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is about to be done: written before, so that no act can be without a trace.
    Begun,
    /// It was done.
    Done,
    /// The request was wrong or not allowed.
    Refused,
    /// The server could not do it.
    Failed,
    /// The caller left before the end.
    Left,
}

impl Outcome {
    /// The name in the trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Begun => "begun",
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
            Outcome::Left => "left",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something to put into the trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Who: `key:…`, `user:…`, `local:…` for somebody on the machine, `server:…` for itself.
    pub actor: String,
    /// Thing and verb, such as `documents.delete`.
    pub action: String,
    /// What it was done to; may be empty.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP request.
    pub request: Option<RequestId>,
    /// What else there is to say: ids, numbers, models; never contents. An object.
    pub details: Value,
    /// Question and answer, sealed, in base64.
    pub content: Option<String>,
}

/// An entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    /// Counts from 1 without gaps.
    pub seq: u64,
    /// When, as milliseconds since 1970-01-01 UTC: what the hash is over.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// Thing and verb.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// How it ended.
    pub outcome: String,
    /// Id of the HTTP request; may be empty.
    pub request: String,
    /// A JSON object, as text: what the hash is over.
    pub details: String,
    /// SHA-256 of the sealed content; empty without one.
    pub content: String,
    /// Hash of the entry before.
    pub previous: String,
    /// SHA-256 over all of the above.
    pub hash: String,
}

impl AuditRecord {
    /// When.
    pub fn moment(&self) -> OffsetDateTime {
        crate::moment::from_millis(self.at)
    }
}

#[cfg(test)]
mod tests;
